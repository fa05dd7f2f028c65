# SPDX-License-Identifier: Apache-2.0
"""This folder is about tests of whole reductions."""
