# SPDX-License-Identifier: Apache-2.0
"""This file is about nothing but its folder: the experiment of the paper (Section 5, Figure 4), repeated exactly."""
