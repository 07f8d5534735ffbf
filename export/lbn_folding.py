"""The LBN-CNN as a device runs it: its norm, with fixed statistics, leaves as little as it can.

In eval mode BN and LBN are ``y = scale * x + shift`` with one pair per channel (BN, pooled LBN) or
per channel and patch (LBN). What of that is exact in the neighbouring layers:

* Norm on layer 3: what follows is linear in every pixel (flatten, dense), so that both go into the
  dense layer's weights and bias. Nothing is left, for BN and LBN alike.
* Norm on layer 1 or 2: what follows is a convolution with zero padding. The *shift* crosses it as
  a map: ``conv(scale * x + shift) = conv(scale * x) + conv(shift)``, and conv(shift), computed once
  with the same zeros around it, differs from pixel to pixel only at borders of the map (BN) and of
  patches (LBN). A bias per channel could not say that: it would be wrong at the border.
* There, the *scale* goes into the next convolution's weights where it is one per channel. One per
  patch cannot: a kernel sees up to four patches and has one set of weights. One multiplication
  stays.
* Backwards, ReLU and max pool let a positive factor per channel pass (not one per patch: the
  convolution before them shares its weights among pixels too). The largest |scale| of each channel
  goes there, which leaves factors of at most 1. In fp32 nothing changes; in int8 the values of a
  layer share one step, and small channels would be rounded away before they are multiplied.

LN and LBN with statistics of the sample depend on the input and stay as they are.
"""

from copy import deepcopy

import torch
from torch import Tensor, nn

from training.networks.lbn import LbnNet
from training.networks.local_batch_norm import LocalBatchNorm2d

FORMS = ("multiply_add", "crossed", "depthwise")


class MultiplyAdd(nn.Module):
    """``scale * x + shift``, both (C, H, W); a larger x is cropped to H x W."""

    def __init__(self, scale: Tensor, shift: Tensor) -> None:
        super().__init__()
        self.register_buffer("scale", scale[None].clone())
        self.register_buffer("shift", shift[None].clone())

    def forward(self, x: Tensor) -> Tensor:
        height, width = self.scale.shape[2:]
        return x[:, :, :height, :width] * self.scale + self.shift


class Depthwise(nn.Module):
    """The same as a 1 x 1 convolution with a group per value, whose int8 weights and biases have
    scales of their own."""

    def __init__(self, scale: Tensor, shift: Tensor) -> None:
        super().__init__()
        self.size = tuple(scale.shape)
        count = scale.numel()
        # Pixels before channels, as TFLite lays maps out.
        self.conv = nn.Conv2d(count, count, 1, groups=count)
        self.conv.weight.data = scale.permute(1, 2, 0).reshape(count, 1, 1, 1).clone()
        self.conv.bias.data = shift.permute(1, 2, 0).reshape(count).clone()

    def forward(self, x: Tensor) -> Tensor:
        channels, height, width = self.size
        flat = x[:, :, :height, :width].permute(0, 2, 3, 1).reshape(len(x), -1, 1, 1)
        return self.conv(flat).reshape(len(x), height, width, channels).permute(0, 3, 1, 2)


class Crossed(nn.Module):
    """A multiplication (or none), a convolution without bias, and the map that is added to it."""

    def __init__(self, scale: Tensor, shift: Tensor, conv: nn.Conv2d) -> None:
        super().__init__()
        self.size = tuple(scale.shape[1:])
        with torch.no_grad():
            self.register_buffer("bias_map", conv(shift[None]).clone())
            self.conv = deepcopy(conv)
            self.conv.bias = None
            first = scale[:, :1, :1]
            if torch.equal(scale, first.expand_as(scale)):
                self.conv.weight *= first[None]
                self.scale = None
            else:
                self.register_buffer("scale", scale[None].clone())

    def forward(self, x: Tensor) -> Tensor:
        height, width = self.size
        x = x[:, :, :height, :width]
        return self.conv(x if self.scale is None else x * self.scale) + self.bias_map


