# SPDX-License-Identifier: Apache-2.0
"""This package is about the command line: parsing, the verdict on stdout, talk on stderr."""
