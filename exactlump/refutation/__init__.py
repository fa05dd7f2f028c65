# SPDX-License-Identifier: Apache-2.0
"""This file is about a package: two networks: an input at which they differ, or a proof that there is none."""
