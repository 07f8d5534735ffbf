"""Files are there whole or not at all."""

import os

import pytest

from sdk.atomic import write_file


def test_text_and_bytes_with_folders_made(tmp_path):
    write_file(tmp_path / "a" / "b.txt", "Grüße")
    assert (tmp_path / "a" / "b.txt").read_bytes() == "Grüße".encode()
    write_file(tmp_path / "a" / "b.txt", b"second")
    assert (tmp_path / "a" / "b.txt").read_bytes() == b"second"
    assert os.stat(tmp_path / "a" / "b.txt").st_mode & 0o777 == 0o644


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, error):
    path = tmp_path / "site.rssfix"
    write_file(path, b"old")

    def broken(*_args):
        raise error

    monkeypatch.setattr("sdk.atomic.os.replace", broken)
    with pytest.raises(error):
        write_file(path, b"new")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["site.rssfix"]
