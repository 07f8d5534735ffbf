"""Local batch normalisation (SPEC 4.3, Algorithm 1 of the paper): a batch norm per patch of a map.

A map (B, C, H, W) is cut into patches of ``block_size`` pixels a side. For patch (a, b) and channel
c, over the batch and the patch's pixels: ``x_hat = (x - mean_abc) / sqrt(var_abc + eps)`` with the
biased variance, and ``y = gamma_c x_hat + beta_c``. The paper's listing normalises in training only
and has no inference branch; here moving averages take over in eval mode, as its text says.

Where H or W is no multiple of the block, the last patches are smaller ("partial") or the rest of
the map is cut off ("crop", the listing's integer division: the output is smaller then).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

RUNNING = ("patch", "pooled")
SCOPES = ("batch", "sample")
EDGES = ("partial", "crop")


class _Region(NamedTuple):
    """A part of the map that whole patches of one size tile: first pixel, patch size, patches."""

    top: int
    left: int
    patch: tuple[int, int]
    rows: int
    columns: int

    @property
    def pixels(self) -> int:
        """Of one patch."""
        return self.patch[0] * self.patch[1]

    def of(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C * rows * columns, pixels of a patch)."""
        (h, w), rows, columns = self.patch, self.rows, self.columns
        part = x[:, :, self.top : self.top + rows * h, self.left : self.left + columns * w]
        tiles = part.reshape(x.shape[0], x.shape[1], rows, h, columns, w).transpose(3, 4)
        return tiles.reshape(x.shape[0], x.shape[1] * rows * columns, h * w)

    def back(self, tiles: Tensor, channels: int) -> Tensor:
        """The inverse of ``of``."""
        (h, w), rows, columns = self.patch, self.rows, self.columns
        maps = tiles.reshape(len(tiles), channels, rows, columns, h, w).transpose(3, 4)
        return maps.reshape(len(tiles), channels, rows * h, columns * w)


