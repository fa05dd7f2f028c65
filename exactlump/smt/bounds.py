# SPDX-License-Identifier: Apache-2.0
"""This file is about bounds of the classes of a reduced network on boxes, proposed to solvers, which show them anew.

Nothing here is trusted: each bound is an obligation before anything rests on it (exactlump/smt/premises.py).
"""

from exactlump.bounding.boxes import WHOLE, outward
from exactlump.bounding.exact_pass import Pass
from exactlump.bounding.preparing import prepare
from exactlump.errors import UnsupportedLayer
from exactlump.network.activations import RELU
from exactlump.numbers.rational import Rational, rational
from exactlump.points.boxes import Box
from exactlump.smt.premises import Bounds
from exactlump.smt.structure import Claims


def proposed(claims: Claims) -> list[Bounds] | None:
    """For each box of a claim bounds of the ReLU classes of the reduced network before their functions.

    None where nothing has bounds: an input without an end, images, other functions in the way.
    """
    network = claims.reduced.network
    boxes = [Box(tuple(low for low, _ in ends), tuple(high for _, high in ends)) for ends in claims.boxes]
    if not all(box.is_bounded for box in boxes) or any(view.positions > 1 for view in network.views.values()):
        return None
    try:
        program = prepare(network, network)
    except UnsupportedLayer:
        return None
    numbers, found = program.numbers["a"], list[Bounds]()
    for box in boxes:
        before = Pass(program).node(*outward(box)).before
        found.append({t: _classes(claims, t, *before["a", numbers[t]]) for t in claims.anchors if _bent(claims, t)})
    return found


def _bent(claims: Claims, tensor: str) -> bool:
    """Whether some class of a tensor is a ReLU."""
    anchor = claims.anchors[tensor]
    return any(anchor.node.function(v) == RELU for v in anchor.leaders)


def _classes(claims: Claims, tensor: str, lows: object, highs: object) -> tuple[tuple[Rational, Rational], ...]:
    """The bounds of the classes, of those of the units that they are read off."""
    anchor = claims.anchors[tensor]
    pairs = zip(anchor.leaders, anchor.ratios, strict=True)
    return tuple((rational(int(lows[v]), WHOLE) / h, rational(int(highs[v]), WHOLE) / h) for v, h in pairs)  # type: ignore[index]
