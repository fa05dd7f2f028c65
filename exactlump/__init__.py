# SPDX-License-Identifier: Apache-2.0
"""Exact lumping of neural networks: smaller networks that compute the same function, with a certificate."""

__version__ = "0.1.0"
