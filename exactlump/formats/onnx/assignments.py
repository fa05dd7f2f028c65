# SPDX-License-Identifier: Apache-2.0
"""This file is about values of a tensor as an ONNX TensorProto: exact numbers in a type that holds them, or nearly."""

from collections.abc import Sequence
from typing import Any

from onnx import TensorProto, helper

from exactlump.numbers.floats import fits, nearest
from exactlump.numbers.rational import Rational, fraction, text

ROUNDED = "rounded to float64"


def tensor_bytes(name: str, shape: Sequence[int], values: Sequence[Rational], *, exact: bool) -> bytes:
    """A TensorProto: float32 where that holds all values, else float64.

    exact  whether values that float64 does not hold either are texts, rationals in lowest terms; else they are rounded
           to float64, and `doc_string` says so
    """
    kind = next((k for k in ("float32", "float64") if all(fits(value, k) for value in values)), None)
    if kind is None and exact:
        words: Any = [text(value).encode() for value in values]
        return bytes(helper.make_tensor(name, TensorProto.STRING, shape, words).SerializeToString())
    number = TensorProto.FLOAT if kind == "float32" else TensorProto.DOUBLE
    tensor = helper.make_tensor(name, number, shape, [_float(value, kind or "float64") for value in values])
    if kind is None:
        tensor.doc_string = ROUNDED
    return bytes(tensor.SerializeToString())


def _float(value: Rational, kind: str) -> float:
    p, q = fraction(nearest(value, kind))
    return p / q
