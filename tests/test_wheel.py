"""What a wheel holds: the parts a device needs, and nothing that is only for this repository."""

import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
    command += ["--no-build-isolation", "--config-settings=build-dir=" + str(folder / "build")]
    done = subprocess.run(
        [*command, "--wheel-dir", str(folder), str(ROOT)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    (path,) = folder.glob("rssfix-*.whl")
    with zipfile.ZipFile(path) as archive:
        yield archive


def test_it_holds_the_native_core_named_for_this_python(wheel):
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    assert {f"sdk/_core{suffix}", f"sdk/_capi{suffix}"} <= set(wheel.namelist())


def test_it_holds_every_package_and_the_type_marker(wheel):
    names = set(wheel.namelist())
    assert {"sdk/__init__.py", "sdk/py.typed", "sdk/_core.pyi"} <= names
    for package in ("training", "export", "evaluation"):
        assert f"{package}/__init__.py" in names
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {
        "sdk",
        "training",
        "export",
        "evaluation",
    }


def test_it_holds_no_results_and_no_data(wheel):
    endings = {Path(name).suffix for name in wheel.namelist() if ".dist-info" not in name}
    assert endings <= {".py", ".pyi", ".so", ".typed"}


def test_every_command_of_the_entry_points_exists(wheel):
    (name,) = [n for n in wheel.namelist() if n.endswith("entry_points.txt")]
    lines = [line for line in wheel.read(name).decode().splitlines() if " = " in line]
    assert lines
    for line in lines:
        module, function = line.split(" = ")[1].split(":")
        source = wheel.read(module.replace(".", "/") + ".py").decode()
        assert f"\ndef {function}(" in source or f"\n{function} = " in source, line
