# SPDX-License-Identifier: Apache-2.0
"""This file is about the answers of lab 4."""

largest = "1/100"
corner = [1, 1]
decides_otherwise = [1, "19/20"]
no_sum = [1, -1]
