# SPDX-License-Identifier: Apache-2.0
"""This package is about numbers: exact rationals, floats, and matrices that keep both."""
