"""Surveys that the training tests share."""

import pytest
from invented import invented_survey


@pytest.fixture(scope="session")
def survey():
    return invented_survey()


@pytest.fixture(scope="session")
def one_floor():
    return invented_survey(floors=(0,))
