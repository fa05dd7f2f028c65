# SPDX-License-Identifier: Apache-2.0
"""This file is about the witness: how every unit of one network stands in relation to another network.

A `Simulation` from N to Q says, for the *anchored* tensors of N, how each unit is made from the units
of one tensor of Q (docs/certificate-format.md, "row").  If every node of N respects that, N and Q
compute the same function (the simulation theorem, T5; `flaws.py`).  Lumping, constant folding and dropping
are all simulations, and so is their composition.

Throughout: v, u units of N; k a unit of Q; forms are over the units k of Q, and over the free units of N.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from exactlump.errors import NotALumping
from exactlump.lumping.forms import FREE_UNIT, Form
from exactlump.numbers.rational import ONE, ZERO, Rational

# Classes with their factors, k ascending.
Terms: TypeAlias = tuple[tuple[int, Rational], ...]


class _NoSum:
    """What rows say that are no sums of classes."""

    __slots__ = ()

    @property
    def terms(self) -> Terms:
        """No classes."""
        return ()

    @property
    def sum(self) -> None:
        """It is no sum."""

    @property
    def single(self) -> None:
        """It is no multiple of one class."""

    @property
    def constant(self) -> None:
        """It is no constant."""


@dataclass(frozen=True, slots=True)
class Affine:
    """The unit is sum(c * class k) + plus; no terms and no constant: the unit is 0."""

    terms: Terms
    plus: Rational

    @property
    def sum(self) -> "Affine":
        """The row itself, as it is a sum of classes; of other rows None."""
        return self

    @property
    def single(self) -> tuple[int, Rational] | None:
        """(k, c) where the unit is c times class k and no more; else None."""
        return self.terms[0] if len(self.terms) == 1 and not self.plus else None

    @property
    def constant(self) -> Rational | None:
        """The value of the unit at every input, where the row names no class; else None."""
        return None if self.terms else self.plus


@dataclass(frozen=True, slots=True)
class Free(_NoSum):
    """The unit may have any value: nothing observable depends on it."""


@dataclass(frozen=True, slots=True)
class Same(_NoSum):
    """The unit is `factor` times the free unit `unit` of the same tensor."""

    unit: int
    factor: Rational


@dataclass(frozen=True, slots=True)
class Elsewhere(_NoSum):
    """The unit is `factor` times class k of the tensor `tensor` of Q, which is not the relation's own."""

    tensor: str
    k: int
    factor: Rational


@dataclass(frozen=True, slots=True)
class Twin(_NoSum):
    """The unit is `factor` times class k, plus L times its own form before its function, for the twin law
    sigma(y) - sigma(-y) = L*y.  tensor: of the class; "": the relation's own."""

    tensor: str
    k: int
    factor: Rational


@dataclass(frozen=True, slots=True)
class Mirror(_NoSum):
    """The twin of the free unit `unit` of the same tensor."""

    unit: int
    factor: Rational


@dataclass(frozen=True, slots=True)
class Signed(_NoSum):
    """The unit is its own form before its function (`linear`), or 0, as the sign of that is known.

    facts: (tensor, k, b): with so many times what a ReLU, class k, is more than its form
    """

    linear: bool
    facts: tuple[tuple[str, int, Rational], ...] = ()


@dataclass(frozen=True, slots=True)
class Idle(_NoSum):
    """The unit is 0 on the claim's domain: what it is before its function is nowhere positive there; or (`linear`) it
    is that, which is nowhere negative there."""

    linear: bool = False


# All have `terms`, `sum`, `single` and `constant`.  Those of the second line are about kinks (lumping/kinks.py).
Row: TypeAlias = Affine | Free | Same | Elsewhere | Twin | Mirror | Signed | Idle
KINK_ROWS = (Elsewhere, Twin, Mirror, Signed, Idle)
NULL = Affine((), ZERO)
FREE = Free()


def entry(k: int, c: Rational) -> Affine:
    """The row of a unit that is c times class k."""
    return Affine(((k, c),), ZERO)


def constant(value: Rational) -> Affine:
    """The row of a unit that has this value at every input."""
    return Affine((), value)


