# SPDX-License-Identifier: Apache-2.0
"""This package is about answering queries: exact solutions, and trees of boxes that show that there are none."""
