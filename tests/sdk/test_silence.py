"""Access points masked from the store by themselves: when asked, undoable, bounded."""

import json
import time
import tracemalloc

import numpy as np
import pytest
import small_bundles as small

from sdk import Localizer, Scan
from sdk.silence import LEAST_SCANS, Watch, silent
from sdk.store import Store


@pytest.fixture
def site(tmp_path, neighbours_bundle):
    """A bundle on disk with a store beside it."""
    path = tmp_path / "site.rssfix"
    path.write_bytes(neighbours_bundle)
    with Store(tmp_path / "scans.db") as store:
        yield path, store


def walks(rounds, dead=(), rows=None, seed=0):
    """Scans at every place, `rounds` times over; the APs in `dead` are silent."""
    rng = np.random.default_rng(seed)
    survey = small.survey() if rows is None else small.survey()[rows]
    for i in range(rounds):
        for row in survey:
            heard = [
                j for j in np.flatnonzero(~np.isnan(row)) if j not in dead
            ]  # fmt: skip
            levels = {small.BSSIDS[j]: float(row[j] + rng.normal(0, 1)) for j in heard}
            yield Scan.from_dict(levels, 1000 * i)


def names(*columns):
    return frozenset(small.BSSIDS[i] for i in columns)


def test_the_rule():
    heard = np.array([0, 9, 10, 11, 1000])
    assert silent(heard, 1000).tolist() == [True, True, False, False, False]
    assert silent(heard, LEAST_SCANS - 1) is None


def test_access_points_fall_silent_and_come_back(site):
    path, store = site
    store.add_all(walks(8))
    with Localizer.open(path) as localizer:
        before = localizer.info.unknown_aps
        assert localizer.mask_silent(store).masked == frozenset()
        store.add_all(walks(8, dead=(2, 5), seed=1))
        assert localizer.info.unknown_aps == before, "never without being asked"
        found = localizer.mask_silent(store, newest=300)
        assert found.masked == names(2, 5)
        assert found.kept_because == ""
        assert found.scans <= 300
        assert localizer.info.unknown_aps == tuple(sorted(names(2, 5)))
        assert set(json.loads((path.parent / "site.rssfix.silent.json").read_text())) == names(2, 5)
    # Kept over a restart; what was masked by hand is another set.
    with Localizer.open(path) as localizer:
        assert set(localizer.info.unknown_aps) == names(2, 5)
        localizer.set_unknown(names(0, 2))
        assert set(localizer.info.unknown_aps) == names(0, 2, 5)
        store.add_all(walks(8, dead=(5,), seed=2))
        assert localizer.mask_silent(store, newest=300).masked == names(5), "2 is back"
        assert set(localizer.info.unknown_aps) == names(0, 2, 5), "2 is masked by hand still"
        localizer.unmask_silent()
        assert set(localizer.info.unknown_aps) == names(0, 2)
        localizer.mask_silent(store, newest=300)
        localizer.set_unknown(())
        assert set(localizer.info.unknown_aps) == names(5)
        localizer.reload(path)
        assert set(localizer.info.unknown_aps) == names(5)
        localizer.reload(path.read_bytes())
        assert set(localizer.info.unknown_aps) == names(5)
        localizer.unmask_silent()
        assert localizer.info.unknown_aps == ()


def test_a_masked_access_point_counts_no_longer_as_far_away(site):
    """Fixes with dead APs: masked, they are what kNN without these APs gives."""
    path, store = site
    dead = (1, 6)
    store.add_all(walks(8, dead))
    errors = {}
    with Localizer.open(path) as localizer:
        for name in ("static", "masked"):
            apart = []
            for scan, at in zip(walks(1, dead, seed=9), np.column_stack(small.places()[:1]),
                                strict=True):  # fmt: skip
                if fix := localizer.locate(scan):
                    apart.append(np.hypot(fix.x_m - at[0], fix.y_m - at[1]))
            errors[name] = np.mean(apart)
            localizer.mask_silent(store)
    print(errors)
    assert errors["masked"] < errors["static"]


@pytest.mark.parametrize(
    ("rounds", "rows", "why"),
    [
        (2, None, "scans heard enough access points, 100 are needed"),
        (200, slice(0, 2), "the scans come from a part of the site only"),
        (20, slice(0, 20), "the scans come from a part of the site only"),
    ],
)
def test_where_the_rule_cannot_be_applied_nothing_changes(site, rounds, rows, why):
    """Too few scans; a sensor that stands still; a user who never leaves the ground floor."""
    path, store = site
    with Localizer.open(path) as localizer:
        store.add_all(walks(8, dead=(3,)))
        assert localizer.mask_silent(store).masked == names(3)
        later = list(walks(rounds, dead=(4,), rows=rows))
        store.add_all(later)
        found = localizer.mask_silent(store, newest=len(later))
        assert why in found.kept_because
        assert found.masked == names(3)
        assert set(localizer.info.unknown_aps) == names(3)


def test_a_watch_looks_by_itself(site):
    path, store = site
    with Localizer.open(path) as localizer:
        watch = Watch(localizer, store, every=150, newest=300)
        found = [watch.add(scan, device="phone") for scan in walks(10, dead=(7,))]
    looks = [i for i, one in enumerate(found) if one is not None]
    assert looks == [149, 299]
    assert found[299].masked == names(7)
    assert len(store) == len(found)
    assert {one.device for one in store.rows()} == {"phone"}


def test_time_and_memory_do_not_grow_with_the_store(tmp_path, neighbours_bundle):
    spent, peaks = [], []
    with Localizer.open(neighbours_bundle) as localizer:
        for rounds in (20, 400):
            with Store(tmp_path / f"{rounds}.db") as store:
                store.add_all(walks(rounds, dead=(2,)))
                best = []
                for _ in range(3):
                    begin = time.process_time()
                    localizer.mask_silent(store, newest=500)
                    best.append(time.process_time() - begin)
                tracemalloc.start()
                assert localizer.mask_silent(store, newest=500).masked == names(2)
                peaks.append(tracemalloc.get_traced_memory()[1])
                tracemalloc.stop()
                spent.append(min(best))
    print(f"{spent[0] * 1000:.0f} and {spent[1] * 1000:.0f} ms, {peaks} bytes")
    assert spent[1] < 2.5 * spent[0] + 0.01
    assert max(peaks) < 2_000_000
    assert peaks[1] < 1.5 * peaks[0]


def test_what_is_refused(site):
    path, store = site
    with Localizer.open(path) as localizer:
        for wrong in (0, 10_001, True, 2.5):
            with pytest.raises(ValueError, match=r"newest must be an int in 1\.\.10000"):
                localizer.mask_silent(store, newest=wrong)
        with pytest.raises(ValueError, match="every must be an int >= 1, got 0"):
            Watch(localizer, store, every=0)
    with pytest.raises(ValueError, match="newest must be an int >= 1"):
        list(store.scans(newest=0))
    store.add_all(walks(1))
    assert [s.timestamp_ms for s in store.scans(newest=3)] == [0, 0, 0]
    assert len(list(store.scans(newest=10**6))) == len(store)
    (path.parent / "site.rssfix.silent.json").write_text("{")
    from sdk import BundleError

    with pytest.raises(BundleError, match=r"silent\.json: must be a JSON list"):
        Localizer.open(path)
