"""The parts of a Hapi bundle: floor network, places, access points, rules (SPEC 5)."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.bundle import npy_bytes
from export.conversion import (
    SCORES,
    KeptFloat,
    before_scores,
    described,
    model_files,
    two_attempts,
)
from export.parts import Attempt, OnDemand, Parts, places
from sdk.errors import RssfixError
from sdk.fingerprint import Fingerprint
from sdk.places import Places
from sdk.positioners.ranks import Ranks
from sdk.rank_rules import FEATURES, SPAN
from training.hapi_rules import positioner_of
from training.networks.floor import FloorNet
from training.run import Run, RunError

# A posterior of a fine grid is large: the golden pair holds no more values than these.
_MOST_GOLDEN_VALUES = 100_000
_MOST_GOLDEN_ROWS = 4
_SURE = 1e-3


def attempts(run: Run, formats: Sequence[str], precision: str) -> Iterator[Attempt]:
    """The ways to make the parts: for int8, then with a float32 head; one without a network."""
    if run.network is None:
        return iter([partial(_without_network, run)])
    return two_attempts(_parts, run, formats, precision)


def checkpoint_probability(run: Run, rssi_dbm: NDArray[np.float32]) -> OnDemand:
    """Place probabilities (B, G) of the fp32 checkpoint, computed when they are asked for."""
    ranks = ranks_of_run(run)
    unknown = np.zeros(len(run.bssids), dtype=np.bool_)

    def answer(row: int) -> Any:
        heard = int(np.isfinite(rssi_dbm[row]).sum())
        scan = Fingerprint(rssi_dbm[row], unknown, heard, heard, heard)
        return ranks.invoke(ranks.prepare(scan))

    most = most_golden(len(ranks.places))
    golden = np.array(_golden(answer, len(rssi_dbm), most))
    return OnDemand(lambda row: ranks.decode(answer(row)).probability, len(rssi_dbm), golden)


def most_golden(n_places: int) -> int:
    """How many rows the golden pair of a fine grid holds."""
    return int(np.clip(_MOST_GOLDEN_VALUES // n_places, 1, _MOST_GOLDEN_ROWS))


def _golden(answer: Callable[[int], Any], rows: int, most: int) -> list[int]:
    """Rows from all over, those of which the floor is sure: where two floors compete, int8 may
    move much from one to the other, and the pair would have to allow for it."""
    tried = np.linspace(0, rows - 1, min(rows, 16 * most)).round().astype(int).tolist()
    doubt = {row: 1.0 - answer(row).floors[0][1] for row in tried}
    sure = sum(one < _SURE for one in doubt.values())
    best = sorted(sorted(tried, key=doubt.__getitem__)[: max(sure, most)])
    chosen = np.linspace(0, len(best) - 1, min(most, len(best))).round().astype(int)
    return [best[i] for i in chosen]


def ranks_of_run(run: Run) -> Ranks:
    """The device's own positioner over a run, its floors from the checkpoint in PyTorch.

    Raises RunError where the run's rules and arrays do not fit together.
    """
    arrays = run.arrays
    network = None if run.network is None else floor_network(run)
    try:
        xy_m, floor = arrays["places_xy_m"], arrays["places_floor"]
        return positioner_of(
            run.ranks,
            Places(xy_m[:, 0], xy_m[:, 1], floor, run.pitch_m),
            arrays["ap_xy_m"].astype(np.float64),
            arrays["ap_floor"].astype(np.int32),
            network,
            "run.ranks",
        )
    except KeyError as error:
        raise RunError(f"this hapi run has no array {error}") from None
    except (ValueError, RssfixError) as error:
        raise RunError(f"the rules of this run do not fit: {error}") from None


def floor_network(run: Run) -> FloorNet:
    """The run's floor network, ready to answer. Raises RunError where weights and shape differ."""
    assert run.network is not None
    settings = {name: value for name, value in run.network.items() if name != "kind"}
    try:
        network = FloorNet(**settings)
        network.load_state_dict(run.state)
    except (TypeError, ValueError, RuntimeError) as error:
        raise RunError(f"the floor network does not fit its weights: {error}") from None
    return network.eval()


def network_inputs(run: Run, rows: int | None = None) -> NDArray[np.float32]:
    """The floor network's inputs (B, 32) for the first calibration rows that hear anything."""
    ranks = ranks_of_run(run)
    unknown = np.zeros(len(run.bssids), dtype=np.bool_)
    levels = run.arrays["calibration_rssi_dbm"] + np.float32(ranks.rules.offset_db)
    heard = levels[np.isfinite(levels).any(axis=1)][:rows]
    if not len(heard):
        raise RunError("no calibration scan of this run hears an access point")
    return np.concatenate([ranks.features(row, unknown)[1] for row in heard])


def _parts(run: Run, formats: Sequence[str], precision: str, *, float_head: bool) -> Parts:
    models = model_files(
        floor_network(run), (1, SPAN * FEATURES), (SCORES,), network_inputs(run), formats,
        precision, KeptFloat(before_scores) if float_head else None,
    )  # fmt: skip
    kind = described(precision, float_head)
    assert run.ranks is not None
    rules = {**run.ranks, "floor_network": {**run.ranks["floor_network"], "scores": SCORES}}
    return _assembled(run, models, rules, precision, f"floor network, {kind}")


def _without_network(run: Run) -> Parts:
    assert run.ranks is not None
    note = "floor of the strongest access point, no model file"
    return _assembled(run, {}, run.ranks, "fp32", note)


def _assembled(
    run: Run, models: dict[str, bytes], rules: dict[str, Any], precision: str, note: str
) -> Parts:
    place_members, place_names = places(run)
    access_points = {
        "ap_xy_m.npy": npy_bytes(run.arrays["ap_xy_m"].astype(np.float64)),
        "ap_floor.npy": npy_bytes(run.arrays["ap_floor"].astype(np.int32)),
    }
    output = {
        "positioner": "ranks",
        "estimate": run.estimate,
        "places": place_names,
        "access_points": {"xy_m": "ap_xy_m.npy", "floor": "ap_floor.npy"},
        **rules,
    }
    members = {**models, **access_points, **place_members}
    return Parts(members, None, output, precision, note)
