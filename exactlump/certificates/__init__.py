# SPDX-License-Identifier: Apache-2.0
"""This package is about certificates: what they may say, and their canonical text."""
