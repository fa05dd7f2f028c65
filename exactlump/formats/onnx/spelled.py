# SPDX-License-Identifier: Apache-2.0
"""This file is about functions that files spell out in several operators: x * Sigmoid(x) is silu.

Each is read at its last operator, if all units have it, with the constants that the file has: x * HardSigmoid(x) is
hard_swish only for alpha = 1/6, which no float is, and else a function of its own.  What it is spelled with stays, and
is left out where nothing else reads it.
"""

from collections.abc import Sequence

from exactlump.errors import UnsupportedLayer
from exactlump.formats.onnx.data import Data, same
from exactlump.formats.onnx.graph import Reader
from exactlump.formats.onnx.operators import Operator
from exactlump.formats.onnx.tensors import FLOATS, Constant
from exactlump.network.activations import ABS, Activation
from exactlump.network.kinds import Activate, Reorder
from exactlump.numbers.rational import ONE, ZERO, Rational, rational

_SIXTH, _HALF = ONE / 6, ONE / 2


def _walked(reader: Reader, name: str, end: str = "") -> tuple[str, Rational, Rational]:
    """The tensor of which another is a multiple plus a constant, the same for all units, as far as `end`; and these."""
    factor, constant = ONE, ZERO
    while name != end and (node := reader.maker(name)) is not None:
        if len(set(node.factor)) == 1:
            factor = factor * node.factor[0]
        elif len(set(node.constant)) == 1:
            constant = constant + factor * node.constant[0]
        elif not (isinstance(node, Reorder) and node.axes is None and _as_before(reader, node)):
            break
        (name,) = node.reads
    return name, factor, constant


def _as_before(reader: Reader, node: Reorder) -> bool:
    return reader.data[node.source].view == reader.data[node.target].view and not node.cast


def _only(reader: Reader, name: str) -> tuple[Activation | None, str]:
    """The function that all units of a tensor have, and its source."""
    node = reader.maker(name)
    if node is None or not node.functions:
        return None, ""
    functions = set(node.functions)
    return (functions.pop() if len(functions) == 1 else None), node.reads[0]


def _gated(function: Activation, a: Rational, b: Rational, c: Rational, d: Rational) -> Activation | None:
    """What y * (c * f(a * y + b) + d) is, if it has a name."""
    if function.name == "sigmoid" and (a, b, c, d) == (ONE, ZERO, ONE, ZERO):
        return Activation("silu")
    if function.name == "hard_sigmoid" and (c, d) == (ONE, ZERO):
        alpha, beta = function.parameters[0] * a, function.parameters[0] * b + function.parameters[1]
        exact = (alpha, beta) == (_SIXTH, _HALF)
        return Activation("hard_swish") if exact else Activation("hard_gate", (alpha, beta))
    return Activation("erf_gate", (a, c)) if function.name == "erf" and not b and c == d else None


def _emit(reader: Reader, op: Operator, data: Data, function: Activation, parts: Sequence[str]) -> None:
    reader.spelled.update(parts)
    reader.emit(Activate(data.name, op.target, (function,) * data.units), same(op, data))


def product(reader: Reader, op: Operator) -> bool:
    """Read x * f(x), or Max(x, -x), of two computed tensors: whether it is such."""
    if len(op.inputs) != 2:
        return False
    tensors = [found for name in op.inputs if isinstance(found := reader.lookup(name), Data) and found.kind in FLOATS]
    if len(tensors) != 2 or tensors[0].sizes != tensors[1].sizes or not all(data.known for data in tensors):
        return False
    for one, other in (tensors, tensors[::-1]):
        name, factor, constant = _walked(reader, other.name, one.name)
        if op.kind == "Max":
            function = ABS if (name, factor, constant) == (one.name, -ONE, ZERO) else None
        else:
            function = _factor(reader, one, name, factor, constant)
        if function is not None and one.view == other.view:
            _emit(reader, op, one, function, _between(reader, other.name, one.name))
            return True
    return False


def _factor(reader: Reader, one: Data, name: str, factor: Rational, constant: Rational) -> Activation | None:
    function, below = _only(reader, name)
    if function is None:
        return None
    below, a, b = _walked(reader, below, one.name)
    return _gated(function, a, b, factor, constant) if below == one.name else None


def _between(reader: Reader, name: str, end: str) -> list[str]:
    """The tensors from one to another, below which it does not go."""
    found: list[str] = []
    while name != end and (node := reader.maker(name)) is not None and len(node.reads) == 1:
        found.append(name)
        (name,) = node.reads
    return found


def logarithm(reader: Reader, op: Operator, data: Data) -> None:
    """Log of a sigmoid, and of 1 + Exp."""
    name, factor, constant = _walked(reader, data.name)
    function, below = _only(reader, name)
    known = {("sigmoid", ONE, ZERO): "log_sigmoid", ("exp", ONE, ONE): "softplus"}
    found = None if function is None else known.get((function.name, factor, constant))
    if found is None or reader.data[below].view != data.view:
        raise UnsupportedLayer("found the logarithm of something else than a sigmoid, or 1 + Exp")
    _emit(reader, op, reader.data[below], Activation(found), _between(reader, data.name, below))


def threshold(reader: Reader, op: Operator) -> None:
    """Note what a Greater compares: a computed tensor with one number.  It is opaque itself."""
    if op.kind == "Greater" and len(op.inputs) == 2:
        one, other = (reader.lookup(name) for name in op.inputs)
        if not isinstance(one, Data) or not isinstance(other, Constant) or other.kind not in FLOATS:
            return
        if other.array.size == 1 and other.array.ndim <= one.rank:  # else what it makes has more axes than the tensor
            reader.thresholds[op.target] = one.name, other.vector()[0]


def where(reader: Reader, op: Operator, condition: str, one: Data | Constant, other: Data | Constant) -> None:
    """Where(Greater(x, t), x, softplus(x))."""
    source, above = reader.thresholds.get(condition, ("", rational(0)))
    fits = isinstance(one, Data) and isinstance(other, Data) and one.name == source
    if not fits or not isinstance(one, Data) or _only(reader, op.input(2)) != (Activation("softplus"), source):
        raise UnsupportedLayer("found another choice than that of a softplus below a threshold")
    _emit(reader, op, one, Activation("softplus_above", (ONE, above)), [op.input(2)])
