# SPDX-License-Identifier: Apache-2.0
"""This package is about the exact network: node kinds, views, activations, and what they compute."""
