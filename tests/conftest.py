"""Settings for all tests."""

import os

from hypothesis import settings

# No time limit per example: it would measure the machine's other work, not the code. In CI every
# run tries the same examples, so that a change fails for what it changes; elsewhere new ones.
settings.register_profile("rssfix", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("rssfix")
