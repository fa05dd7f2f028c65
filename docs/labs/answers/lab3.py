# SPDX-License-Identifier: Apache-2.0
"""This file is about the answers of lab 3."""

merged = 4
right = 3
printed_only = -1
equal = "1/2"
