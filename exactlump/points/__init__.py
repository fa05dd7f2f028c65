# SPDX-License-Identifier: Apache-2.0
"""This package is about points: exact and float evaluation, boxes, affine pieces and hyperplanes."""
