# SPDX-License-Identifier: Apache-2.0
"""This package is about the verbs of the command line as library calls, from files to verdicts."""
