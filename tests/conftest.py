# SPDX-License-Identifier: Apache-2.0
"""This file is about how generated examples are drawn: the same ones in every run, and new ones on demand.

`pytest --hypothesis-profile explore` draws new ones.
"""

from hypothesis import HealthCheck, settings
from hypothesis.internal.conjecture import providers

# How long drawing takes depends on the machine and on what else it does: no test fails for that.
SLOW = [HealthCheck.too_slow]
settings.register_profile("repeatable", deadline=None, derandomize=True, suppress_health_check=SLOW)
settings.register_profile("explore", deadline=None, suppress_health_check=SLOW)
settings.load_profile("repeatable")

# Newer versions draw numbers that they find in the modules loaded so far, which hang on the tests run before:
# a failure that depends on which worker ran what could not be repeated.
if hasattr(providers, "_get_local_constants"):
    providers._get_local_constants = lambda: providers.Constants()
