from __future__ import annotations

from collections.abc import Iterator

import pytest

from sdk import _core


@pytest.fixture(params=_core.build_info()["simd_supported"])
def simd(request: pytest.FixtureRequest) -> Iterator[str]:
    """Runs the test once with every set of kernels that this processor has."""
    before = _core.build_info()["simd"]
    _core.set_simd(request.param)
    yield request.param
    _core.set_simd(before)
