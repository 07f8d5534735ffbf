"""The rules of a hapi run (``Run.ranks``), and the device's positioner over them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from sdk.places import Places
from sdk.positioners.ranks import Ranks as Positioner
from sdk.rank_rules import RankRules
from training.hapi_floor import FloorFit
from training.hapi_presets import Preset, Ranks
from training.hapi_quality import no_quality
from training.hapi_site import Cells

# Share of the largest density at which the area of path_loss maps is taken for the quality.
PATH_LOSS_AREA_SHARE = 0.5


def rules_of(preset: Preset, cells: Cells, floor: FloorFit | None) -> dict[str, Any]:
    """``Run.ranks``, with a quality that only shows its features."""
    position = preset.position
    share = position.threshold if isinstance(position, Ranks) else PATH_LOSS_AREA_SHARE
    network = None
    if floor is not None:
        network = {
            "scores": "logits", "mean": floor.mean.tolist(), "std": floor.std.tolist(),
            "temperature": floor.temperature,
        }  # fmt: skip
    return {
        "grids": list(cells.grids),
        "floor_network": network,
        "floor_attenuation_db": preset.floor_attenuation_db,
        "cap_dbm": preset.cap_dbm,
        "offset_db": 0.0,
        "position": position.to_json(),
        "windows": preset.windows.to_json(),
        "quality": no_quality(share),
    }


def positioner_of(
    rules: Any,
    places: Places,
    ap_xy_m: NDArray[np.float64],
    ap_floor: NDArray[np.int32],
    network: nn.Module | None,
    where: str = "rules",
) -> Positioner:
    """The device's own code over these rules, floor scores from the network in PyTorch.

    Raises BundleError (naming ``where``) and ValueError as the device does.
    """
    scores = None
    if network is not None:

        def scores(features: NDArray[np.float32]) -> NDArray[np.float32]:
            with torch.inference_mode():
                return network(torch.from_numpy(features))[0].numpy()

    return Positioner(RankRules.from_json(rules, where), places, ap_xy_m, ap_floor, scores)
