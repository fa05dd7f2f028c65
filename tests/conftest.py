# SPDX-License-Identifier: Apache-2.0
"""This file is about how generated examples are drawn: the same ones in every run, and new ones on demand.

`pytest --hypothesis-profile explore` draws new ones.
"""

from hypothesis import settings

settings.register_profile("repeatable", deadline=None, derandomize=True)
settings.register_profile("explore", deadline=None)
settings.load_profile("repeatable")
