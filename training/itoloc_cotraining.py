"""Co-training of iToLoc's three predictors on unlabelled scans (SPEC 2.6, steps 1 to 9).

It is Tri-net (Chen et al. 2018) as the paper applies it: what two modules agree on, confidently
and stably, the third learns. The extractor stays as it is. Every round draws from a generator
of its own, so that a fit taken up again goes on as if it had never stopped.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from training.itoloc_images import Images
from training.networks.itoloc import ItolocNet

MODULES = 3
# The paper has 13 to 30.
MANY_PLACES = 20
# A network and the gain of its input to a share of successes.
Success: TypeAlias = Callable[[ItolocNet, Tensor], float]
_BATCH = 256
_NONE = -1


@dataclass(frozen=True)
class Rules:
    """What the paper gives, and what it leaves open (SPEC 2.6).

    ``sigma``: least mean of the two modules' largest probabilities, ``smeared_sigma`` what it is
    lowered by in the round after a smearing with ``std``; ``passes`` K with dropout, of which a
    third may say otherwise; the pool of round t holds ``base`` 2^t rows; every ``smear_every``
    full rounds labels are smeared; ``most_drop`` of the guard's success a round may cost.
    """

    sigma: float = 0.96
    smeared_sigma: float = 0.1
    passes: int = 9
    std: float = 0.05
    base: int = 60
    smear_every: int = 3
    rounds: int = 30
    quiet: int = 2
    batch: int = 32
    learning_rate: float = 0.01
    weight_decay: float = 1e-4
    most_drop: float = 0.01


@dataclass
class State:
    """Where a fit stands after ``round`` rounds. ``labels`` (3, U): each module's pseudo-labels of
    the last full round, -1 for none; ``quiet``: full rounds in a row that changed none."""

    round: int = 0
    full: int = 0
    smeared: bool = False
    quiet: int = 0
    done: bool = False
    success: float = 0.0
    labels: NDArray[np.int64] = field(default_factory=lambda: np.empty((0, 0), np.int64))
    log: list[dict[str, Any]] = field(default_factory=list)


class Cotraining:
    """One network, its labelled rows (M, N) with places (M,), and unlabelled rows (U, N).

    Args:
        targets: (G, G) what the modules are to say of each place; the unit matrix for hard labels.
        unknown: (N,) masked access points.
        success: the guard: share of its scans, ``guards`` in number, that a network places rightly
            with a gain (N,).
        unsurveyed: (N,) access points unknown to the labelled rows; None: there are none.
        new: (N,) those of them that enter now: their ``gain`` starts at 0 and is learned.
    """

    def __init__(
        self,
        network: ItolocNet,
        images: Images,
        labelled_dbm: NDArray[np.float32],
        place: NDArray[np.integer],
        targets: NDArray[np.float32],
        unlabelled_dbm: NDArray[np.float32],
        unknown: NDArray[np.bool_],
        rules: Rules,
        seed: int,
        success: Success,
        guards: int,
        unsurveyed: NDArray[np.bool_] | None = None,
        new: NDArray[np.bool_] | None = None,
    ) -> None:
        self.network, self.images, self.rules, self.seed = network.eval(), images, rules, seed
        self.labelled = torch.from_numpy(np.ascontiguousarray(labelled_dbm))
        self.place = torch.from_numpy(np.asarray(place, dtype=np.int64))
        self.targets = torch.from_numpy(targets)
        self.unlabelled = torch.from_numpy(np.ascontiguousarray(unlabelled_dbm))
        self.unknown = torch.from_numpy(unknown)
        nobody = np.zeros_like(unknown)
        self.surveyed_unknown = torch.from_numpy(
            unknown | (nobody if unsurveyed is None else unsurveyed)
        )
        self.new = torch.from_numpy(nobody if new is None else new)
        self.gain = (~self.new).to(self.labelled.dtype)
        self.success, self.guards = success, guards
        self.state = State(labels=np.full((MODULES, len(unlabelled_dbm)), _NONE, dtype=np.int64))
        self.state.success = success(network, self.gain)

    def step(self) -> None:
        """One round; sets ``state.done`` after the last (SPEC steps 2 to 9)."""
        state, rules = self.state, self.rules
        if state.done:
            return
        count = len(self.unlabelled)
        state.round += 1
        rng = np.random.default_rng([self.seed, state.round])
        torch.manual_seed(int(rng.integers(2**62)))
        pool = min(rules.base * 2**state.round, count)
        before = copy.deepcopy(self.network.state_dict()), self.gain.clone()
        entry: dict[str, Any] = {"round": state.round, "pool": pool}
        full = pool == count
        state.full += full
        if full and state.full % rules.smear_every == 0:
            entry["smeared"] = True
            self._smear(rng)
            state.smeared = True
        else:
            sigma = rules.sigma - (rules.smeared_sigma if state.smeared else 0.0)
            state.smeared = False
            rows = np.sort(rng.permutation(count)[:pool])
            labels = np.full((MODULES, count), _NONE, dtype=np.int64)
            labels[:, rows] = self._pseudo_labels(rows, sigma)
            entry |= {
                "sigma": sigma,
                "added": [int((one != _NONE).sum()) for one in labels],
                "per_place": np.bincount(
                    labels[labels != _NONE], minlength=len(self.targets)
                ).tolist(),
            }
            for module in range(MODULES):
                kept = np.flatnonzero(labels[module] != _NONE)
                self._tune(module, rng, self.targets[self.place], kept, labels[module, kept])
            if full:
                entry["changed"] = int((labels != state.labels).any(axis=0).sum())
                state.quiet = 0 if entry["changed"] else state.quiet + 1
                state.labels = labels
        self.network.eval()
        entry["success"] = self.success(self.network, self.gain)
        entry["rolled_back"] = entry["success"] < state.success - self.most_drop
        if entry["rolled_back"]:
            self.network.load_state_dict(before[0])
            self.gain = before[1]
        else:
            state.success = entry["success"]
        state.log.append(entry)
        state.done = state.round >= rules.rounds or state.quiet >= rules.quiet

    @property
    def noise_std(self) -> float:
        """Of the smearing. Every place adds noise to the same 1: over MANY_PLACES each adds less,
        or a hundred of them would drown the label."""
        return self.rules.std * min(1.0, MANY_PLACES / len(self.targets))

    @property
    def most_drop(self) -> float:
        """Of the guard's success: what the rules allow, but no less than its standard error, one
        success and one failure more than were seen."""
        share = (self.state.success * self.guards + 1.0) / (self.guards + 2.0)
        return max(self.rules.most_drop, (share * (1.0 - share) / self.guards) ** 0.5)

    def confidence(self, rssi_dbm: NDArray[np.float32]) -> NDArray[np.float64]:
        """(M,) mean over the modules of their largest probability."""
        parts = torch.from_numpy(rssi_dbm).split(_BATCH)
        found = [self._probability(part, self.surveyed_unknown) for part in parts]
        return torch.cat(found, dim=1).amax(dim=2).mean(dim=0).double().numpy()

    def _seen(self, scans: Tensor, unknown: Tensor, gain: Tensor | None = None) -> Tensor:
        """What the network sees of scans (B, N)."""
        images = self.images(scans, unknown=unknown)
        if not self.new.any():
            return images
        return images * (self.gain if gain is None else gain)

    def _probability(self, scans: Tensor, unknown: Tensor) -> Tensor:
        """(3, B, G), without dropout."""
        self.network.eval()
        with torch.inference_mode():
            return torch.stack(self.network(self._seen(scans, unknown))).softmax(dim=2)

    def _pseudo_labels(self, rows: NDArray[np.int64], sigma: float) -> NDArray[np.int64]:
        """(3, pool): for each module what the other two say of a row, -1 where they do not agree,
        are not sure, or waver under dropout."""
        parts = []
        for scans in self.unlabelled[torch.from_numpy(rows)].split(_BATCH):
            sure = self._probability(scans, self.unknown)
            wavering = self._wavering(scans, sure)
            found = []
            for module in range(MODULES):
                one, other = (i for i in range(MODULES) if i != module)
                label = sure[one].argmax(dim=1)
                agreed = label == sure[other].argmax(dim=1)
                confident = (sure[one].amax(dim=1) + sure[other].amax(dim=1)) / 2 > sigma
                stable = wavering[module] <= self.rules.passes / 3
                found.append(torch.where(agreed & confident & stable, label, _NONE))
            parts.append(torch.stack(found))
        return torch.cat(parts, dim=1).numpy()

    def _wavering(self, scans: Tensor, sure: Tensor) -> Tensor:
        """(3, B): how many of K passes with dropout, norms as in test, say something else."""
        for layer in self.network.modules():
            if isinstance(layer, nn.Dropout):
                layer.train()
        differ = torch.zeros(MODULES, len(scans), dtype=torch.int64)
        with torch.inference_mode():
            images = self._seen(scans, self.unknown)
            for _ in range(self.rules.passes):
                drawn = torch.stack(self.network(images)).softmax(dim=2)
                for module in range(MODULES):
                    one, other = (i for i in range(MODULES) if i != module)
                    said = (drawn[one] + drawn[other]).argmax(dim=1)
                    differ[module] += said != sure[one].argmax(dim=1)
        self.network.eval()
        return differ

    def _smear(self, rng: np.random.Generator) -> None:
        """Each module learns the labelled rows with noise of its own on the labels (eq. 12, 13)."""
        none = np.empty(0, dtype=np.int64)
        for module in range(MODULES):
            target = self.targets[self.place]
            noise = rng.normal(0.0, self.noise_std, target.shape).clip(min=0.0)
            target = target + torch.from_numpy(noise.astype(np.float32))
            self._tune(module, rng, target / target.sum(dim=1, keepdim=True), none, none)

    def _tune(
        self, module: int, rng: np.random.Generator, target: Tensor,
        rows: NDArray[np.int64], label: NDArray[np.int64],
    ) -> None:  # fmt: skip
        """One epoch of one module over the labelled rows and the pseudo-labelled ``rows``, as they
        were heard: shaken as in training, they taught less."""
        rules = self.rules
        predictor, learns = self.network.predictors[module], bool(self.new.any())
        gain = self.gain.clone().requires_grad_(learns)
        optimizer = torch.optim.SGD(
            [
                {"params": list(predictor.parameters()), "weight_decay": rules.weight_decay},
                {"params": [gain]},
            ],
            rules.learning_rate, momentum=0.9,
        )  # fmt: skip
        scans = torch.cat([self.labelled, self.unlabelled[torch.from_numpy(rows)]])
        surveyed = torch.arange(len(scans)) < len(self.labelled)
        target = torch.cat([target, self.targets[torch.from_numpy(label)]])
        self.network.eval()
        predictor.train()
        size = min(rules.batch, len(scans))
        count = len(scans) // size
        order = torch.from_numpy(rng.permutation(len(scans)))
        for i in range(count):
            # To nothing within the epoch: what stands afterwards is used, and at a constant rate
            # it would be as noisy as the last batch.
            for group in optimizer.param_groups:
                group["lr"] = rules.learning_rate * (1.0 - i / count)
            part = order[i * size : (i + 1) * size]
            unknown = torch.where(
                surveyed[part, None], self.surveyed_unknown[None], self.unknown[None]
            )
            with torch.set_grad_enabled(learns):
                features = self.network.extractor(self._seen(scans[part], unknown, gain))
            loss = nn.functional.cross_entropy(predictor(features), target[part])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            with torch.no_grad():
                # Of newcomers alone, and never turned round.
                gain.copy_(torch.where(self.new, gain.clamp(min=0.0), 1.0))
        self.gain = gain.detach()
        self.network.eval()
