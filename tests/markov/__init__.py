# SPDX-License-Identifier: Apache-2.0
"""This folder is about tests of Markov chains, and of the notions compared."""
