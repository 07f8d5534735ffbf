"""Surveys that the training tests share."""

import pytest
from drifting_hall import trained
from invented import invented_survey

from training.fitting import arithmetic


@pytest.fixture(scope="session")
def survey():
    return invented_survey()


@pytest.fixture(scope="session")
def one_floor():
    return invented_survey(floors=(0,))


@pytest.fixture(scope="session")
def hall_run():
    """iToLoc of the drifting hall."""
    with arithmetic(1):
        return trained()


@pytest.fixture(scope="module")
def one_thread():
    """Sums in one order, so that a seed gives the same bits."""
    with arithmetic(1):
        yield
