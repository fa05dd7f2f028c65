# SPDX-License-Identifier: Apache-2.0
"""This file is about a package: finding proportional rows of floats, without objects."""
