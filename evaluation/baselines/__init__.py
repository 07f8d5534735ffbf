"""Positioning from access point positions alone: what a calibration-free system has to beat.

Every baseline has one face: a ``Layout`` of located access points and levels (M, A) in dBm, NaN =
not heard, give a ``Found`` with a floor and a place for each scan. None looks at a scan's truth,
nor at the target building beyond its access points and, where known, the size of its floors.
"""

from evaluation.baselines.inc_voronoi import hard_voronoi, soft_voronoi
from evaluation.baselines.locus import locus
from evaluation.baselines.log_distance import log_distance_fit
from evaluation.baselines.single_features import FEATURES, by_features
from evaluation.baselines.windows import strongest_over, strongest_within
from training.ap_centroid import weighted_centroid
from training.ap_floors import by_count, by_mean, by_strongest
from training.ap_layout import Found, Layout

__all__ = [
    "FEATURES",
    "Found",
    "Layout",
    "by_count",
    "by_features",
    "by_mean",
    "by_strongest",
    "hard_voronoi",
    "locus",
    "log_distance_fit",
    "soft_voronoi",
    "strongest_over",
    "strongest_within",
    "weighted_centroid",
]
