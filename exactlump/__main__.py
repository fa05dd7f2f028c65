# SPDX-License-Identifier: Apache-2.0
"""This file is about `python -m exactlump`."""

from exactlump.cli import run

run()
