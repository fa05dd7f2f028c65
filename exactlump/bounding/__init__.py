# SPDX-License-Identifier: Apache-2.0
"""Bounds of how far apart two networks can be on boxes, with certificates (docs/trust.md, theorem T8')."""
