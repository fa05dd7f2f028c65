# SPDX-License-Identifier: Apache-2.0
"""This file is about the answers of lab 2."""

number = 1
point = [1, 0]
activation = "relu"
factor = "-1"
