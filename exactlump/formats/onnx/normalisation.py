# SPDX-License-Identifier: Apache-2.0
"""This file is about batch normalisation: a scale by an irrational number, which a stated rule makes exact.

    y = gamma / sqrt(var + epsilon) * (x - mean) + beta

The specification of a network says what the scale is: the float32, or the float64, nearest to it (ties to even), or,
`exact`, itself: a rational times the function surd(d), which multiplies by the square root of a squarefree integer d.
Every number here comes from integers; no float arithmetic is used.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from onnx import AttributeProto

from exactlump.errors import FormatError, ShapeError, UnsupportedLayer
from exactlump.formats.files import about
from exactlump.formats.onnx.data import Data, batch_error
from exactlump.formats.onnx.graph import Reader
from exactlump.formats.onnx.operators import Operator
from exactlump.formats.onnx.rules import NAME, TENSOR, Rule, flag, number, unread
from exactlump.formats.onnx.tensors import Constant
from exactlump.network.activations import IDENTITY, Activation
from exactlump.network.kinds import Activate, Scale, Shift
from exactlump.numbers import floats
from exactlump.numbers.rational import ONE, ZERO, Rational, Vector, fraction, rational, text

# More than the product of a float32 variance and epsilon of ordinary size has.
_MOST_BITS = 160


def surd(square: Rational) -> tuple[Rational, int]:
    """r > 0 and a squarefree d with r * sqrt(d) the square root of a positive rational.

    Raises UnsupportedLayer where the numbers are too long to be factored.

    >>> surd(rational(8, 9)) == (rational(2, 3), 2)
    True
    """
    p, q = fraction(square)
    if max(p.bit_length(), q.bit_length()) > _MOST_BITS:
        raise UnsupportedLayer(f"found a scale whose square has more than {_MOST_BITS} bits")
    from sympy import factorint

    d = 1
    for part in (p, q):  # coprime, so that each prime is in one of them
        d *= math.prod(prime for prime, power in factorint(part).items() if power % 2)
    return rational(math.isqrt(p * q // d), q), d


def root(reader: Reader, square: Rational, *, fine: bool = False) -> Rational:
    """The square root: exact where it is rational, else rounded as the specification says; fine: not to float32.

    Raises UnsupportedLayer where it may not be rounded, or is no normal number of the float type.
    """
    p, q = fraction(square)
    if math.isqrt(p) ** 2 == p and math.isqrt(q) ** 2 == q:
        return rational(math.isqrt(p), math.isqrt(q))
    if fine and reader.batchnorm == "float32":
        raise UnsupportedLayer("found an irrational root of float64, which would be rounded to float32")
    if reader.batchnorm == "exact":
        raise UnsupportedLayer(f"found the irrational root of {text(square)[:40]}, expected one that may be rounded")
    return _rounded(reader, square)


def _rounded(reader: Reader, square: Rational) -> Rational:
    """The float nearest to the square root, counted as rounded."""
    try:
        found = floats.nearest_root(square, reader.batchnorm)
    except OverflowError as error:
        raise UnsupportedLayer(f"the root of {text(square)[:40]} is no normal {reader.batchnorm} number") from error
    reader.rounded.append(_error(found, square))
    return found


def _error(found: Rational, square: Rational) -> Rational:
    """A bound of the relative error e of a rounded root: with found^2 = square * (1 + d), |e| <= |d| (1 + |d|) / 2."""
    if not square:
        return ZERO
    d = abs(found * found / square - 1)
    return d * (1 + d) / 2


def rounded_up(value: Rational) -> str:
    """A decimal of two digits that is not below a number from 0 to 1.

    >>> from exactlump.numbers.rational import rational
    >>> rounded_up(rational(1, 3)), rounded_up(rational(0))
    ('3.4e-1', '0')
    """
    p, q = fraction(value)
    if not p:
        return "0"
    exponent = 0
    while p * 10**exponent < q:
        exponent += 1
    digits = -(-p * 10 ** (exponent + 1) // q)
    return f"{digits // 10}.{digits % 10}e-{exponent}"


def _batch_normalization(
    reader: Reader, op: Operator, data: Data, *names: str, epsilon: Rational, momentum: object, **modes: bool
) -> None:
    """Of a trained network; gamma, beta, mean and variance are constants, one number a channel."""
    _demand_inference(reader, op, **modes)
    if data.open:
        data = reader.along(data, 1)
    if not data.batched and not data.open:
        raise batch_error()
    gamma, beta, mean, variance = (_channels(reader, name, data) for name in names)
    squares = []
    for v, (g, s) in enumerate(zip(gamma, variance, strict=True)):
        if s + epsilon <= 0:
            raise FormatError(f"channel {v}: found variance {text(s)}, expected a positive sum with epsilon")
        squares.append(g * g / (s + epsilon))
    signs = tuple(ONE if g >= 0 else -ONE for g in gamma)
    if reader.batchnorm == "exact":
        _exact(reader, op.target, data, (signs, beta, mean), squares)
    else:
        _folded(reader, op.target, data, (signs, beta, mean), squares)


def _demand_inference(reader: Reader, op: Operator, *, training_mode: bool, is_test: bool, spatial: bool) -> None:
    """Training has more outputs, or says so: by `is_test` before opset 7, by `training_mode` since opset 14."""
    if training_mode or any(op.outputs[1:]) or (reader.opset < 7 and not is_test):
        raise UnsupportedLayer("found training, expected a trained network")
    if not spatial:
        raise UnsupportedLayer("found spatial = 0, expected one mean a channel")


def _channels(reader: Reader, name: str, data: Data) -> Vector:
    constant = reader.weights(name, data)
    if constant.shape != data.sizes[1:2]:
        raise ShapeError(f"tensor {name!r}: found shape {list(constant.shape)}, expected {list(data.sizes[1:2])}")
    return constant.vector()


def _folded(
    reader: Reader, target: str, data: Data, trained: tuple[Vector, Vector, Vector], squares: Sequence[Rational]
) -> None:
    """A shift by -mean, a rounded scale, a shift by beta: each in the numbers of the file."""
    signs, beta, mean = trained
    scales = []
    for v, (sign, square) in enumerate(zip(signs, squares, strict=True)):
        with about(f"channel {v}"):
            scales.append(sign * _rounded(reader, square))
    centred = _shift(reader, f"{target} centred", data, [-m for m in mean])
    _shift(reader, target, _scale(reader, f"{target} scaled", centred, scales), beta)


def _exact(
    reader: Reader, target: str, data: Data, trained: tuple[Vector, Vector, Vector], squares: Sequence[Rational]
) -> None:
    """A shift by -mean, a rational scale, the square roots, a shift by beta."""
    signs, beta, mean = trained
    reader.unfolded = True
    parts = [surd(square) if square else (ZERO, 1) for square in squares]
    data = _shift(reader, f"{target} centred", data, [-m for m in mean])
    data = _scale(reader, f"{target} scaled", data, [sign * r for sign, (r, _) in zip(signs, parts, strict=True)])
    data, roots = _spread(reader, data, [rational(d) for _, d in parts])
    rooted = replace(data, name=f"{target} rooted")
    functions = tuple(IDENTITY if d == 1 else Activation("surd", (d,)) for d in roots)
    reader.emit(Activate(data.name, rooted.name, functions), rooted)
    _shift(reader, target, rooted, beta)


def _spread(reader: Reader, data: Data, values: Sequence[Rational]) -> tuple[Data, Vector]:
    """One value for each unit of the tensor, of one a channel along its first axis."""
    array = np.empty(len(values), object)
    array[:] = values
    data, each = reader.spread(data, array.reshape((-1,) + (1,) * (len(data.sizes) - 2)))
    return data, Constant(each, data.kind).vector()


def _scale(reader: Reader, target: str, data: Data, values: Sequence[Rational]) -> Data:
    data, factor = _spread(reader, data, values)
    made = replace(data, name=target)
    reader.emit(Scale(data.name, target, factor), made)
    return made


def _shift(reader: Reader, target: str, data: Data, values: Sequence[Rational]) -> Data:
    data, constant = _spread(reader, data, values)
    made = replace(data, name=target)
    reader.emit(Shift(data.name, target, constant), made)
    return made


NORMALISATIONS: Mapping[str, Rule] = {
    "BatchNormalization": Rule(
        _batch_normalization,
        [TENSOR, NAME, NAME, NAME, NAME],
        {
            "epsilon": number(1e-5),
            "momentum": unread(AttributeProto.FLOAT),
            "spatial": flag(True).within(until=9),
            "is_test": flag(False).within(until=7),
            "training_mode": flag(False).within(since=14),
        },
    ),
}
