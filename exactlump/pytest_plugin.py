# SPDX-License-Identifier: Apache-2.0
"""This file is about pytest: where exactlump is installed, its two assertions are fixtures of every test."""

from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture(name="assert_equivalent", scope="session")
def assert_equivalent_fixture() -> Callable[..., Any]:
    """`exactlump.testing.assert_equivalent`, imported when a test asks for it."""
    from exactlump.testing import assert_equivalent

    return assert_equivalent


@pytest.fixture(name="assert_within", scope="session")
def assert_within_fixture() -> Callable[..., Any]:
    """`exactlump.testing.assert_within`, imported when a test asks for it."""
    from exactlump.testing import assert_within

    return assert_within
