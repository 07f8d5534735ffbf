"""What M_E makes of scans, by domain and by place (the paper's Fig. 5): t-SNE and its figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.manifold import TSNE
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier

from evaluation.baselines.aged_knn import silent
from evaluation.itoloc_places import FIRST, LAST, OTHER_PHONE, PHONE, Months
from training.itoloc import Model
from training.itoloc_images import Images

SHOWN = 200
_NEIGHBOURS = 5
DOMAINS = ((FIRST, PHONE), (LAST, PHONE), (LAST, OTHER_PHONE))


def features(
    months: Months,
    model: Model,
    domains: Sequence[tuple[int, str]] = DOMAINS,
    perplexity: float = 30.0,
) -> dict[str, Any]:
    """At most SHOWN scans of each domain (month, phone), on the plane of a t-SNE.

    Access points silent in any of the months are masked in all: else the mask itself would tell.
    ``domain_accuracy``, ``region_accuracy``: what five neighbours among the features themselves
    tell, cross-validated five-fold; a feature without a domain has the first at a third.
    """
    rng = np.random.default_rng(0)
    rssi = months.survey.fingerprints(model.bssids)
    gone = [silent(rssi[months.month == month]) for month, _ in domains]
    unknown = np.logical_or.reduce(gone)
    rows, domain, made = [], [], []
    for number, (month, device) in enumerate(domains):
        here = np.flatnonzero(months.tested(month, device))
        chosen = np.sort(rng.permutation(here)[:SHOWN])
        made.append(_extracted(model, rssi[chosen], unknown))
        rows.append(chosen)
        domain += [number] * len(chosen)
    values, row = np.concatenate(made), np.concatenate(rows)
    place = months.regions(months.survey.xy_m[row])
    region = np.unique(place, axis=0, return_inverse=True)[1].reshape(-1)
    plane = TSNE(random_state=0, perplexity=perplexity).fit_transform(values)
    judge = KNeighborsClassifier(_NEIGHBOURS)

    def told(label: NDArray) -> float:
        order = rng.permutation(len(label))
        return round(float(cross_val_score(judge, values[order], label[order]).mean()), 4)

    return {
        "domains": [f"month {m}, {d}" for m, d in domains],
        "domain": domain, "region": region.tolist(), "plane": np.round(plane, 2).tolist(),
        "domain_accuracy": told(np.array(domain)), "region_accuracy": told(region),
    }  # fmt: skip


def _extracted(
    model: Model, rssi_dbm: NDArray[np.float32], unknown: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """(B, F) the extractor's output."""
    network = model.fitting.network.eval()
    images = Images(model.fitting.recipe)
    with torch.inference_mode():
        made = images(torch.from_numpy(rssi_dbm), unknown=torch.from_numpy(unknown))
        return network.extractor(made).flatten(1).numpy()
