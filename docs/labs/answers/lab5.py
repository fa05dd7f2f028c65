# SPDX-License-Identifier: Apache-2.0
"""This file is about the answers of lab 5."""

half = "1999/2000"
k = 1_000_000
rows = 3
