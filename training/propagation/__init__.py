"""Simulated radio maps of cities for LocUNet (SPEC 3.7, 3.11-3.13).

``towns.py`` and ``real_city.py`` the buildings, ``scene.py`` what the native kernels make of
them, ``worlds.py`` the radio, ``sampling.py`` transmitters and users, ``making.py`` one map of a
data set, ``workers.py`` many at once, ``acceptance.py`` how like the paper's they are,
``dataset.py`` the data set on disk.
"""
