# SPDX-License-Identifier: Apache-2.0
"""This package is about the page for an assessor."""
