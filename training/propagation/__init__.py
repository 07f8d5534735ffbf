"""Simulated radio maps of cities for LocUNet (SPEC 3.7, 3.11-3.13).

``dataset.py`` the data set on disk.
"""
