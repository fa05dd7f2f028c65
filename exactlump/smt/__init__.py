# SPDX-License-Identifier: Apache-2.0
"""This package is about solvers, and the obligations that are put to them."""
