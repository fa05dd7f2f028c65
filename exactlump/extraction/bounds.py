# SPDX-License-Identifier: Apache-2.0
"""This file is about the text that says how far two networks are apart on a box, for the bounds that are extracted from
their proof: dense networks of equal shape, ReLU between their layers, as `exactlump/check.py` has read them.
"""

import itertools
import math
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, NamedTuple

from exactlump import check
from exactlump.check import Network, support
from exactlump.extraction.programs import header, words
from exactlump.extraction.reading import Reading

# Binary digits of slopes, values, coefficients, and of each packed number.
PRECISION = (check.SLOPE, check.VALUE, check.COEFFICIENT, 128)


class Layer(NamedTuple):
    """For each unit its weights, one for each unit of the layer below, and its bias last, all over one denominator."""

    rows: list[list[int]]
    denominator: int


def layers(network: Network, side: str) -> list[Layer]:
    """The layers of a network, ReLU between them.  Raises `check.Stop` where it is of another kind."""
    half = check.Half(side, network, check.Atoms(network.weights))
    plain = len(network.outputs) == 1 and all(view.positions == 1 for view in network.views.values())
    support(plain, f"{side}: found images or several outputs, which the proved bounds do not have")
    first, width, found = 1, 0, list[Layer]()
    for name in network.inputs:
        half.known[name] = check.atoms(half.atoms.new(network.units[name]))
        width += network.units[name]
    for name, node in network.nodes.items():
        half.prepare(node)
        if node.kind == "affine":
            continue
        functions = {node.function(v) for v in range(network.units[name])}
        relus = functions <= {check.RELU, ("at_least", (0,))}
        support(relus, f"{side} {name!a}: found another function than ReLU, which the proved bounds do not have")
        forms = [half.before(name, v) for v in range(network.units[name])]
        found.append(_layer(forms, first, width, f"{side} {name!a}"))
        first, width = half.atoms.new(len(forms)), len(forms)
        half.known[name] = check.atoms(first)
    (output,) = network.outputs
    forms = [half.form(output, v) for v in range(network.units[output])]
    return [*found, _layer(forms, first, width, f"{side} {output!a}")]


def _layer(forms: list[check.Form], first: int, width: int, place: str) -> Layer:
    """The layer with these forms over the atoms from `first` on."""
    d = check.common((q for _, q in forms), 1 + len(forms) * width)
    dyadic = d & (d - 1) == 0 and d.bit_length() <= 4096
    support(dyadic, f"{place}: found numbers that are no integers over a power of 2, expected such")
    near = all(atom == 0 or first <= atom < first + width for terms, _ in forms for atom in terms)
    support(near, f"{place}: found a unit that reads more than the layer below, expected layers")
    order = [*range(first, first + width), 0]
    return Layer([[terms.get(atom, 0) * (d // q) for atom in order] for terms, q in forms], d)


def bounds(reading: Reading) -> Iterator[Iterator[str]]:
    """For each box of a certificate that was read, of the criterion `approximate`, the lines of its text.

    Raises `check.Stop` where the proved bounds do not have what it claims.
    """
    document, claim = reading.document, reading.document["claim"]
    metric, arithmetic = claim["metric"], claim["arithmetic"]
    support(metric in ("max", "per-output"), f"metric: found {metric}, expected max or per-output")
    support(arithmetic == "reals", f"arithmetic: found {arithmetic}, expected reals")
    pair = [layers(network, side) for network, side in zip(reading.networks, check.SIDES, strict=True)]
    shapes = [[len(layer.rows) for layer in side] for side in pair]
    support(shapes[0] == shapes[1], f"found layers of {shapes[0]} and {shapes[1]} units, expected as many")
    return (
        _bound(reading, pair, ends, read(len(ends)).splits)
        for ends, read in zip(boxes(reading), document["trees"], strict=True)
    )


def boxes(reading: Reading) -> list[list[tuple[Fraction, Fraction]]]:
    """The boxes of a claim, an interval for each input.  Raises `check.Stop` where an input has no end."""
    names = reading.networks[0].inputs
    found = [[ends for name in names for ends in box[name]] for box in reading.document["claim"]["domain"]["boxes"]]
    support(all(None not in ends for box in found for ends in box), "domain: found an input without an end")
    return found


def _bound(
    reading: Reading, pair: list[list[Layer]], box: list[tuple[Fraction, Fraction]], splits: Any
) -> Iterator[str]:
    claim = reading.document["claim"]
    hashes = {side: network.sha256 for side, network in zip(check.SIDES, reading.networks, strict=True)}
    yield from header("exactlump-bound", {**hashes, "certificate": reading.digest}, {**claim, "domain": "the box"})
    yield words("precision", *PRECISION)
    yield words("inputs", len(box))
    common = [math.lcm(*(layer.denominator for layer in both)) for both in zip(*pair, strict=True)]
    for side, found in zip(check.SIDES, pair, strict=True):
        yield words("network", side, len(found))
        for layer, d in zip(found, common, strict=True):
            yield words(len(layer.rows), d.bit_length() - 1)
            yield from (words(*(n * (d // layer.denominator) for n in row)) for row in layer.rows)
    yield words("box", len(box), *itertools.chain.from_iterable(box))
    yield words("epsilon", min(claim["epsilon"]))
    yield words("tree", len(splits), *splits)
    yield "end"
