"""What every kernel accepts and refuses: types, memory orders, out=, results that stay alive."""

from __future__ import annotations

import numpy as np
import pytest

from sdk import _core, native

RSSI = np.array([-40, -70, -55, -90], np.float32)


@pytest.mark.parametrize(
    "rssi",
    [
        RSSI.astype(np.float64),
        RSSI.astype(np.float16),
        RSSI.astype(np.longdouble),
        RSSI.astype(np.int8),
        RSSI.astype(">f4"),
        np.repeat(RSSI, 2)[::2],
        RSSI[::-1][::-1],
        RSSI.tolist(),
        tuple(RSSI.tolist()),
        np.frombuffer(b"\0" + RSSI.tobytes(), np.float32, offset=1),
    ],
    ids=["f8", "f2", "f16", "i1", "big endian", "strided", "view", "list", "tuple", "unaligned"],
)
def test_any_real_numbers_are_taken(rssi):
    np.testing.assert_array_equal(native.cyclic_map(rssi), native.cyclic_map(RSSI))


def test_fortran_order_is_taken():
    maps = np.random.default_rng(1).normal(size=(3, 5, 5)).astype(np.float32)
    expected = native.diagonal_mean(maps)
    np.testing.assert_array_equal(native.diagonal_mean(np.asfortranarray(maps)), expected)


@pytest.mark.parametrize(
    ("rssi", "dtype"),
    [
        (RSSI.astype(complex), "complex128"),
        (np.array([True, False]), "bool"),
        (np.array([object()]), "object"),
        (["a", "b"], "<U1"),
        (None, "object"),
        (np.array(["2020-01-01"], "M8[D]"), "datetime64[D]"),
    ],
)
@pytest.mark.parametrize("kernel", [native.cyclic_map, native.diagonal_mean, native.ratio_image])
def test_other_types_are_refused(kernel, rssi, dtype):
    with pytest.raises(TypeError, match="expected real numbers") as error:
        kernel(rssi)
    assert f"has dtype {dtype}:" in str(error.value)


def test_results_are_float32_in_c_order():
    for result in (native.cyclic_map(RSSI), native.ratio_image(RSSI)):
        assert result.dtype == np.float32
        assert result.flags.c_contiguous
        assert result.flags.owndata


def rank_pdf_into(out):
    return native.rank_pdf([[1, 1]], [0], [2.0], [1.0], (0, 0), 1.0, (4, 4), out=out)


def path_loss_pdf_into(out):
    return native.path_loss_pdf(
        [[1, 1]], [-50], [1], [0], -35, 3, 8, 2, -90, (0, 0), 1.0, (4, 4), out=out
    )


def level_likelihoods_into(out):
    model = ([-60] * 4, [4] * 4, [2] * 4, [0.5] * 4, [0.5] * 4, [0.1] * 4, [-1] * 4)
    return native.level_likelihoods(RSSI, *model, 1.0, out=out)


@pytest.mark.parametrize(
    "kernel",
    [
        lambda out: native.cyclic_map(RSSI, out=out),
        lambda out: native.ratio_image(RSSI, out=out),
        level_likelihoods_into,
        path_loss_pdf_into,
        rank_pdf_into,
    ],
    ids=["cyclic_map", "ratio_image", "level_likelihoods", "path_loss_pdf", "rank_pdf"],
)
def test_out_is_filled_and_returned(kernel):
    out = np.full((4, 4), np.nan, np.float32)
    assert kernel(out) is out
    np.testing.assert_array_equal(out, kernel(None))

    read_only = np.zeros((4, 4), np.float32)
    read_only.flags.writeable = False
    for wrong, error, text in [
        (np.zeros((4, 5), np.float32), ValueError, r"out has shape \(4, 5\): expected \(4, 4\)"),
        (np.zeros(16, np.float32), ValueError, r"out has shape \(16,\): expected \(4, 4\)"),
        (np.zeros((4, 4)), TypeError, "out has dtype float64: expected float32"),
        (np.zeros((4, 4), np.float32).T[::-1], TypeError, "C-contiguous"),
        (read_only, ValueError, "out is read-only"),
        ([[0.0] * 4] * 4, TypeError, "out is a list: expected a numpy array of float32"),
    ]:
        with pytest.raises(error, match=text):
            kernel(wrong)


def test_out_may_not_be_the_input():
    memory = np.full((4, 4), -50, np.float32)
    with pytest.raises(ValueError, match="out shares memory with the input"):
        native.cyclic_map(memory[1], out=memory)
    with pytest.raises(ValueError, match="out shares memory with the input"):
        native.ratio_image(memory[3], out=memory)


def test_out_may_not_be_any_of_several_inputs():
    """What the core has checked it reads again: a level that is overwritten is an index astray."""
    memory = np.zeros(64, np.float32)
    levels = memory.view(np.uint16)[:64].reshape(1, 64)
    shared = pytest.raises(ValueError, match="out shares memory with the input")
    with shared:
        native.level_sums(levels, np.full((1, 2), -100, np.float32), out=memory)
    with shared:
        native.level_sums(np.zeros((1, 64), np.uint16), memory[:2].reshape(1, 2), out=memory)
    model = [np.full(16, value, np.float32) for value in (-90, 4, 3, 0.7, 0.2, 1e-4, -9)]
    for i in range(len(model)):
        buffer = np.concatenate([model[i], np.zeros(16, np.float32)])
        parts = [*model[:i], buffer[:16], *model[i + 1 :]]
        with shared:
            native.level_likelihoods(
                np.full(1, -80, np.float32), *parts, 1.0, out=buffer[8:24].reshape(1, 16)
            )


def test_levels_that_are_not_aligned_are_refused():
    levels = np.zeros(9, np.uint8)[1:].view(np.uint16).reshape(1, 4)
    with pytest.raises(TypeError, match="C-contiguous and aligned"):
        native.level_sums(levels, np.zeros((1, 2), np.float32))


def test_numbers_may_be_python_numpy_or_arrays_of_no_dimension():
    pdf = np.array([[0.5, 1.0]], np.float32)
    expected = native.threshold_centroid(pdf, (0, 0), 1, 0.6)
    for one in (1.0, np.float32(1), np.int64(1), np.array(1.0)):
        assert native.threshold_centroid(pdf, np.zeros(2, np.float32), one, 0.6) == expected
    for wrong in (True, "1", None, 1j, np.bool_(True), [1.0]):
        with pytest.raises(TypeError, match="pitch_m has"):
            native.threshold_centroid(pdf, (0, 0), wrong, 0.6)


def test_build_info_names_the_compiler_and_the_kernels():
    info = native.build_info()
    assert info["version"] == _core.__version__
    assert info["simd"] in info["simd_supported"]
    assert info["simd_supported"][0] == "baseline"
    assert info["compiler"]
    assert "-O3" in info["flags"]


def test_kernels_that_are_not_there_are_refused():
    with pytest.raises(ValueError, match="simd is 'sse9': expected one of"):
        _core.set_simd("sse9")


def test_native_imports_nothing_but_numpy_and_core():
    imported = {
        value.__name__.partition(".")[0]
        for value in vars(native).values()
        if hasattr(value, "__spec__")
    }
    assert imported <= {"numpy", "sdk", "__future__"}
