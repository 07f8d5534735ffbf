"""Messages survive the process, stay bounded, and are told from other files."""

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdk import store_file
from sdk.errors import StoreError
from sdk.outbox import Outbox
from sdk.store import Store


def test_what_is_put_in_comes_out_in_order_until_it_is_delivered(tmp_path):
    path = tmp_path / "outbox.db"
    outbox = Outbox(path)
    numbers = [outbox.put(f"text {i}") for i in range(5)]
    assert numbers == sorted(set(numbers))
    assert outbox.after(0, 3) == list(zip(numbers, ["text 0", "text 1", "text 2"], strict=False))
    assert outbox.after(numbers[3], 3) == [(numbers[4], "text 4")]
    outbox.delivered(numbers[1])
    outbox.delivered(numbers[1])
    outbox.close()
    outbox = Outbox(path)
    assert [text for _, text in outbox.after(0, 9)] == ["text 0", "text 2", "text 3", "text 4"]
    for number, _ in outbox.after(0, 9):
        outbox.delivered(number)
    assert len(outbox) == 0
    outbox.close()
    # Receivers tell repeats by the number, so it is not used again, not even after an empty file.
    outbox = Outbox(path)
    assert outbox.put("later") == numbers[-1] + 1
    outbox.close()


@settings(max_examples=20)
@given(
    steps=st.lists(st.one_of(st.just("put"), st.integers(0, 30)), max_size=40),
    most=st.integers(1, 5),
)
def test_it_is_a_bounded_queue(tmp_path_factory, steps, most):
    outbox = Outbox(tmp_path_factory.mktemp("outbox") / "outbox.db", most)
    expected, dropped = [], 0
    for step in steps:
        if step == "put":
            expected.append((outbox.put("x"), "x"))
            dropped += len(expected) > most
            expected = expected[-most:]
        else:
            outbox.delivered(step)
            expected = [one for one in expected if one[0] != step]
        assert outbox.after(0, 99) == expected
        assert len(outbox) == len(expected)
        assert outbox.dropped == dropped
    outbox.close()


def test_a_killed_process_loses_nothing(tmp_path):
    path = tmp_path / "outbox.db"
    code = """
        import sys
        from sdk.outbox import Outbox
        outbox = Outbox(sys.argv[1])
        for i in range(10**9):
            outbox.put(str(i))
            print(i, flush=True)
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), path], stdout=subprocess.PIPE, text=True
    )
    for line in process.stdout:
        if int(line) == 20:
            os.kill(process.pid, signal.SIGKILL)
            break
    told = [line for line in process.stdout if line.endswith("\n")]
    process.wait()
    process.stdout.close()
    last = int(told[-1]) if told else 20
    outbox = Outbox(path)
    texts = [int(text) for _, text in outbox.after(0, 10**6)]
    assert texts[: last + 1] == list(range(last + 1))
    outbox.close()


def test_one_process_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr(store_file, "BUSY_S", 0.1)
    path = tmp_path / "outbox.db"
    outbox = Outbox(path)
    with pytest.raises(StoreError, match=r"outbox.db: another process has held the file"):
        Outbox(path)
    outbox.put("still fine")
    outbox.close()
    Outbox(path).close()


def test_files_that_are_no_outbox(tmp_path):
    Store(tmp_path / "store.db").close()
    with pytest.raises(StoreError, match=r"store.db: is a SQLite database, but not an outbox"):
        Outbox(tmp_path / "store.db")
    Outbox(tmp_path / "outbox.db").close()
    with pytest.raises(StoreError, match=r"outbox.db: is a SQLite database, but not a store"):
        Store(tmp_path / "outbox.db")
    (tmp_path / "text").write_text("hello " * 99)
    with pytest.raises(StoreError, match="is no SQLite file"):
        Outbox(tmp_path / "text")
    with sqlite3.connect(tmp_path / "outbox.db") as database:
        database.execute("DROP TABLE messages")
    database.close()
    with pytest.raises(StoreError, match="damaged: the table of messages is missing"):
        Outbox(tmp_path / "outbox.db")
    with pytest.raises(ValueError, match="max_messages must be an int >= 1, got 0"):
        Outbox(tmp_path / "new.db", 0)