class LocalBatchNorm2d(nn.Module):
    """Batch normalisation with statistics of every patch of the map.

    Args:
        channels: C of the input.
        size: (H, W) of the input; moving averages per patch need to know it.
        block_size: side of a patch in pixels, at most min(H, W) with edges "crop".
        momentum: m in ``moving <- m * moving + (1 - m) * batch`` (the Keras convention).
        eps: added to the variance.
        running: "patch" keeps moving averages (C, rows, columns); "pooled" keeps (C,): the mean
            over the patches, by their pixels, of their means and of their variances. In eval mode
            it then no longer tells the patches apart.
        scope: "batch", or "sample": statistics of one map alone, in eval mode too, nothing moving.
        edges: "partial" or "crop", see the module.

    ``gamma``, ``beta`` (C,) are learned; ``moving_mean``, ``moving_var`` are buffers.

    Raises:
        ValueError: an argument that does not exist or fit; in training, a patch with one value.
    """

    moving_mean: Tensor
    moving_var: Tensor

    def __init__(
        self,
        channels: int,
        size: tuple[int, int],
        block_size: int = 4,
        momentum: float = 0.99,
        eps: float = 1e-3,
        running: str = "patch",
        scope: str = "batch",
        edges: str = "partial",
    ) -> None:
        super().__init__()
        for name, value, known in (
            ("running", running, RUNNING),
            ("scope", scope, SCOPES),
            ("edges", edges, EDGES),
        ):
            if value not in known:
                raise ValueError(f"{name} is {value!r}, expected one of {', '.join(known)}")
        height, width = size
        if channels < 1 or min(size) < 1 or block_size < 1:
            raise ValueError(
                f"{channels} channels, map {height} x {width}, block {block_size}: expected >= 1"
            )
        if edges == "crop" and block_size > min(size):
            raise ValueError(f"block {block_size} leaves nothing of a cropped {height} x {width}")
        if not 0 <= momentum < 1 or not eps > 0:
            raise ValueError(f"momentum {momentum}, eps {eps}: expected 0 <= momentum < 1, eps > 0")
        self.channels, self.size, self.block_size = channels, (height, width), block_size
        self.momentum, self.eps = momentum, eps
        self.running, self.scope, self.edges = running, scope, edges
        self._regions = _regions(height, width, block_size, edges)
        if scope == "sample" and any(region.pixels == 1 for region in self._regions):
            raise ValueError(
                f"block {block_size} on {height} x {width} has patches of one pixel, which is its "
                "own mean: expected larger ones for scope 'sample'"
            )
        self.gamma = nn.Parameter(torch.ones(channels))
        self.beta = nn.Parameter(torch.zeros(channels))
        if scope == "batch":
            kept = self.patches if running == "patch" else ()
            self.register_buffer("moving_mean", torch.zeros(channels, *kept))
            self.register_buffer("moving_var", torch.ones(channels, *kept))

    @property
    def patches(self) -> tuple[int, int]:
        """Rows and columns of patches."""
        first = [r for r in self._regions if r.left == 0], [r for r in self._regions if r.top == 0]
        return sum(r.rows for r in first[0]), sum(r.columns for r in first[1])

    @property
    def out_size(self) -> tuple[int, int]:
        """(H, W) of the output: that of the input unless cropped."""
        if self.edges == "partial":
            return self.size
        height, width = self.size
        return height - height % self.block_size, width - width % self.block_size

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, *out_size). Raises ValueError for another shape."""
        if x.shape[1:] != (self.channels, *self.size):
            raise ValueError(
                f"input is {tuple(x.shape)}, expected (B, {self.channels}, "
                f"{self.size[0]}, {self.size[1]})"
            )
        if self.scope == "batch" and not self.training:
            scale, shift = self.scale_and_shift()
            height, width = self.out_size
            return x[:, :, :height, :width] * scale + shift
        parts, means, variances = [], [], []
        for region in self._regions:
            made, mean, variance = self._normalised(region.of(x), region)
            parts.append(region.back(made, self.channels))
            means.append(mean)
            variances.append(variance)
        if self.scope == "batch":
            self._move(means, variances)
        return self._joined(parts)

    def scale_and_shift(self) -> tuple[Tensor, Tensor]:
        """Eval mode as ``y = scale * x + shift``, both (C, *out_size).

        Raises ValueError with scope "sample", where they depend on the input.
        """
        if self.scope == "sample":
            raise ValueError("scope 'sample' has no fixed scale and shift")
        mean, var = self.moving_mean, self.moving_var
        if self.running == "pooled":
            mean, var = (v[:, None, None].expand(-1, *self.patches) for v in (mean, var))
        scale = self.gamma[:, None, None] * torch.rsqrt(var + self.eps)
        shift = self.beta[:, None, None] - mean * scale
        return self._per_pixel(scale), self._per_pixel(shift)

    def extra_repr(self) -> str:
        return (
            f"{self.channels}, size={self.size}, block_size={self.block_size}, "
            f"momentum={self.momentum}, eps={self.eps}, running={self.running!r}, "
            f"scope={self.scope!r}, edges={self.edges!r}"
        )

    def _normalised(self, tiles: Tensor, region: _Region) -> tuple[Tensor, Tensor, Tensor]:
        """Tiles normalised, scaled and shifted; mean and biased variance (C, rows, columns).

        Every patch of every channel is a channel of torch's own kernel: one fused pass each way.
        """
        count = region.rows * region.columns
        gamma, beta = (p.repeat_interleave(count) for p in (self.gamma, self.beta))
        if self.scope == "sample":
            empty = tiles.new_empty(0)
            return functional.group_norm(tiles, tiles.shape[1], gamma, beta, self.eps), empty, empty
        values = len(tiles) * region.pixels
        if values < 2:
            raise ValueError("a patch of one value has no variance: train with larger batches")
        mean, var = tiles.new_zeros(tiles.shape[1]), tiles.new_ones(tiles.shape[1])
        made = functional.batch_norm(
            tiles, mean, var, gamma, beta, training=True, momentum=1.0, eps=self.eps
        )
        grid = (self.channels, region.rows, region.columns)
        # torch reports the unbiased variance.
        return made, mean.view(grid), (var * ((values - 1) / values)).view(grid)

    @torch.no_grad()
    def _move(self, means: list[Tensor], variances: list[Tensor]) -> None:
        for moving, parts in ((self.moving_mean, means), (self.moving_var, variances)):
            if self.running == "pooled":
                pixels = [r.pixels * r.rows * r.columns for r in self._regions]
                pooled = [p.mean(dim=(1, 2)) * n for p, n in zip(parts, pixels, strict=True)]
                new = torch.stack(pooled).sum(dim=0) / sum(pixels)
            else:
                new = self._joined(parts)
            moving.lerp_(new, 1.0 - self.momentum)

    def _joined(self, parts: list[Tensor]) -> Tensor:
        """The regions' maps, side by side and below one another."""
        columns = len({region.left for region in self._regions})
        rows = [torch.cat(parts[i : i + columns], dim=-1) for i in range(0, len(parts), columns)]
        return torch.cat(rows, dim=-2)

    def _per_pixel(self, grid: Tensor) -> Tensor:
        """(C, rows, columns) of patches -> (C, *out_size)."""
        height, width = self.out_size
        wide = grid.repeat_interleave(self.block_size, 1).repeat_interleave(self.block_size, 2)
        return wide[:, :height, :width]


def _regions(height: int, width: int, block: int, edges: str) -> list[_Region]:
    """At most four, row by row: the whole blocks, those cut at the right, below, and the corner."""

    def spans(length: int) -> list[tuple[int, int, int]]:
        whole, rest = divmod(length, block)
        found = [(0, block, whole)] if whole else []
        return found + ([(whole * block, rest, 1)] if rest and edges == "partial" else [])

    return [
        _Region(top, left, (h, w), rows, columns)
        for top, h, rows in spans(height)
        for left, w, columns in spans(width)
    ]
