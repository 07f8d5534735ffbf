"""The bundle writer: stored, aligned, repeatable, written whole."""

import hashlib
import io
import json
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from export.bundle import ALIGNMENT_BYTES, bundle_bytes, npy_bytes

names = st.text("abcdefghijklmnopqrstuvwxyz_", min_size=1, max_size=90).map(lambda s: s + ".npy")
members_strategy = st.dictionaries(names, st.binary(max_size=300), max_size=6)


def data_offset(data: bytes, info: zipfile.ZipInfo) -> int:
    header = data[info.header_offset : info.header_offset + 30]
    name_bytes = int.from_bytes(header[26:28], "little")
    extra_bytes = int.from_bytes(header[28:30], "little")
    return info.header_offset + 30 + name_bytes + extra_bytes


@given(members_strategy)
def test_every_member_is_stored_and_aligned(members):
    data = bundle_bytes({"system": "exloc"}, members)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        for info in archive.infolist():
            assert info.compress_type == zipfile.ZIP_STORED
            assert data_offset(data, info) % ALIGNMENT_BYTES == 0
        manifest = json.loads(archive.read("manifest.json"))
        assert archive.namelist() == ["manifest.json", *members]
        for name, content in members.items():
            assert archive.read(name) == content
            assert manifest["members"][name] == {
                "sha256": hashlib.sha256(content).hexdigest(),
                "bytes": len(content),
            }


def test_same_input_same_bytes_and_a_changed_member_changes_the_model_id():
    one = {"model.onnx": b"abc"}
    assert bundle_bytes({"a": 1}, one) == bundle_bytes({"a": 1}, one)

    def identity(members):
        with zipfile.ZipFile(io.BytesIO(bundle_bytes({}, members))) as archive:
            return json.loads(archive.read("manifest.json"))["model_id"]

    assert identity(one) != identity({"model.onnx": b"abd"})
    assert identity(one) != identity({"model.tflite": b"abc"})


def test_a_manifest_with_nan_is_refused():
    with pytest.raises(ValueError, match="not JSON compliant"):
        bundle_bytes({"accuracy": float("nan")}, {})


def test_npy_bytes_round_trip():
    array = np.arange(12, dtype=np.float32).reshape(3, 4).T
    assert np.array_equal(np.load(io.BytesIO(npy_bytes(array))), array)
