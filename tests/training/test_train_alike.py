"""Presets that share their network, trained once."""

import json

import pytest
import torch

from training import exloc, presets
from training.presets import PRESETS


@pytest.fixture
def tiny(monkeypatch):
    changes = {"width": 8, "depth": 2, "batch": 16, "epochs": 4}
    for name in ("small", "edge"):
        monkeypatch.setitem(presets.PRESETS, name, presets.preset_of(PRESETS, name, changes))


def test_one_training_gives_what_two_give(tiny, one_floor):
    pair = exloc.train_alike(one_floor, ["small", "edge"], seed=3)
    for run, name in zip(pair, ("small", "edge"), strict=True):
        alone = exloc.train(one_floor, name, seed=3)
        assert run.preset == name
        for key in ("metrics", "accuracy", "temperature", "neighbours", "provenance"):
            assert json.dumps(getattr(run, key)) == json.dumps(getattr(alone, key)), key
        for key, tensor in alone.state.items():
            assert torch.equal(run.state[key], tensor)
    assert pair[0].neighbours is None
    assert pair[1].neighbours is not None


def test_other_differences_are_refused(survey):
    with pytest.raises(ValueError, match="small, additive differ"):
        exloc.train_alike(survey, ["small", "additive"])
