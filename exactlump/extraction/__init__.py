# SPDX-License-Identifier: Apache-2.0
"""This file is about a package: the checker extracted from the Coq proof."""