class Folded(nn.Module):
    """(B, 1, side, side) -> logits of the places; dropout and unused class gone."""

    def __init__(self, body: nn.Sequential, dense: nn.Linear, head: nn.Linear) -> None:
        super().__init__()
        self.body, self.dense, self.head = body, dense, head

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.relu(self.dense(self.body(x).flatten(1))))


def folded(network: LbnNet, form: str = "crossed") -> Folded:
    """The network in eval mode as the same function with its norm folded, a copy.

    ``form`` of a norm before a convolution: one of FORMS.
    """
    if form not in FORMS:
        raise ValueError(f"form is {form!r}, expected one of {', '.join(FORMS)}")
    normed, affine = network.normed.conv, scale_and_shift(network)
    if affine is not None:
        normed, affine = _balanced(normed, *affine)
    body: list[nn.Module] = []
    dense = deepcopy(network.dense)
    pending: tuple[Tensor, Tensor] | None = None
    for number, layer in enumerate(network.layers, 1):
        conv: nn.Module = normed if layer is network.normed else layer.conv
        if pending is not None and form == "crossed":
            conv = Crossed(*pending, layer.conv)
        body += [conv, nn.ReLU(), layer.pool]
        pending = None
        if number != network.config["layer"]:
            continue
        if affine is None:
            body.append(layer.norm)
        elif number == len(network.layers):
            _into_dense(dense, *affine)
            height, width = affine[0].shape[1:]
            if network.config["edges"] == "crop":
                body.append(Crop(height, width))
        elif form == "crossed":
            pending = affine
        else:
            body.append((MultiplyAdd if form == "multiply_add" else Depthwise)(*affine))
    made = [m for m in body if not isinstance(m, nn.Identity)]
    return Folded(nn.Sequential(*made), dense, _places_alone(network)).eval()


class Crop(nn.Module):
    """The first rows and columns of a map."""

    def __init__(self, height: int, width: int) -> None:
        super().__init__()
        self.height, self.width = height, width

    def forward(self, x: Tensor) -> Tensor:
        return x[:, :, : self.height, : self.width]


@torch.no_grad()
def scale_and_shift(network: LbnNet) -> tuple[Tensor, Tensor] | None:
    """The norm in eval mode as (C, H, W) scale and shift of its output; None where it has none."""
    norm = network.normed.norm
    if isinstance(norm, LocalBatchNorm2d):
        return None if norm.scope == "sample" else norm.scale_and_shift()
    if not isinstance(norm, nn.BatchNorm2d):
        return None
    side = network.side // 2 ** (network.config["layer"] - 1)
    scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
    shift = norm.bias - norm.running_mean * scale
    maps = [v[:, None, None].expand(-1, side, side) for v in (scale, shift)]
    return maps[0], maps[1]


@torch.no_grad()
def _balanced(
    conv: nn.Conv2d, scale: Tensor, shift: Tensor
) -> tuple[nn.Conv2d, tuple[Tensor, Tensor]]:
    """The convolution before the norm with each channel's largest |scale|, and what is left."""
    largest = scale.abs().amax(dim=(1, 2))
    factor = torch.where(largest > 0, largest, torch.ones_like(largest))
    made = deepcopy(conv)
    made.weight *= factor[:, None, None, None]
    made.bias *= factor
    return made, (scale / factor[:, None, None], shift)


@torch.no_grad()
def _into_dense(dense: nn.Linear, scale: Tensor, shift: Tensor) -> None:
    dense.bias += dense.weight @ shift.reshape(-1)
    dense.weight *= scale.reshape(1, -1)


@torch.no_grad()
def _places_alone(network: LbnNet) -> nn.Linear:
    """The head without the paper's class 0, which no place belongs to."""
    made = deepcopy(network.head)
    made.weight = nn.Parameter(made.weight[network.first_place :].clone())
    made.bias = nn.Parameter(made.bias[network.first_place :].clone())
    made.out_features = network.n_places
    return made
