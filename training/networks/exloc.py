"""The eXLoc network: convolutions over the cyclic fingerprint map, and heads that can be explained.

Input is the normalised fingerprint r (N access points in the model's closed order). In the ``2d``
form it enters as the cyclic map ``map[R, C] = r[(C - R) mod N]`` (SPEC 1.2, eq. 2 of the paper);
in the ``1d`` form as the vector itself. With circular padding the two are the same function (SPEC
1.7): a k x k convolution of a circulant map is a circular convolution of the vector with 2k - 1
taps ``W[t] = sum over b - a = t of w[a, b]``. Zero padding breaks this at the border: ``2d`` only.

``features[k, i]`` is the diagonal mean of the last maps (eq. 5): one value per channel and access
point. Every head is linear in it, so that the Impact Score splits the logit exactly:

* ``gap``, ``gap_embedding``: ``logit_c = bias_c + mean_i sum_k weight[c, k] features[k, i]``
* ``per_ap``: ``logit_c = bias_c + sum_i sum_k weight[c, k, i] features[k, i]``

``gap`` with circular padding gives the same logits for every shift of the input. ``gap_embedding``
adds learned input channels, circulant themselves, that tell the access points apart; ``per_ap``
gives each access point its own weights.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

PADDINGS = ("zero", "circular")
HEADS = ("gap", "gap_embedding", "per_ap")
FORMS = ("2d", "1d")


def diagonal_mean(maps: Tensor) -> Tensor:
    """(B, K, N, N) -> (B, K, N): ``mean_j maps[j, (i + j) mod N]`` (SPEC 1.4, eq. 5).

    Written as concatenate, pad, reshape, slice and mean, which every exporter knows: laid out with
    rows of 2N values and read back with rows of 2N + 1, the diagonals become columns.
    """
    b, k, n = maps.shape[0], maps.shape[1], maps.shape[-1]
    twice = torch.cat([maps, maps], dim=3).reshape(b, k, 2 * n * n)
    skewed = nn.functional.pad(twice, (0, n)).reshape(b, k, n, 2 * n + 1)
    return skewed[..., :n].mean(dim=2)


def circulant(rows: Tensor) -> Tensor:
    """(..., N) -> (..., N, N): ``out[R, C] = rows[(C - R) mod N]``."""
    index = torch.arange(rows.shape[-1], device=rows.device)
    return rows[..., (index[None, :] - index[:, None]) % rows.shape[-1]]


def wrapped(x: Tensor, reach: int) -> Tensor:
    """(..., N) -> (..., N + 2 reach), continued around the circle; reach is at most N.

    Concatenation instead of pad(mode="circular"): both converters keep it as it is.
    """
    return torch.cat([x[..., -reach:], x, x[..., :reach]], dim=-1)


class _Convolution(nn.Module):
    """One k x k (or 2k - 1 tap) convolution that keeps the size, followed by ReLU."""

    def __init__(self, inputs: int, width: int, kernel: int, padding: str, form: str) -> None:
        super().__init__()
        two = form == "2d"
        self.reach = kernel // 2 if two else kernel - 1
        self.circular = padding == "circular"
        zeros = 0 if self.circular else self.reach
        if two:
            self.conv: nn.Module = nn.Conv2d(inputs, width, kernel, padding=zeros)
        else:
            self.conv = nn.Conv1d(inputs, width, 2 * kernel - 1, padding=zeros)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor, padded: bool = False) -> Tensor:
        """``padded``: the caller has wrapped the input far enough for this layer and the next."""
        if self.circular and self.reach and not padded:
            x = wrapped(x, self.reach)
            if x.ndim == 4:
                x = wrapped(x.transpose(-1, -2), self.reach).transpose(-1, -2)
        return self.relu(self.conv(x))


class ExLocNet(nn.Module):
    """eXLoc over ``n_aps`` access points and ``n_cells`` cells.

    ``kernel`` is the side k of the square kernels (odd), one number or one per layer; the 1-D form
    has 2k - 1 taps. ``embedding`` counts the learned channels of the ``gap_embedding`` head. Input:
    (B, 1, N, N) float32 for form ``2d``, (B, 1, N) for ``1d`` ((B, N) is taken as well). Raises
    ValueError for a combination that does not exist; the message names the value.
    """

    def __init__(
        self,
        n_aps: int,
        n_cells: int,
        width: int = 64,
        depth: int = 3,
        kernel: int | Sequence[int] = 3,
        padding: str = "circular",
        head: str = "per_ap",
        form: str = "1d",
        embedding: int = 8,
    ) -> None:
        super().__init__()
        kernels = [kernel] * depth if isinstance(kernel, int) else [int(k) for k in kernel]
        for name, value, known in (
            ("padding", padding, PADDINGS),
            ("head", head, HEADS),
            ("form", form, FORMS),
        ):
            if value not in known:
                raise ValueError(f"{name} is {value!r}, expected one of {', '.join(known)}")
        if depth < 1 or len(kernels) != depth:
            raise ValueError(f"{depth} layers with kernels {kernels}: expected one per layer")
        if any(k < 1 or k % 2 == 0 for k in kernels):
            raise ValueError(f"kernels {kernels}: expected odd numbers")
        if form == "1d" and padding != "circular":
            raise ValueError("the 1d form is exact for circular padding only, got padding 'zero'")
        if n_aps < max(kernels) or n_cells < 1:
            raise ValueError(
                f"{n_aps} access points and {n_cells} cells: expected at least one cell and as "
                f"many access points as the widest kernel of {kernels}"
            )
        self.n_aps, self.n_cells, self.head, self.form = n_aps, n_cells, head, form
        self.config = {
            "n_aps": n_aps, "n_cells": n_cells, "width": width, "depth": depth, "kernel": kernels,
            "padding": padding, "head": head, "form": form, "embedding": embedding,
        }  # fmt: skip
        inputs = 1
        if head == "gap_embedding":
            inputs += embedding
            self.embedding = nn.Parameter(0.5 * torch.randn(embedding, n_aps))
        layers = []
        for k in kernels:
            layers.append(_Convolution(inputs, width, k, padding, form))
            inputs = width
        self.layers = nn.Sequential(*layers)
        reach = sum(layer.reach for layer in layers)
        # A short vector wrapped once for all layers costs a few columns and saves, in every layer,
        # two slices and a concatenation: a quarter of a small int8 network's time.
        self.wrap_once = reach if form == "1d" and 4 * reach <= n_aps else 0
        self.fc = nn.Linear(width * n_aps if head == "per_ap" else width, n_cells)

    def features(self, x: Tensor) -> Tensor:
        """(B, 1, N, N) or (B, 1, N) -> (B, K, N), the values the head is linear in."""
        if self.form == "1d" and x.ndim == 2:
            x = x.unsqueeze(1)
        if self.head == "gap_embedding":
            extra = self.embedding if self.form == "1d" else circulant(self.embedding)
            x = torch.cat([x, extra.unsqueeze(0).expand(x.shape[0], *extra.shape)], dim=1)
        if self.wrap_once:
            x = wrapped(x, self.wrap_once)
        for layer in self.layers:
            x = layer(x, padded=bool(self.wrap_once))
        return diagonal_mean(x) if self.form == "2d" else x

    def scores(self, features: Tensor) -> Tensor:
        """(B, K, N) -> logits (B, C)."""
        return self.fc(features.flatten(1) if self.head == "per_ap" else features.mean(dim=2))

    def scores_and_features(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """-> logits (B, C) and features (B, K, N)."""
        features = self.features(x)
        return self.scores(features), features

    def forward(self, x: Tensor) -> Tensor:
        return self.scores(self.features(x))

    def head_weight(self) -> Tensor:
        """(C, K, N) for ``per_ap``, else (C, K): the weight of the module's two formulas."""
        weight = self.fc.weight.detach()
        return weight.view(self.n_cells, -1, self.n_aps) if self.head == "per_ap" else weight

    def impact(self, features: Tensor) -> Tensor:
        """(B, K, N) -> Impact Scores (B, C, N); their sum (per_ap) or mean is logit - bias."""
        form = "cki,bki->bci" if self.head == "per_ap" else "ck,bki->bci"
        return torch.einsum(form, self.head_weight(), features)

    def to_1d(self) -> ExLocNet:
        """The exact 1-D rewrite of a circularly padded network (SPEC 1.7), a copy.

        Raises ValueError with zero padding, where the identity does not hold.
        """
        if self.config["padding"] != "circular":
            raise ValueError("zero padding has no exact 1-D form: train with circular padding")
        made = ExLocNet(**{**self.config, "form": "1d"}).to(self.fc.weight)
        state = self.state_dict()
        if self.form == "2d":
            for name, value in state.items():
                if value.ndim == 4:
                    state[name] = _sum_of_diagonals(value)
        made.load_state_dict(state)
        return made.train(self.training)


def _sum_of_diagonals(weight: Tensor) -> Tensor:
    """(out, in, k, k) -> (out, in, 2k - 1): ``W[t] = sum over b - a = t - (k - 1) of w[a, b]``."""
    k = weight.shape[-1]
    taps = [weight.diagonal(t, dim1=2, dim2=3).sum(-1) for t in range(1 - k, k)]
    return torch.stack(taps, dim=-1)
