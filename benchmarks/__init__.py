# SPDX-License-Identifier: Apache-2.0
"""This file is about measurements: each module here is one command that anybody can run, results beside it."""