@dataclass(frozen=True, slots=True)
class Relation:
    """One row per unit of a tensor of N, over the units of the tensor `over` of Q (None: no row names any)."""

    over: str | None
    rows: tuple[Row, ...]

    def __repr__(self) -> str:
        return f"Relation({len(self.rows)} rows over {self.over})"

    @property
    def is_identity(self) -> bool:
        """Whether unit v is once unit v of Q, for every v."""
        return all(row == entry(v, ONE) for v, row in enumerate(self.rows))

    @property
    def is_named(self) -> bool:
        """Whether some row names a unit of Q."""
        return any(row.terms for row in self.rows)

    @property
    def classes(self) -> set[int]:
        """The units of Q that its rows name."""
        return {k for row in self.rows for k, _ in row.terms}


Simulation: TypeAlias = Mapping[str, Relation]


def identity(tensor: str, units: int) -> Relation:
    """The relation of a tensor whose unit v is unit v of the tensor of that name, for every v."""
    return Relation(tensor, tuple(entry(v, ONE) for v in range(units)))


def related(over: str | None, rows: Sequence[Row]) -> Relation:
    """The relation of these rows, over a tensor if one of them names a class of it."""
    return Relation(over if any(row.terms for row in rows) else None, tuple(rows))


def forms_of(tensor: str, relation: Relation) -> tuple[Form, ...]:
    """The forms that the rows of a relation claim for the units of a tensor of N."""
    return tuple(_claimed(tensor, v, row, relation.over) for v, row in enumerate(relation.rows))


def _claimed(tensor: str, v: int, row: Row, over: str | None) -> Form:
    if isinstance(row, Affine):
        return Form({(str(over), k): c for k, c in row.terms}, row.plus)
    if isinstance(row, Same):
        return Form({(tensor, row.unit, FREE_UNIT): row.factor}, ZERO)
    if isinstance(row, KINK_ROWS):
        raise NotALumping(f"unit {v}: found a row about a kink, whose form depends on its node (lumping/kink_flaws.py)")
    return Form({(tensor, v, FREE_UNIT): ONE}, ZERO)


# Composing.


def compose(first: Simulation, second: Simulation) -> dict[str, Relation]:
    """The simulation from N to Q2, of one from N to Q1 and one from Q1 to Q2.

    A tensor of Q1 that `second` does not mention is derived, and so becomes the tensor of N over it.  Raises
    NotALumping where a unit of N is a sum of several units of Q1, or of one and a constant, of which one may have any
    value.
    """
    found = {}
    for tensor, own in first.items():
        if own.over is None:
            found[tensor] = own
        elif own.over in second:
            found[tensor] = through(own, second[own.over])
    return found


def through(first: Relation, second: Relation) -> Relation:
    """The relation of a tensor of N to one of Q2, of its relation to a tensor of Q1 and the relation of that.

    Raises NotALumping as `compose` does.
    """
    free: dict[int, tuple[int, Rational]] = {}
    return related(second.over, [_row_through(v, row, second.rows, free) for v, row in enumerate(first.rows)])


def _row_through(v: int, row: Row, second: Sequence[Row], free: dict[int, tuple[int, Rational]]) -> Row:
    """One row; `free` remembers the least unit of N over each free unit of Q1, and its factor."""
    if not isinstance(row, Affine) or not row.terms:
        return row
    if all(second[k].sum is not None for k, _ in row.terms):
        return _sum_through(row, second)
    if row.single is None:
        raise NotALumping(f"unit {v}: found a sum of units one of which may have any value, expected one unit alone")
    k, c = row.single
    below = second[k]
    if isinstance(below, Same):
        k, c = below.unit, c * below.factor
    leader, d = free.setdefault(k, (v, c))
    return FREE if leader == v else Same(leader, c / d)


def _sum_through(row: Affine, second: Sequence[Row]) -> Affine:
    """A sum of sums."""
    terms: dict[int, Rational] = {}
    plus = row.plus
    for k, c in row.terms:
        below = second[k].sum
        assert below is not None
        plus = plus + c * below.plus
        for j, d in below.terms:
            terms[j] = terms[j] + c * d if j in terms else c * d
    return Affine(tuple((j, terms[j]) for j in sorted(terms) if terms[j]), plus)
