# SPDX-License-Identifier: Apache-2.0
"""This file is about a package: solvers and the obligations put to them."""
