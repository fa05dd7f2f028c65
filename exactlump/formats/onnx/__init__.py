# SPDX-License-Identifier: Apache-2.0
"""This package is about ONNX files: read into exact networks, and written from them."""
