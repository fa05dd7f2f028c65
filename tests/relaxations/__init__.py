# SPDX-License-Identifier: Apache-2.0
"""This folder is about tests of the relaxation and of approximate versions."""
