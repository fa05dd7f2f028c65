# SPDX-License-Identifier: Apache-2.0
"""This folder is about tests of the house itself: walls, public face, packaging."""
