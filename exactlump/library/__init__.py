# SPDX-License-Identifier: Apache-2.0
"""This package is about library calls that take what people have, and give rationals and arrays."""
