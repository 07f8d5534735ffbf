"""One circular eXLoc network, two forms: N x N maps, or the vector itself (SPEC 1.7).

A k x k convolution of the cyclic map is a circular convolution of the vector with 2k - 1 taps,
``W[t] = sum over b - a = t of w[a, b]``. The way back is not unique: tap t has k - |t| preimages on
its diagonal. `to_2d` spreads a tap over its diagonal in equal parts: of all such kernels the one of
least norm. Biases, head and embedding belong to channels and access points, not to a form, and are
carried over as they are.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from export.errors import ExportError
from training.exloc import load_network
from training.networks.exloc import ExLocNet
from training.run import Run

CHOICES = ("auto", "1d", "2d")
IMAGES = {"1d": "vector", "2d": "cyclic_map"}
# Largest difference between two forms of one network, as a share of the largest value (or of 1).
MOST_DIFFERENCE = 1e-4


@dataclass(frozen=True)
class Rewritten:
    """A run in another form, and how well the two agree on the golden inputs.

    The differences are the largest of logits, features and Impact Scores (of every cell), each
    divided by the largest value where that exceeds 1.
    """

    run: Run
    stored: str
    exported: str
    logits: float
    features: float
    impact: float

    def to_json(self) -> dict[str, str | float]:
        """Plain JSON types, as they stand in a bundle's provenance."""
        return {
            "stored": self.stored,
            "exported": self.exported,
            "largest_logit_difference": float(f"{self.logits:.3g}"),
            "largest_feature_difference": float(f"{self.features:.3g}"),
            "largest_impact_difference": float(f"{self.impact:.3g}"),
        }


def in_form(run: Run, form: str, golden_rssi_dbm: NDArray[np.float32]) -> Rewritten | None:
    """The run with its network in the form asked for; None where it already has that form.

    `form` is "1d", "2d" or "auto": 1-D wherever that is exact. The two networks are compared on
    the golden rows (V, N), NaN = not heard.

    Raises:
        ExportError: the form does not exist for this run, or the two networks differ.
    """
    if form not in CHOICES:
        raise ExportError(f"form {form!r}, expected one of {', '.join(CHOICES)}")
    if run.network is None or "padding" not in run.network:
        if form != "auto":
            raise ExportError(f"form {form!r}: a {run.system} run has no convolutions to rewrite")
        return None
    circular = run.network["padding"] == "circular"
    if form == "1d" and not circular:
        raise ExportError(
            "form '1d': the network pads with zeros, and only a circular one is exactly a 1-D "
            "network; train with circular padding, or export with form 2d"
        )
    stored = str(run.network["form"])
    wanted = form if form != "auto" else ("1d" if circular else "2d")
    if wanted == stored:
        return None
    before = load_network(run)
    after = before.to_1d() if wanted == "1d" else to_2d(before)
    assert run.input is not None
    made = replace(
        run,
        network=after.config,
        state={name: value.clone() for name, value in after.state_dict().items()},
        input={**run.input, "image": IMAGES[wanted]},
    )
    images = (torch.from_numpy(r.input_recipe.images(golden_rssi_dbm)) for r in (run, made))
    found = differences(before, after, *images)
    for name, value in found.items():
        if not value <= MOST_DIFFERENCE:
            raise ExportError(
                f"the {wanted} form differs from the {stored} network by {value:.1e} of the "
                f"largest {name} (limit {MOST_DIFFERENCE:.0e}); export with form {stored}"
            )
    return Rewritten(made, stored, wanted, **found)


def to_2d(network: ExLocNet) -> ExLocNet:
    """The N x N network that is the same function as a circular 1-D one, a copy.

    Raises ValueError where the network is not circular in one dimension.
    """
    if network.form != "1d":
        raise ValueError(f"the network has form {network.form!r}, expected '1d'")
    made = ExLocNet(**{**network.config, "form": "2d"}).to(network.fc.weight)
    state = network.state_dict()
    for name, like in made.state_dict().items():
        if like.ndim == 4:
            state[name] = spread(state[name])
    made.load_state_dict(state)
    return made.train(network.training)


def spread(taps: Tensor) -> Tensor:
    """(out, in, 2k - 1) -> (out, in, k, k): ``w[a, b] = W[b - a] / (k - |b - a|)``."""
    k = (taps.shape[-1] + 1) // 2
    index = torch.arange(k, device=taps.device)
    offset = index[None, :] - index[:, None]
    return taps[..., offset + k - 1] / (k - offset.abs())


def differences(
    one: ExLocNet, other: ExLocNet, images: Tensor, other_images: Tensor
) -> dict[str, float]:
    """Largest differences of logits, features and Impact Scores, relative where values exceed 1."""
    with torch.inference_mode():
        logits, features = one.scores_and_features(images)
        other_logits, other_features = other.scores_and_features(other_images)
        pairs = {
            "logits": (logits, other_logits),
            "features": (features, other_features),
            "impact": (one.impact(features), other.impact(other_features)),
        }
    return {
        name: float((a - b).abs().max() / max(1.0, float(a.abs().max())))
        for name, (a, b) in pairs.items()
    }
