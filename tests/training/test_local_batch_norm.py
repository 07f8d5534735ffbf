"""Local batch normalisation against torch's own norms and against plain loops (SPEC 4.3)."""

import numpy as np
import pytest
import torch
from torch import nn

from training.networks.local_batch_norm import LocalBatchNorm2d

C = 3


def maps(size, batch=5, seed=0, dtype=torch.float64):
    """Every channel and pixel with a level and spread of its own."""
    made = torch.Generator().manual_seed(seed)
    level = torch.randn(1, C, *size, dtype=dtype, generator=made)
    spread = 0.5 + torch.rand(1, C, *size, dtype=dtype, generator=made)
    return level + spread * torch.randn(batch, C, *size, dtype=dtype, generator=made)


def norm(size, block, seed=3, **settings):
    """With gamma and beta that are not 1 and 0."""
    torch.manual_seed(seed)
    made = LocalBatchNorm2d(C, size, block, **settings).double()
    nn.init.normal_(made.gamma, 1.0, 0.3)
    nn.init.normal_(made.beta)
    return made


def affine_of(other, ours):
    other = other.double()
    other.weight.data, other.bias.data = ours.gamma.data.clone(), ours.beta.data.clone()
    return other


def by_loops(x, block, gamma, beta, eps, crop=False, sample=False):
    """The definition of SPEC 4.3 in plain numpy: output, means and variances by patch."""
    height, width = x.shape[2:]
    if crop:
        height, width = height - height % block, width - width % block
    rows, columns = -(-height // block), -(-width // block)
    out = np.empty((*x.shape[:2], height, width))
    mean, var = np.empty((2, x.shape[1], rows, columns))
    for a in range(rows):
        for b in range(columns):
            at = (slice(a * block, min((a + 1) * block, height)),
                  slice(b * block, min((b + 1) * block, width)))  # fmt: skip
            for c in range(x.shape[1]):
                patch = x[:, c, *at]
                groups = [(slice(i, i + 1)) for i in range(len(x))] if sample else [slice(None)]
                for one in groups:
                    m, v = patch[one].mean(), patch[one].var()
                    out[one, c, *at] = gamma[c] * (patch[one] - m) / np.sqrt(v + eps) + beta[c]
                mean[c, a, b], var[c, a, b] = patch.mean(), patch.var()
    return out, mean, var


@pytest.mark.parametrize("size", [(8, 8), (6, 9)])
def test_a_block_as_large_as_the_map_is_batch_norm(size):
    ours = norm(size, max(size))
    theirs = affine_of(nn.BatchNorm2d(C, eps=1e-3, momentum=0.01), ours)
    for seed in range(3):
        x = maps(size, seed=seed)
        a, b = x.clone().requires_grad_(), x.clone().requires_grad_()
        made, wanted = ours(a), theirs(b)
        torch.testing.assert_close(made, wanted)
        (made**3).sum().backward()
        (wanted**3).sum().backward()
        torch.testing.assert_close(a.grad, b.grad)
    torch.testing.assert_close(ours.gamma.grad, theirs.weight.grad)
    torch.testing.assert_close(ours.beta.grad, theirs.bias.grad)
    torch.testing.assert_close(ours.moving_mean[:, 0, 0], theirs.running_mean)
    # torch's moving variance is the unbiased one: the same but for n / (n - 1).
    n = x.numel() / C
    biased = 1.0 + (theirs.running_var - 0.99**3) * (n - 1) / n - (1.0 - 0.99**3)
    torch.testing.assert_close(ours.moving_var[:, 0, 0], biased)
    theirs.running_var = biased
    torch.testing.assert_close(ours.eval()(x), theirs.eval()(x))


def test_sample_scope_with_one_block_is_instance_norm():
    ours = norm((6, 6), 6, scope="sample")
    theirs = affine_of(nn.InstanceNorm2d(C, eps=1e-3, affine=True), ours)
    x = maps((6, 6))
    torch.testing.assert_close(ours(x), theirs(x))
    torch.testing.assert_close(ours.eval()(x), theirs(x))
    assert [name for name, _ in ours.named_buffers()] == []


def test_blocks_of_one_pixel_are_batch_norm_over_the_flattened_map_with_tied_weights():
    ours = norm((4, 5), 1)
    theirs = nn.BatchNorm1d(C * 20, eps=1e-3, momentum=0.01).double()
    theirs.weight.data = ours.gamma.data.repeat_interleave(20)
    theirs.bias.data = ours.beta.data.repeat_interleave(20)
    x = maps((4, 5))
    torch.testing.assert_close(ours(x).flatten(1), theirs(x.flatten(1)))
    torch.testing.assert_close(ours.moving_mean.flatten(), theirs.running_mean)


@pytest.mark.parametrize("edges", ["partial", "crop"])
@pytest.mark.parametrize("sample", [False, True])
@pytest.mark.parametrize(("size", "block"), [((8, 8), 4), ((7, 10), 4), ((5, 9), 3), ((4, 7), 2)])
def test_against_a_plain_loop(size, block, sample, edges):
    ours = norm(size, block, edges=edges, scope="sample" if sample else "batch")
    x = maps(size)
    gamma, beta = ours.gamma.detach().numpy(), ours.beta.detach().numpy()
    out, mean, var = by_loops(x.numpy(), block, gamma, beta, 1e-3, edges == "crop", sample)
    made = ours(x).detach().numpy()
    assert made.shape[2:] == ours.out_size
    np.testing.assert_allclose(made, out, atol=1e-12)
    if sample:
        return
    np.testing.assert_allclose(ours.moving_mean.numpy(), 0.01 * mean, atol=1e-12)
    np.testing.assert_allclose(ours.moving_var.numpy(), 0.99 + 0.01 * var, atol=1e-12)
    assert ours.patches == mean.shape[1:]
    # In eval mode: the same formula, with the moving averages, at every pixel of a patch.
    height, width = ours.out_size
    at = np.ix_(range(C), np.arange(height) // block, np.arange(width) // block)
    mean, var = ours.moving_mean.numpy()[at], ours.moving_var.numpy()[at]
    wanted = (x.numpy()[:, :, :height, :width] - mean) / np.sqrt(var + 1e-3)
    wanted = wanted * gamma[:, None, None] + beta[:, None, None]
    np.testing.assert_allclose(ours.eval()(x).detach().numpy(), wanted, atol=1e-12)


def test_pooled_averages():
    """Over patches, by their pixels: the 7 x 5 map has patches of 16, 12, 4 and 3 pixels."""
    ours = norm((7, 5), 4, running="pooled", momentum=0.9)
    x = maps((7, 5))
    _, mean, var = by_loops(x.numpy(), 4, np.ones(C), np.zeros(C), 1e-3)
    ours(x)
    pixels = np.array([[16, 4], [12, 3]])
    for moving, start, patches in ((ours.moving_mean, 0, mean), (ours.moving_var, 1, var)):
        pooled = (patches * pixels).sum(axis=(1, 2)) / 35
        np.testing.assert_allclose(moving.numpy(), 0.9 * start + 0.1 * pooled, atol=1e-12)
    theirs = affine_of(nn.BatchNorm2d(C, eps=1e-3), ours).eval()
    theirs.running_mean, theirs.running_var = ours.moving_mean, ours.moving_var
    torch.testing.assert_close(ours.eval()(x), theirs(x))


@pytest.mark.parametrize("scope", ["batch", "sample"])
def test_the_level_and_scale_of_a_patch_do_not_matter_in_training(scope):
    ours = norm((7, 8), 4, scope=scope, eps=1e-12)
    x = maps((7, 8))
    made = torch.Generator().manual_seed(5)
    shift = torch.randn(1, C, 2, 2, generator=made)
    scale = 0.5 + torch.rand(1, C, 2, 2, generator=made)
    up = [
        v.double().repeat_interleave(4, 2).repeat_interleave(4, 3)[:, :, :7] for v in (shift, scale)
    ]
    torch.testing.assert_close(ours(x * up[1] + up[0]), ours(x))
    if scope == "batch":
        assert not torch.allclose(ours.eval()(x * up[1] + up[0]), ours(x)), "eval mode: it does"


@pytest.mark.parametrize("settings", [{}, {"running": "pooled"}, {"scope": "sample"},
                                      {"edges": "crop"}])  # fmt: skip
def test_gradients(settings):
    ours = norm((5, 4), 2 if "edges" in settings else 3, **settings)
    if settings.get("scope") == "sample":
        ours = norm((6, 4), 3, **settings)
    x = maps(ours.size, batch=3).requires_grad_()
    assert torch.autograd.gradcheck(lambda *v: ours(v[0]), (x, ours.gamma, ours.beta))
    assert torch.autograd.gradcheck(lambda *v: ours.eval()(v[0]), (x, ours.gamma, ours.beta))


def test_train_and_eval():
    ours = norm((8, 8), 4, momentum=0.0)
    x = maps((8, 8), batch=200)
    train = ours(x)
    kept = ours.moving_mean.clone()
    torch.testing.assert_close(ours.eval()(x), train, msg="momentum 0 keeps the last batch")
    ours.eval()(x[:3] + 9.0)
    torch.testing.assert_close(ours.moving_mean, kept, msg="eval mode moves nothing")
    one = torch.cat([ours(row[None]) for row in x[:4]])
    torch.testing.assert_close(one, ours(x)[:4], msg="eval mode: rows do not see each other")


def test_eval_is_a_multiplication_and_an_addition():
    ours = norm((7, 5), 3)
    ours(maps((7, 5)))
    x = maps((7, 5), seed=8)
    scale, shift = ours.eval().scale_and_shift()
    assert scale.shape == shift.shape == (C, 7, 5)
    torch.testing.assert_close(ours(x), x * scale + shift)
    with pytest.raises(ValueError, match="no fixed scale"):
        norm((6, 6), 3, scope="sample").scale_and_shift()


def test_the_state_round_trips(tmp_path):
    ours = norm((8, 8), 4)
    for seed in range(3):
        ours(maps((8, 8), seed=seed))
    torch.save(ours.state_dict(), tmp_path / "state.pt")
    back = LocalBatchNorm2d(C, (8, 8), 4).double()
    back.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    x = maps((8, 8), seed=9)
    assert torch.equal(back.eval()(x), ours.eval()(x))
    sizes = {name: tuple(v.shape) for name, v in ours.state_dict().items()}
    assert sizes == {"gamma": (C,), "beta": (C,), "moving_mean": (C, 2, 2), "moving_var": (C, 2, 2)}


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"running": "all"}, "running is 'all'"),
        ({"scope": "layer"}, "scope is 'layer'"),
        ({"edges": "pad"}, "edges is 'pad'"),
        ({"block_size": 0}, "block 0"),
        ({"block_size": 9, "edges": "crop"}, "leaves nothing"),
        ({"block_size": 1, "scope": "sample"}, "patches of one pixel"),
        ({"momentum": 1.0}, "momentum 1.0"),
        ({"eps": 0.0}, "eps 0.0"),
    ],
)
def test_refused(settings, text):
    with pytest.raises(ValueError, match=text):
        LocalBatchNorm2d(C, (8, 8), **settings)


def test_refused_inputs():
    ours = norm((8, 8), 4)
    with pytest.raises(ValueError, match=r"input is \(2, 3, 8, 9\), expected \(B, 3, 8, 8\)"):
        ours(torch.zeros(2, C, 8, 9, dtype=torch.float64))
    with pytest.raises(ValueError, match="one value has no variance"):
        norm((4, 4), 1)(maps((4, 4), batch=1))
