# SPDX-License-Identifier: Apache-2.0
"""This file is about a package: linear combinations in place of neurons."""
