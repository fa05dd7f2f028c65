# SPDX-License-Identifier: Apache-2.0
"""This file is about pytest: where exactlump is installed, `assert_equivalent` is a fixture of every test."""

from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture(name="assert_equivalent", scope="session")
def assert_equivalent_fixture() -> Callable[..., Any]:
    """`exactlump.testing.assert_equivalent`, imported when a test asks for it."""
    from exactlump.testing import assert_equivalent

    return assert_equivalent
