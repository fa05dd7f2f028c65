# SPDX-License-Identifier: Apache-2.0
"""This file is about one claim as an assertion: with its functions as they are, or as the linear identity behind it.

Throughout: a claim is sigma(left) = ratio * tau(right) + plus, and + L * left of a twin; or of a sign, or of bounds
(exactlump/smt/structure.py), which hold under premises (exactlump/smt/premises.py).
"""

from collections.abc import Sequence
from typing import TypeAlias

from exactlump.network.activations import IDENTITY
from exactlump.network.kinds import Function, Largest
from exactlump.network.windows import Window
from exactlump.numbers.rational import fraction, rational
from exactlump.smt.blocks import Key
from exactlump.smt.functions import allowed, applied, largest, ratio
from exactlump.smt.lifting import Path, seen
from exactlump.smt.smtlib import numeral
from exactlump.smt.structure import AnyClaim, Claim, Ends, Sign, Term
from exactlump.smt.terms import Linear, times, total

# Max-pools over more taps are put in the decomposed form only.
MOST_TAPS = 16
PAIRS = Largest(Window((2,), (1,), (2,), (1,), (1,), (0,), (0,)))

# The class forms that several members of a class share.
Rows: TypeAlias = dict[tuple[Term, Path], Linear]


# What scripts call the premises of signs.
SIGNS = "known"


def box_name(box: int) -> str:
    """What scripts call the premises of a box."""
    return f"box_{box}"


def splits(claim: Claim) -> bool:
    """Whether a claim follows from a linear identity by the scaling law of its function.

    Not where the ratio does not tell the scaling: then the claim is written as it stands.
    """
    if isinstance(claim.sigma, Largest):
        return len(claim.right) == 1
    return len(claim.right) == 1 and claim.sigma == claim.tau and not claim.plus and not claim.sigma.is_scale_free


def needs_law(claim: Claim) -> bool:
    """Whether a scaling other than 1 may have led to the ratio."""
    return claim.law is not None or bool(claim.ratio != 1 or ratio(claim.sigma) == "size")


def law_of(sigma: Function) -> Function:
    """The function whose scaling law is needed: one law does for all max-pools, two values at a time."""
    return PAIRS if isinstance(sigma, Largest) else sigma


def is_written(claim: AnyClaim, form: str) -> bool:
    """Whether the functions of a claim stand in its assertion."""
    if not isinstance(claim, Claim):
        return form == "direct" and isinstance(claim, Sign)
    if isinstance(claim.sigma, Largest):
        return form == "direct" and claim.sigma.window.taps <= MOST_TAPS
    return form == "direct" or not splits(claim)


def assertion(claim: AnyClaim, form: str, rows: Rows) -> tuple[str, frozenset[Key]]:
    """The negated claim, and the blocks that it needs."""
    if not isinstance(claim, Claim):
        return _signed(claim, form) if isinstance(claim, Sign) else _between(claim)
    window = claim.sigma.window if isinstance(claim.sigma, Largest) else None
    if window is not None and is_written(claim, form):
        return _pooled(claim, [seen(window, t) for t in range(window.taps)], rows)
    left, right = claim.left.linear(), _right(claim, (), rows)
    needs = left.needs.union(*(linear.needs for linear in right))
    statement = _direct(claim, left, right) if is_written(claim, form) else _identity(claim, left, right[0])
    return f"(assert (not {statement}))", needs


def _signed(claim: Sign, form: str) -> tuple[str, frozenset[Key]]:
    """A negated claim about a sign, after what it may rest on."""
    left, blocks = claim.left.linear(), claim.left.half.blocks
    premises, needs = [SIGNS if claim.box is None else box_name(claim.box)], left.needs
    for tensor, k, scale, unit in claim.facts:
        line = unit.linear().scaled(scale)
        premises.append(f"(>= {blocks.atom(tensor, k, ())} {line.term})")
        needs |= line.needs | {blocks.key(tensor)}
    statement = f"({'>=' if claim.linear else '<='} {left.term} 0)"
    if is_written(claim, form):
        statement = f"(= {applied(claim.sigma, left.term)} {left.term if claim.linear else '0'})"
    return f"(assert (and {' '.join(premises)} (not {statement})))", needs


def _between(claim: Ends) -> tuple[str, frozenset[Key]]:
    """The negated claim that a class lies between two bounds on a box."""
    line = claim.left.linear().scaled(claim.scale)
    statement = f"(and (<= {numeral(claim.low)} {line.term}) (<= {line.term} {numeral(claim.high)}))"
    return f"(assert (and {box_name(claim.box)} (not {statement})))", line.needs


def _right(claim: Claim, path: Path, rows: Rows) -> list[Linear]:
    """The class forms on the right, with lifts after them."""
    for _, term in claim.right:
        if (term, path) not in rows:
            rows[term, path] = term.linear(path)
    return [rows[term, path].scaled(c) for c, term in claim.right]


def _pooled(claim: Claim, paths: Sequence[Path], rows: Rows) -> tuple[str, frozenset[Key]]:
    """The claim that the largest of what the taps of a window see is `ratio` times that of the class."""
    ours = [claim.left.linear(path) for path in paths]
    theirs = [_right(claim, path, rows)[0] for path in paths]
    needs = frozenset[Key]().union(*(linear.needs for linear in (*ours, *theirs)))
    one, other = (largest([linear.term for linear in side]) for side in (ours, theirs))
    return f"(assert (not (= {one} {times(numeral(claim.ratio), other)})))", needs


def _identity(claim: Claim, left: Linear, right: Linear) -> str:
    """The linear identity of a claim, and that its ratio is one that the function commutes with."""
    h, sigma = claim.ratio, claim.sigma
    turned = h if claim.law is None else -h  # of a twin
    equal = _equal(left, right.scaled(turned))
    if sigma == IDENTITY or not needs_law(claim):
        return equal
    if ratio(sigma) == "size":
        equal = f"(and (> {numeral(h)} 0) (or {equal} {_equal(left, right.scaled(-turned))}))"
    return f"(and {allowed(sigma, numeral(h))} {equal})"


def _equal(left: Linear, right: Linear) -> str:
    """That two terms are equal, cleared of denominators."""
    p, q = fraction(left.content / right.content)
    return f"(= {times(numeral(rational(p)), left.row)} {times(numeral(rational(q)), right.row)})"


def _direct(claim: Claim, left: Linear, right: Sequence[Linear]) -> str:
    """The claim as it stands."""
    if not claim.right:
        return f"(= {applied(claim.sigma, left.term)} {numeral(claim.plus)})"
    if claim.sigma == claim.tau == IDENTITY and len(right) == 1 and not claim.plus and claim.law is None:
        return _equal(left, right[0].scaled(claim.ratio))
    sums = applied(claim.tau, total([linear.term for linear in right]))
    parts = [times(numeral(claim.ratio), sums), *([numeral(claim.plus)] if claim.plus else [])]
    parts += [left.scaled(claim.law).term] if claim.law else []
    return f"(= {applied(claim.sigma, left.term)} {total(parts)})"
