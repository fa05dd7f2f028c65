# SPDX-License-Identifier: Apache-2.0
"""This package is about lumpability: Definition 6 decided, Theorem 2 found, and the witness of both."""
