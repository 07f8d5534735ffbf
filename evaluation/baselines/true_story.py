"""TrueStory (Elbakly, Aly and Youssef 2018): the floor from what is heard of each floor alone.

In spirit, not faithful: of the paper only Hapi's mention was at hand (SPEC 5.10). It is Hapi's
network with 16 of its inputs, number, largest, mean and variance of each floor; where the access
points hang is not looked at. Taught with scans of other buildings, cut down to this one's numbers
of access points as Hapi's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from training.fitting import arithmetic
from training.hapi import FLOOR_SETTINGS
from training.hapi_floor import FloorFit, fit_floor
from training.hapi_floor_data import reference
from training.hapi_site import Site
from training.survey import Survey

_KINDS = 4


def true_story(site: Site, references: Sequence[Survey], seed: int = 0) -> FloorFit:
    """The network for a site, with the settings of Hapi's preset ``paper``.

    Held-out scans stem from the references too. Raises SurveyError as the references' reading.
    """
    settings = replace(FLOOR_SETTINGS["paper"], kinds=_KINDS)
    rng = np.random.default_rng(np.random.SeedSequence([seed, _KINDS]))
    data = reference(site, references, settings.users, rng)
    held_out = reference(site, references, settings.held_out, rng)
    with arithmetic(1):
        return fit_floor(data, held_out, settings, seed)
