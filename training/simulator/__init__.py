"""Simulated buildings: access points, radio, walking users, written as surveys.

``building.py`` the geometry, ``replicas.py`` the five Hapi testbeds, ``propagation.py`` and
``shadowing.py`` the radio, ``walks.py`` the users, ``survey.py`` all of it as a survey.
"""

from training.simulator.building import Building, place_access_points, thinned
from training.simulator.propagation import Radio
from training.simulator.replicas import REPLICAS, replica
from training.simulator.survey import simulate
from training.simulator.walks import Crowd

__all__ = [
    "REPLICAS",
    "Building",
    "Crowd",
    "Radio",
    "place_access_points",
    "replica",
    "simulate",
    "thinned",
]
