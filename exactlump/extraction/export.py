# SPDX-License-Identifier: Apache-2.0
"""This file is about the text that the extracted checker reads (proofs/README.md, "The text format").

The text holds both networks as chains of layers, their exact quotient Q, and the two halves of a certificate, in
integers: a layer has one denominator, and a class or a free unit stands for its value divided by a scale.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

from exactlump.certificates.certificate import Certificate
from exactlump.errors import NotALumping, UnsupportedLayer
from exactlump.extraction.chains import Unit, chains, layers, quotient, targets
from exactlump.lumping.simulations import Free, Relation, Row, Same
from exactlump.network.activations import Activation
from exactlump.network.kinds import Activate, Head
from exactlump.network.program import Network
from exactlump.numbers.rational import ONE, Rational, fraction, rational, text

# Functions without parameters that the extracted checker has names for (proofs/driver.ml).
NAMES = frozenset({"sigmoid", "tanh", "softplus", "softsign", "erf", "sin", "cos", "exp"})


def export(original: Network, reduced: Network, certificate: Certificate) -> Iterator[str]:
    """The lines of the text for two networks and their certificate, without line ends.

    Raises UnsupportedLayer unless both are chains of layers with a head at most at the end, and the certificate goes
    through both in the same order; NotALumping when its relations do not fit the networks.
    """
    found = chains(original, reduced, certificate)
    ours, theirs = targets(found.original, found.forward), targets(found.reduced, found.backward)
    yield "exactlump-export 1"
    yield from _network("original", found.original, layers(found.original, ours), found.heads[0])
    lines = list(_network("reduced", found.reduced, layers(found.reduced, theirs), found.heads[1]))
    shared = list(_network("quotient", found.reduced, quotient(found), found.heads[1]))
    _demand_plain(found.original, found.forward)
    _demand_plain(found.reduced, found.backward)
    yield from lines
    yield from shared if shared[1:] != lines[1:] else ["network quotient = reduced"]
    sizes = {tensor: len(leaders) for tensor, leaders in found.classes.items()}
    yield from _half("original", ours, found.forward, sizes)
    yield from _half("reduced", theirs, found.backward, sizes)
    yield "end"


def _network(name: str, chain: Network, layers: Iterable[Sequence[Unit]], head: Head | None) -> Iterator[str]:
    width = chain.units(chain.inputs[0].name)
    lines: list[str] = []
    depth = 0
    for layer in layers:
        lines += _layer(layer, width)
        width, depth = len(layer), depth + 1
    yield f"network {name} inputs {chain.units(chain.inputs[0].name)} layers {depth}"
    yield from lines
    yield f"head {head.kind if head else 'none'}"


def _layer(layer: Sequence[Unit], width: int) -> Iterator[str]:
    """One layer over its least common denominator."""
    common = _common(c for _, form in layer for c in (form.constant, *form.terms.values()))
    yield f"layer {len(layer)} {_digits(common)}"
    for function, form in layer:
        weights = {int(atom[1]): _over(w, common) for atom, w in form.terms.items()}
        if 2 * len(weights) > width:
            edges = " ".join(["all", *(weights.get(u, "0") for u in range(width))])
        else:
            edges = " ".join([str(len(weights)), *(f"{u} {w}" for u, w in sorted(weights.items()))])
        yield f"{_function(function)} {_over(form.constant, common)} {edges}"


def _function(function: Activation) -> str:
    if function.name not in NAMES and function.slope is None:
        raise UnsupportedLayer(f"function {function}: expected one that the extracted checker knows")
    if function.slope is None or not str(function).startswith("leaky"):
        return str(function)
    return "leaky {} {}".format(*map(_digits, fraction(function.slope)))


def _demand_plain(chain: Network, relations: Mapping[str, Relation]) -> None:
    """That functions which are names for the extracted checker are used as such: no twins of the other sign."""
    for tensor, relation in relations.items():
        node = chain.producer.get(tensor)
        functions = node.functions if isinstance(node, Activate) else ()
        for function, row in zip(functions, relation.rows, strict=False):
            factor = row.factor if isinstance(row, Same) else ONE
            for _, c in row.terms:
                factor = c
            moved = function.name == "softsign" and row.sum is not None and row.sum.plus
            if function.slope is None and (factor != 1 or moved):
                raise UnsupportedLayer(f"tensor {tensor!r}: found {function} by its symmetry, expected only its name")


def _half(
    name: str, targets: Sequence[str], relations: Mapping[str, Relation], classes: Mapping[str, int]
) -> Iterator[str]:
    """What one half says of each layer of its network."""
    yield f"half {name} steps {len(targets)}"
    for tensor in targets:
        relation = relations.get(tensor)
        if relation is None:
            yield "derived"
            continue
        unit = _common(row.sum.plus for row in relation.rows if row.sum is not None)
        scales = _scales(relation, classes[relation.over]) if relation.over is not None else []
        if relation.over is None:
            yield f"kept {_digits(unit)}"
        else:
            yield f"anchored {_digits(unit)} scales {' '.join(map(_digits, [len(scales), *scales]))}"
        yield f"rows {len(relation.rows)}"
        yield from _rows(relation.rows, unit, scales)


def _scales(relation: Relation, classes: int) -> list[int]:
    """For each class the least common denominator of the factors that rows have for it."""
    scales = [1] * classes
    for row in relation.rows:
        for k, c in row.terms:
            if k >= classes:
                raise NotALumping(f"tensor {relation.over!r}: found class {k}, expected 0..{classes - 1}")
            scales[k] = math.lcm(scales[k], fraction(c)[1])
    return scales


def _rows(rows: Sequence[Row], unit: int, scales: Sequence[int]) -> Iterator[str]:
    free = dict.fromkeys((v for v, row in enumerate(rows) if isinstance(row, Free)), 1)
    for row in rows:
        if isinstance(row, Same):
            free[row.unit] = math.lcm(free[row.unit], fraction(row.factor)[1])
    for v, row in enumerate(rows):
        if isinstance(row, Free):
            yield f"free {_digits(free[v])}"
        elif isinstance(row, Same):
            yield f"same {row.unit} {_over(row.factor, free[row.unit])}"
        elif row.constant is not None:
            yield f"constant {_over(row.constant, unit)}"
        elif row.single is not None:
            k, c = row.single
            yield f"class {k} {_over(c, scales[k])}"
        else:
            terms = " ".join(f"{k} {_over(c, scales[k])}" for k, c in row.terms)
            yield f"sum {len(row.terms)} {terms} {_over(row.plus, unit)}"


def _common(values: Iterable[Rational]) -> int:
    return math.lcm(*{int(value.denominator) for value in values})


def _over(value: Rational, common: int) -> str:
    """The numerator of a rational over a denominator that its own divides."""
    p, q = fraction(value)
    return _digits(p * (common // q))


def _digits(n: int) -> str:
    """An integer as text: Python's own conversion refuses long ones."""
    return str(n) if n.bit_length() < 10_000 else text(rational(n))
