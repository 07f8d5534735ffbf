"""The store of unlabelled scans: nothing committed is lost, and it stays bounded."""

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdk.errors import ScanError, StoreError
from sdk.scan import Reading, Scan
from sdk.store import MAX_READINGS, Store
from sdk.store_file import is_store

WRITER = """
    import random, sys
    from sdk.scan import Scan
    from sdk.store import Store
    store = Store(sys.argv[1])
    for i in range(int(sys.argv[2]), 10**9):
        rng = random.Random(i)
        levels = {f"ap {j}": -rng.uniform(20, 99) for j in range(40)}
        store.add(Scan.from_dict(levels, i), device="phone")
        sys.stdout.write(f"{i}\\n")
        sys.stdout.flush()
"""


def scan_at(time_ms, level=-60.0):
    return Scan.from_dict({"02:00:00:00:00:10": level}, time_ms)


def test_a_writer_killed_in_the_middle_of_writing_loses_nothing_committed(tmp_path):
    """kill -9 at five different moments; the next writer goes on with the same file."""
    import random

    path, told = tmp_path / "store.db", 0
    for attempt in range(5):
        command = [sys.executable, "-c", textwrap.dedent(WRITER), str(path), str(told)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            for _ in range(10 + 7 * attempt):
                told = int(writer.stdout.readline()) + 1
            time.sleep(0.0007 * attempt)
            os.kill(writer.pid, signal.SIGKILL)
            for line in writer.stdout:
                # The last line may be cut, but it was written whole: a pipe takes it at once.
                told = int(line) + 1
        assert writer.returncode == -signal.SIGKILL
        with Store(path) as store:
            kept = list(store.scans())
        # The kill may fall between the commit and the word of it.
        assert len(kept) in (told, told + 1)
        assert [scan.timestamp_ms for scan in kept] == list(range(len(kept)))
        for scan in kept:
            rng = random.Random(scan.timestamp_ms)
            levels = tuple(-rng.uniform(20, 99) for _ in range(40))
            assert scan.rssi_dbm == levels
        told = len(kept)
    with sqlite3.connect(path) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()


def test_the_oldest_unlabelled_scans_go_first(tmp_path):
    with Store(tmp_path / "store.db", max_scans=5) as store:
        store.add(scan_at(0), place=(1.0, 2.0, 3), device="phone", session="walk")
        for i in range(1, 9):
            store.add(scan_at(i))
        assert [scan.timestamp_ms for scan in store.scans()] == [0, 5, 6, 7, 8]
        first = next(store.rows())
        assert (first.place, first.device, first.session) == ((1.0, 2.0, 3), "phone", "walk")
        for i in range(10, 16):
            store.add(scan_at(i), place=(0.0, 0.0, 0))
        assert [scan.timestamp_ms for scan in store.scans()] == [11, 12, 13, 14, 15]
        assert len(store) == 5
        store.add_all(scan_at(20 + i) for i in range(50))
        assert len(store) == 5


def test_the_file_is_bounded_too(tmp_path):
    path = tmp_path / "store.db"
    with Store(path, max_scans=20) as store:
        for i in range(60):
            store.add(scan_at(i))
        size = path.stat().st_size
        for i in range(400):
            store.add(scan_at(60 + i))
    assert path.stat().st_size <= size + 100_000
    assert sorted(p.name for p in tmp_path.iterdir()) == ["store.db"], "the log is folded in"


@given(
    st.lists(
        st.builds(
            lambda time, readings: Scan(time, readings),
            st.integers(-(2**63), 2**63 - 1),
            st.lists(
                st.builds(
                    Reading,
                    st.text(min_size=1).filter(str.strip),
                    st.floats(-150.0, -1e-300),
                    st.none() | st.integers(0, 2**63 - 1),
                    st.none() | st.integers(0, 2**63 - 1),
                ),
                max_size=6,
            ),
        ),
        max_size=6,
    )
)
@settings(max_examples=40, deadline=None)
def test_scans_come_back_as_they_were(tmp_path_factory, scans):
    path = tmp_path_factory.mktemp("stores") / "store.db"
    with Store(path) as store:
        store.add_all(scans)
    with Store(path, read_only=True) as store:
        assert list(store.scans()) == scans
        assert list(store.scans(since=0)) == [s for s in scans if s.timestamp_ms >= 0]


def test_many_threads_and_a_reader(tmp_path):
    with Store(tmp_path / "store.db") as store:
        store.add_all(scan_at(i) for i in range(600))

        def write(number):
            for i in range(10):
                store.add(scan_at(10_000 * number + i))

        threads = [threading.Thread(target=write, args=(n,)) for n in range(1, 5)]
        for thread in threads:
            thread.start()
        # Begun while they write: what stood there at first is all there.
        assert sum(1 for scan in store.scans() if scan.timestamp_ms < 600) == 600
        for thread in threads:
            thread.join()
        assert len(store) == 640


def test_a_second_process_may_write(tmp_path):
    path = tmp_path / "store.db"
    with Store(path) as store, Store(path) as other:
        store.add(scan_at(1))
        other.add(scan_at(2))
        assert [s.timestamp_ms for s in store.scans()] == [1, 2]
        assert [s.timestamp_ms for s in other.scans(since=2)] == [2]


def test_files_that_are_no_store(tmp_path):
    text = tmp_path / "scans.jsonl"
    text.write_text("{}" * 1000)
    with pytest.raises(StoreError, match=r"scans.jsonl: is no SQLite file"):
        Store(text)
    foreign = tmp_path / "photos.db"
    database = sqlite3.connect(foreign)
    database.execute("CREATE TABLE scans (id INTEGER)")
    database.close()
    before = foreign.read_bytes()
    with pytest.raises(StoreError, match=r"photos.db: is a SQLite database, but not a store"):
        Store(foreign)
    assert foreign.read_bytes() == before
    assert is_store(foreign)
    assert not is_store(text)
    with pytest.raises(StoreError, match="is a folder"):
        Store(tmp_path)
    with pytest.raises(StoreError, match="no such store"):
        Store(tmp_path / "missing.db", read_only=True)
    with pytest.raises(StoreError, match="cannot be used"):
        Store(tmp_path / "no folder" / "store.db")
    assert not (tmp_path / "missing.db").exists()


def test_damage_is_named(tmp_path):
    path = tmp_path / "store.db"
    with Store(path) as store:
        store.add_all(scan_at(i) for i in range(300))
    whole = path.read_bytes()
    database = sqlite3.connect(path)
    database.execute("UPDATE scans SET scan = '{' WHERE id = 7")
    database.commit()
    database.close()
    with Store(path) as store, pytest.raises(StoreError, match="row 7 is damaged"):
        list(store.scans())
    page = int.from_bytes(whole[16:18], "big")
    path.write_bytes(whole[:page] + b"\xff" * (len(whole) - page))
    with pytest.raises(StoreError, match=r"store.db: the file is damaged"), Store(path) as store:
        list(store.scans())
    database = sqlite3.connect(path)
    database.close()
    path.write_bytes(whole[:60] + (2).to_bytes(4, "big") + whole[64:])
    with pytest.raises(StoreError, match="format 2, this reader knows format 1"):
        Store(path)


def test_what_is_refused(tmp_path):
    with pytest.raises(ValueError, match="max_scans must be"):
        Store(tmp_path / "store.db", max_scans=0)
    store = Store(tmp_path / "store.db")
    many = Scan.from_dict({f"ap {i}": -50.0 for i in range(MAX_READINGS + 1)}, 0)
    with pytest.raises(ScanError, match="at most 4096"):
        store.add_all([scan_at(0), many])
    with pytest.raises(ScanError, match="finite"):
        store.add(scan_at(0), place=(float("nan"), 0.0, 0))
    assert len(store) == 0
    store.close()
    store.close()
    with pytest.raises(StoreError, match="is closed"):
        store.add(scan_at(0))


def test_a_read_only_store_changes_nothing(tmp_path):
    path = tmp_path / "store.db"
    with Store(path) as store:
        store.add(scan_at(0))
    before = path.read_bytes()
    with Store(path, read_only=True) as store:
        with pytest.raises(StoreError, match="readonly"):
            store.add(scan_at(1))
        assert len(store) == 1
    assert path.read_bytes() == before
