# SPDX-License-Identifier: Apache-2.0
"""This file is about assignments that are not printed in full: as ONNX tensors, and with numbers that are rounded."""

from collections.abc import Sequence
from decimal import Context, Decimal

from exactlump.numbers.rational import Rational, fraction
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
    """A TensorProto for each port, by its name (`formats/onnx/assignments.py`); of inputs always exact."""
    from exactlump.formats.onnx.assignments import tensor_bytes

    found = {}
    for port, start in zip(query.ports, query.starts, strict=False):
        part = values[start : start + port.size]
        found[port.name] = tensor_bytes(port.name, port.shape, part, exact=query.is_input(start))
    return found
