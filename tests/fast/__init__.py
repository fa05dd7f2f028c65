# SPDX-License-Identifier: Apache-2.0
"""This folder is about tests of the fast engine, against the exact one."""
