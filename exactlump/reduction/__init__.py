# SPDX-License-Identifier: Apache-2.0
"""This package is about reducing a network: the loop, its rules, and Q in the numbers of a file."""
