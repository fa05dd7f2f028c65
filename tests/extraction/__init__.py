# SPDX-License-Identifier: Apache-2.0
"""This folder is about tests of the proofs and of the checker that is extracted from them."""
