# SPDX-License-Identifier: Apache-2.0
"""This file is about assignments that are not printed in full: as ONNX tensors, and with numbers that are rounded."""

from collections.abc import Sequence
from decimal import Context, Decimal
from typing import Any

from exactlump.numbers.floats import fits, nearest
from exactlump.numbers.rational import Rational, fraction, text
from exactlump.queries.assignments import value_text
from exactlump.queries.printing import declaration
from exactlump.queries.query import Query

_DIGITS = 40


def rounded_text(query: Query, values: Sequence[Rational]) -> str:
    """The assignment as lines; a number without a decimal that can be printed has 40 digits of one."""
    lines: list[str] = []
    for port, start in zip(query.ports, query.starts, strict=False):
        lines.append(declaration(port))
        for value in values[start : start + port.size]:
            lines.append(value_text(value, port.element_type) or _rounded(value))
    return "".join(f"{line}\n" for line in lines)


def _rounded(value: Rational) -> str:
    p, q = fraction(value)
    return format(Context(prec=_DIGITS).divide(Decimal(p), Decimal(q)), "f")


def serialised(query: Query, values: Sequence[Rational]) -> dict[str, bytes]:
    """A TensorProto for each port, by its name.

    float32 where that holds all values, else float64.  An input that float64 does not hold either is text, an exact
    rational; an output is rounded to float64 then, and the tensor's doc_string says so.
    """
    from onnx import TensorProto, helper

    found = {}
    inputs = {query.ports[query.starts.index(elements.start)].name for elements in query.input_ranges}
    for port, start in zip(query.ports, query.starts, strict=False):
        part = values[start : start + port.size]
        kind = next((k for k in ("float32", "float64") if all(fits(value, k) for value in part)), None)
        if kind is None and port.name in inputs:
            words: Any = [text(value).encode() for value in part]
            tensor = helper.make_tensor(port.name, TensorProto.STRING, port.shape, words)
        else:
            number = TensorProto.FLOAT if kind == "float32" else TensorProto.DOUBLE
            numbers = [float(_float(value, kind)) for value in part]
            tensor = helper.make_tensor(port.name, number, port.shape, numbers)
            if kind is None:
                tensor.doc_string = "rounded to float64"
        found[port.name] = tensor.SerializeToString()
    return found


def _float(value: Rational, kind: str | None) -> float:
    p, q = fraction(nearest(value, kind or "float64"))
    return p / q
