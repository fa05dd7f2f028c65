# SPDX-License-Identifier: Apache-2.0
"""This package is about the checker that is extracted from the Coq proof."""
