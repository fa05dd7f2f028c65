# SPDX-License-Identifier: Apache-2.0
"""This package is about two networks: an input at which they differ, or a proof that there is none."""
