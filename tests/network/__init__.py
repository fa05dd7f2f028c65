# SPDX-License-Identifier: Apache-2.0
"""This folder is about tests of the network and of what its nodes mean."""
