# SPDX-License-Identifier: Apache-2.0
"""This package is about the fast engine: the classes of float layers without rationals."""
