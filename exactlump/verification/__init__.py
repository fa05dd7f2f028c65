# SPDX-License-Identifier: Apache-2.0
"""This file is about answers to queries: exact solutions, or trees of boxes that show that there are none."""
