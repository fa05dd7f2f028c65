# SPDX-License-Identifier: Apache-2.0
"""This file is about the largest difference: an input that was found is where climbing for others begins."""

import time
from dataclasses import replace

from exactlump.bounding.ascent import Ascent, climb
from exactlump.bounding.boxes import Domain
from exactlump.bounding.enclosing import Enclosing, rounded
from exactlump.errors import FormatError, UnsupportedLayer
from exactlump.network.program import Network
from exactlump.numbers.rational import Vector
from exactlump.points.boxes import Box
from exactlump.refutation.refute import Finding
from exactlump.verbs.enclosing import largest_size

_STALE = 4  # so many rounds without a larger difference are enough


def larger(found: Finding, networks: tuple[Network, Network], box: Box, seed: int, until: float) -> Finding:
    """The finding at an input of the box with the largest difference that is found until then (time.monotonic).

    The second network is in the order of the first.  Raises FormatError for a box without all bounds.
    """
    if found.input is None or found.gap is None:
        return found
    if not box.is_bounded:
        raise FormatError(f"maximize: found {box.name}, expected both bounds of every input")
    outputs = sum(networks[0].views[name].elements for name in networks[0].outputs)
    try:
        best, rounds = _climbed(networks, Domain((box,)), outputs, found.input, seed, until)
    except UnsupportedLayer as error:
        return replace(found, notes=(*found.notes, f"not maximized: {error}"))
    one, other = (Enclosing(network)(best) for network in networks)
    gap, (near, off) = largest_size(one, other), rounded(one, other)
    tried = (*found.tried, f"maximize: {rounds} rounds of ascent")
    if gap <= found.gap:
        return replace(found, tried=tried)
    return replace(found, method="ascent", input=best, outputs=near, off=off, gap=gap, parting=None, tried=tried)


def _climbed(
    networks: tuple[Network, Network], domain: Domain, outputs: int, x: Vector, seed: int, until: float
) -> tuple[Vector, int]:
    """The best input, and after how many rounds."""
    best, gap, rounds, stale = x, None, 0, 0
    while stale < _STALE and (not rounds or time.monotonic() < until):
        ascent = Ascent(*networks, [(o,) for o in range(outputs)], seed + rounds)
        climb(ascent, domain, [best], until)
        top = ascent.found.largest
        at, rounds, stale = ascent.found.inputs[top], rounds + 1, stale + 1
        if at is not None and (gap is None or ascent.found.gaps[top] > gap):
            best, gap, stale = at, ascent.found.gaps[top], 0
    return best, rounds
