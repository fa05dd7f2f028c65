# SPDX-License-Identifier: Apache-2.0
"""This package is about linear combinations in place of neurons."""
