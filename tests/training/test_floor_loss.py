"""The cross-entropy of the floor beside the cell's."""

import numpy as np
import pytest
import torch

from sdk.positioners.fused import floor_members
from training import exloc
from training.fitting import _cross_entropy, floor_cross_entropy

TINY = {"width": 4, "depth": 1, "batch": 16, "epochs": 2}


def test_it_is_that_of_the_masses_on_the_floors():
    rng = np.random.default_rng(0)
    floor = np.int32([0, 2, 2, 0, 1])
    p, q = rng.dirichlet(np.ones(5), 7), rng.dirichlet(np.ones(5), 7)
    log_p, target = torch.from_numpy(np.log(p)), torch.from_numpy(q)
    wanted = np.mean(
        [
            -sum(t[floor == f].sum() * np.log(row[floor == f].sum()) for f in (0, 1, 2))
            for row, t in zip(p, q, strict=True)
        ]
    )
    members = torch.from_numpy(floor_members(floor))
    got = floor_cross_entropy(log_p, target, members)
    assert float(got) == pytest.approx(wanted)
    assert float(_cross_entropy(log_p, target)) == pytest.approx(-(q * np.log(p)).sum(1).mean())


def test_its_gradient_stays_finite_where_the_right_floor_holds_nothing():
    logits = torch.tensor([[200.0, 0.0, -200.0]], requires_grad=True)
    members = torch.from_numpy(floor_members(np.int32([0, 0, 1]))).float()
    target = torch.tensor([[0.0, 0.0, 1.0]])
    floor_cross_entropy(logits.log_softmax(dim=1), target, members).backward()
    assert torch.isfinite(logits.grad).all()


def test_a_preset_turns_it_on(survey):
    plain, with_floor = (
        exloc.train(survey, "small", changes=TINY | {"floor_loss": weight}) for weight in (0.0, 1.0)
    )
    assert any(not torch.equal(plain.state[k], with_floor.state[k]) for k in plain.state)
