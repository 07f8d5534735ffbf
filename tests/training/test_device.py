"""Where training runs: the device, and what it does not need there."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from invented import invented_survey

from training import exloc, neighbours
from training.fitting import device_of

TINY = {"width": 8, "depth": 2, "batch": 16, "epochs": 2}


def test_device_names(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert device_of("auto") == device_of("cpu") == "cpu"
    with pytest.raises(ValueError, match="no CUDA device"):
        device_of("cuda")
    with pytest.raises(ValueError, match="'tpu', expected one of auto, cpu, cuda"):
        device_of("tpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert device_of("auto") == device_of("cuda") == "cuda"
    assert device_of("cpu") == "cpu"


def test_auto_without_an_accelerator_is_the_cpu(one_floor, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    runs = [exloc.train(one_floor, "small", changes=TINY, device=d) for d in ("cpu", "auto")]
    assert runs[0].provenance["device"] == runs[1].provenance["device"] == "cpu"
    for name, tensor in runs[0].state.items():
        assert torch.equal(tensor, runs[1].state[name]), name


def test_a_device_that_is_missing_is_named(one_floor, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match="no CUDA device"):
        exloc.train(one_floor, device="cuda")


def test_neighbours_take_the_argument(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert neighbours.train(invented_survey(sessions=3, side=2), device="auto").system


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_cuda_learns_too(one_floor):
    run = exloc.train(one_floor, "small", changes=TINY, device="cuda")
    assert all(tensor.device.type == "cpu" for tensor in run.state.values())


def test_training_needs_no_pyarrow():
    """A survey that was pickled elsewhere is trained on machines without it."""
    code = (
        "from importlib.abc import MetaPathFinder\n"
        "class Missing(MetaPathFinder):\n"
        "    def find_spec(self, name, path, target=None):\n"
        "        if name.partition('.')[0] == 'pyarrow':\n"
        "            raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Missing())\n"
        "from invented import invented_survey\n"
        "from training import exloc\n"
        "survey = invented_survey(sessions=3, side=2, floors=(0,))\n"
        f"exloc.train(survey, 'small', changes={TINY!r})\n"
    )
    here = Path(__file__).parent
    path = f"import sys; sys.path[:0] = [{str(here)!r}, {str(here.parents[1])!r}]\n"
    done = subprocess.run([sys.executable, "-c", path + code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
