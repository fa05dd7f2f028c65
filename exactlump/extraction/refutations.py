# SPDX-License-Identifier: Apache-2.0
"""This file is about the text that says where two networks differ, for the evaluator that is extracted from its proof.

The networks are those that `exactlump/check.py` has read.
"""

from collections.abc import Iterator, Sequence
from fractions import Fraction

from exactlump import check
from exactlump.check import ZERO, Network
from exactlump.extraction.programs import Side, demand_small, header, network_lines, words
from exactlump.extraction.reading import Reading

# Functions whose values at rationals are rational.
RATIONAL = {
    *("leaky_relu", "clip", "at_least", "at_most", "hard_sigmoid", "hard_swish", "hard_gate"),
    *("thresholded_relu", "sign"),
    *("bipolar_sign", "floor", "ceil", "round", "quantize", "quantize_floor", "softsign", "max_pool", "argmax"),
}

Box = Sequence[tuple[Fraction, Fraction]]


def read_pair(paths: Sequence[str], specification: str, match: dict[str, str], max_unpacked: int) -> list[Network]:
    """Two networks, the inputs and outputs of the second in the order of the first.  Raises `check.Stop`."""
    networks = [check.read_network(path, specification, max_unpacked) for path in paths]
    check.check_classic(networks)
    check.match(networks, match)
    return networks


def without_rational_values(networks: Sequence[Network]) -> str:
    """The name of a function in the networks that may have no rational value at a rational; "" if there is none."""
    nodes = ((network, name, node) for network in networks for name, node in network.nodes.items())
    found = {node.function(v)[0] for network, name, node in nodes for v in range(network.units[name])}
    return min(found - RATIONAL, default="")


def refutation(
    networks: Sequence[Network], specification: str, x: Sequence[Fraction], epsilon: Fraction, box: Box | None
) -> Iterator[str]:
    """The lines of the text that says: some outputs of two networks differ by more than epsilon at x, in the box.

    x, box  all elements of the inputs, row-major, one input after the other
    Raises `check.Stop` where the networks do not fit each other, or x them.
    """
    demand_small(networks)
    sides = [Side(network, ()) for network in networks]
    places, others = ([place for name in side.network.inputs for place in side.elements(name)] for side in sides)
    check.support(places == others, "inputs: found elements in another order, expected the same in both networks")
    check.hold("input", len(x) == len(places), f"input: found {len(x)} numbers, expected {len(places)}")
    order = sorted(range(len(places)), key=places.__getitem__)
    return _refutation(sides, specification, [x[e] for e in order], epsilon, box and [box[e] for e in order])


def _refutation(
    sides: Sequence[Side], specification: str, x: Sequence[Fraction], epsilon: Fraction, box: Box | None
) -> Iterator[str]:
    hashes = {name: side.network.sha256 for name, side in zip("ab", sides, strict=True)}
    domain = "all reals" if box is None else "the box"
    claim = {"criterion": "different", "domain": domain, "specification": specification}
    yield from header("exactlump-refutation", hashes, claim)
    for name, side in zip("ab", sides, strict=True):
        yield from network_lines(name, side, None)
    if box is not None:
        yield words("box", len(box), *(end for ends in box for end in ends))
    yield words("epsilon", epsilon)
    yield words("input", len(x), *x)
    yield "end"


def certified_refutation(reading: Reading) -> Iterator[str]:
    """The text for a certificate that was read, of the criterion `different`.  Raises `check.Stop`."""
    given, (original, reduced) = reading.document["input"], reading.networks
    known = {*given} == {*original.inputs}
    check.hold("input", known, f"input: found {[*given]!a:.80}, expected {original.inputs!a:.80}")
    x = [y for name in original.inputs for y in given[name]]
    return refutation([original, reduced], reading.document["claim"]["specification"], x, ZERO, None)
