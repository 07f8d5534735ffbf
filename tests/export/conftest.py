"""Small runs that the export tests share, trained in seconds on a part of the included survey."""

from pathlib import Path

import numpy as np
import pytest

from training import exloc, neighbours
from training.survey_file import read_survey

SURVEY = Path(__file__).parents[2] / "examples" / "data" / "uji_library_floor3"


@pytest.fixture(scope="session")
def part():
    """Every sixth scan of each session: enough to learn something in a second."""
    survey = read_survey(SURVEY)
    return survey.take(np.arange(len(survey)) % 6 == 0)


def trained(part, folder, **settings):
    small = {"width": 8, "depth": 2, "cap": 24}
    exloc.train(part, "small", seed=0, epochs=3, changes=small | settings).save(folder)
    return folder


@pytest.fixture(scope="session")
def run_1d(part, tmp_path_factory):
    return trained(part, tmp_path_factory.mktemp("runs") / "exloc")


@pytest.fixture(scope="session")
def run_2d(part, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "exloc2d"
    return trained(part, folder, cap=10, padding="zero", head="gap", form="2d", estimate="mode")


@pytest.fixture(scope="session")
def run_neighbours(part, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "neighbours"
    neighbours.train(part, seed=0).save(folder)
    return folder
