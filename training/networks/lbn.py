"""The LBN-CNN (SPEC 4.2): three small convolutions and two dense layers over a fingerprint image.

| layer | what | output at side 16 |
|---|---|---|
| 1 | conv 3 x 3, ReLU, dropout | 32 x 16 x 16 |
| 2 | conv 3 x 3, ReLU, max pool 2, dropout | 64 x 8 x 8 |
| 3 | conv 3 x 3, ReLU, max pool 2, dropout | 128 x 4 x 4 |
| 4 | dense, ReLU | 1024 |
| 5 | dense | places |

One of the first three carries a norm, just before its dropout. Initialised as Keras does (Glorot
uniform, biases 0), whose defaults the paper's listing leaves standing.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from training.networks.local_batch_norm import LocalBatchNorm2d

NORMS = ("none", "bn", "ln", "lbn")
LN_AFFINES = ("channel", "scalar")
WIDTHS, HIDDEN = (32, 64, 128), 1024
EPS, MOMENTUM = 1e-3, 0.99
# Of the largest map that still pools to one pixel.
LEAST_SIDE = 4


class LayerNorm(nn.Module):
    """Statistics over channels and pixels of one map; gamma and beta (C,), or the paper's single
    pair ("scalar")."""

    def __init__(self, channels: int, affine: str = "channel", eps: float = EPS) -> None:
        super().__init__()
        self.eps = eps
        if affine not in LN_AFFINES:
            raise ValueError(f"affine is {affine!r}, expected one of {', '.join(LN_AFFINES)}")
        self.channels = channels
        size = channels if affine == "channel" else 1
        self.gamma = nn.Parameter(torch.ones(size))
        self.beta = nn.Parameter(torch.zeros(size))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> the same."""
        gamma, beta = (p.expand(self.channels) for p in (self.gamma, self.beta))
        return nn.functional.group_norm(x, 1, gamma, beta, self.eps)


class Layer(nn.Module):
    """Convolution, ReLU, max pool where ``pool``, norm, dropout."""

    def __init__(self, inputs: int, width: int, pool: bool, norm: nn.Module, dropout: float):
        super().__init__()
        self.conv = nn.Conv2d(inputs, width, 3, padding="same")
        self.relu = nn.ReLU()
        self.pool = nn.MaxPool2d(2) if pool else nn.Identity()
        self.norm = norm
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        return self.dropout(self.norm(self.pool(self.relu(self.conv(x)))))


class LbnNet(nn.Module):
    """The CNN over images (B, 1, side, side), with a norm on ``layer`` 1, 2 or 3.

    Args:
        n_places: reference points.
        side: of the image, at least 4.
        norm: "none", "bn", "ln" or "lbn". BN and LBN use ``momentum`` as Keras does; all add
            ``eps`` to the variance.
        block: side of LBN's patches; None: a quarter of layer 1's map, half of the others' (SPEC
            4.3: 4, 4 and 2 at side 16).
        running, scope, edges: of ``LocalBatchNorm2d``; ln_affine: of ``LayerNorm``.
        compat75: one more class, number 0, that nothing belongs to, as in the paper's code.

    Raises ValueError for a value that does not exist or fit.
    """

    def __init__(
        self,
        n_places: int,
        side: int = 16,
        norm: str = "lbn",
        layer: int = 1,
        block: int | None = None,
        running: str = "patch",
        scope: str = "batch",
        edges: str = "partial",
        ln_affine: str = "channel",
        momentum: float = MOMENTUM,
        eps: float = EPS,
        dropout: float = 0.5,
        compat75: bool = False,
    ) -> None:
        super().__init__()
        if norm not in NORMS:
            raise ValueError(f"norm is {norm!r}, expected one of {', '.join(NORMS)}")
        if layer not in (1, 2, 3):
            raise ValueError(f"the norm's layer is {layer!r}, expected 1, 2 or 3")
        if n_places < 1 or side < LEAST_SIDE:
            raise ValueError(
                f"{n_places} places, side {side}: expected at least one place and side {LEAST_SIDE}"
            )
        self.config = {
            "n_places": n_places, "side": side, "norm": norm, "layer": layer, "block": block,
            "running": running, "scope": scope, "edges": edges, "ln_affine": ln_affine,
            "momentum": momentum, "eps": eps, "dropout": dropout, "compat75": compat75,
        }  # fmt: skip
        self.n_places, self.side = n_places, side
        self.first_place = int(compat75)
        layers, inputs, out = [], 1, (side, side)
        for number, width in enumerate(WIDTHS, 1):
            pool = number > 1
            out = (out[0] // 2, out[1] // 2) if pool else out
            made: nn.Module = nn.Identity()
            if number == layer and norm == "bn":
                made = nn.BatchNorm2d(width, eps=eps, momentum=1.0 - momentum)
            elif number == layer and norm == "ln":
                made = LayerNorm(width, ln_affine, eps)
            elif number == layer and norm == "lbn":
                size = block or max(out[0] // (4 if number == 1 else 2), 1)
                made = LocalBatchNorm2d(
                    width, out, size, momentum, eps, running, scope, edges,
                )  # fmt: skip
                out = made.out_size
            layers.append(Layer(inputs, width, pool, made, dropout))
            inputs = width
        if min(out) < 1:
            raise ValueError(f"nothing is left of an image of side {side} in layer 3")
        self.layers = nn.Sequential(*layers)
        self.dense = nn.Linear(inputs * out[0] * out[1], HIDDEN)
        self.head = nn.Linear(HIDDEN, n_places + self.first_place)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)

    @property
    def normed(self) -> Layer:
        """The layer that may carry a norm."""
        return self.layers[self.config["layer"] - 1]

    def forward(self, x: Tensor) -> Tensor:
        """(B, 1, side, side) -> logits of all classes (B, places), one more with ``compat75``."""
        return self.head(torch.relu(self.dense(self.layers(x).flatten(1))))

    def scores(self, x: Tensor) -> Tensor:
        """Logits of the places alone (B, n_places)."""
        return self(x)[:, self.first_place :]

    def published_count(self) -> int:
        """Values as Keras counts them: learned ones and moving statistics."""
        state = self.state_dict()
        return sum(v.numel() for name, v in state.items() if not name.endswith("batches_tracked"))
