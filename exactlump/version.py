# SPDX-License-Identifier: Apache-2.0
"""This file is about the version of the package."""

VERSION = "0.1.0"
