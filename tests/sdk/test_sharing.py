"""Many threads, models that change under them, and memory that does not grow."""

import gc
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import small_bundles as small

from sdk import BundleError, ClosedError, Localizer
from sdk.bench import current_bytes

THREADS = 8


def run_in_threads(work):
    with ThreadPoolExecutor(THREADS) as pool:
        for future in [pool.submit(work, number) for number in range(THREADS)]:
            future.result()


def test_threads_get_the_serial_answers(any_bundle, scans):
    with Localizer.open(any_bundle) as localizer:
        fixes = [localizer.locate(scan) for scan in scans]
        reasons = {i: localizer.explain(scans[i]) for i in range(0, 40, 8) if fixes[i]}
        start = threading.Barrier(THREADS)

        def work(number):
            start.wait()
            for turn in range(20):
                i = (turn * 7 + number * 5) % len(scans)
                assert localizer.locate(scans[i]) == fixes[i]
                if i in reasons:
                    assert localizer.explain(scans[i]) == reasons[i]

        run_in_threads(work)


def named(name, **changes):
    record, members = small.neighbours_parts(**changes)
    record["name"] = record["model_id"] = name
    return small.pack(record, members)


def test_reload_is_atomic_under_load(scans, tmp_path):
    """Every answer comes whole from one model, also while corrupt bundles are tried."""
    first, second = named("first", k=5), named("second", k=9, power=1.0)
    corrupt = [second[:-50], second[:2000], b"", second.replace(b'"second"', b'"secon!"', 1)]
    expected = {}
    for blob in (first, second):
        with Localizer.open(blob) as alone:
            expected[alone.info.model_id] = [alone.locate(scan) for scan in scans]
    assert expected["first"] != expected["second"]
    path = tmp_path / "site.rssfix"
    path.write_bytes(first)
    done = threading.Event()
    seen = set()
    with Localizer.open(path) as localizer:

        def work(number):
            i = number
            while not done.is_set():
                fix = localizer.locate(scans[i % len(scans)])
                assert fix == expected[fix.model_id][i % len(scans)]
                seen.add(fix.model_id)
                i += 1

        def change():
            for turn in range(30):
                localizer.reload(second if turn % 2 else path)
                serving = localizer.info.model_id
                for blob in corrupt:
                    with pytest.raises(BundleError):
                        localizer.reload(blob)
                    assert localizer.info.model_id == serving
            done.set()

        with ThreadPoolExecutor(5) as pool:
            workers = [pool.submit(work, number) for number in range(4)]
            changer = pool.submit(change)
            changer.add_done_callback(lambda _: done.set())
            for future in [changer, *workers]:
                future.result()
    assert seen == {"first", "second"}


def test_set_unknown_and_close_under_load(per_ap_bundle, scan):
    localizer = Localizer.open(per_ap_bundle)
    all_heard = localizer.locate(scan)
    localizer.set_unknown({scan.bssids[0]})
    one_masked = localizer.locate(scan)

    def work(number):
        if number == 0:
            for turn in range(200):
                localizer.set_unknown({scan.bssids[0]} if turn % 2 else set())
            localizer.close()
            return
        while True:
            try:
                assert localizer.locate(scan) in (all_heard, one_masked)
            except ClosedError:
                return

    run_in_threads(work)


def test_memory_does_not_grow(any_bundle, scans):
    with Localizer.open(any_bundle) as localizer:
        track = localizer.start_track()
        time = 0

        def use(rounds):
            nonlocal time
            for _ in range(rounds):
                for scan in scans:
                    localizer.locate(scan)
                    time += 1000
                    track.update(type(scan)(time, scan.readings))
                if localizer.locate(scans[7]):
                    localizer.explain(scans[7])
            gc.collect()

        use(10)
        before = current_bytes()
        use(40)
        assert current_bytes() - before < 1 << 20


def test_opening_again_and_again_does_not_grow(any_bundle):
    def use(rounds):
        for _ in range(rounds):
            Localizer.open(any_bundle).close()
        gc.collect()

    use(15)
    before = current_bytes()
    use(60)
    assert current_bytes() - before < 3 << 20


def test_a_model_dies_with_its_last_reference(per_ap_bundle, scan):
    """No cycles: what reload replaces is freed at once, not when the collector runs."""
    import weakref

    localizer = Localizer.open(per_ap_bundle)
    gone = weakref.ref(localizer._serving().positioner)
    gc.disable()
    try:
        localizer.reload(per_ap_bundle)
        assert gone() is None
    finally:
        gc.enable()
