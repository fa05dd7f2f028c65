# SPDX-License-Identifier: Apache-2.0
"""This file is about two networks with a common normal form over kinks (lumping/kinks.py): then they are equal.

Both are read over one table of kinks, b first: its units are the classes, and what a's units are of these is a
simulation.  It counts only when the reference check, or the checker, has accepted it.  No answer means nothing: with
more than one hidden layer equal functions may have different normal forms.
"""

from exactlump.lumping.kink_flaws import flaw_of
from exactlump.lumping.kink_rows import first_met, relation_of
from exactlump.lumping.kinks import Finder, readable
from exactlump.network.program import Network
from exactlump.refutation.matching import Common


def common_kinks(a: Network, b: Network) -> Common | None:
    """Simulations from two networks to the classes of the second, or None: normal forms that differ or are not known.

    Inputs and outputs of a are those of b in order.
    """
    if not (readable(a) and readable(b)) or len(a.outputs) != len(b.outputs):
        return None
    if [a.views[name].units for name in a.ports] != [b.views[name].units for name in b.ports]:
        return None
    finder = Finder()
    theirs = finder.normal_form(b)
    known = len(finder.kinks)
    ours = finder.normal_form(a, b.ports)
    if ours.outputs != theirs.outputs:
        return None
    place = first_met(theirs, range(known))
    backward = {tensor: relation_of(units, place, tensor) for tensor, units in theirs.units.items()}
    forward = {tensor: relation_of(units, place) for tensor, units in ours.units.items()}
    if flaw_of(a, b, forward, backward):
        return None
    return Common(b, forward, backward)
