# SPDX-License-Identifier: Apache-2.0
"""This file is about what is to be said of each unit of a network: alone, in a class, constant, or not needed.

It is read off a lumping (Definition 6) or a simulation (what a certificate holds).  Only classes of two units or more
get a letter and a hue: a colour always says that something was merged.

Throughout: u, v units of a tensor; ratio: the value of a unit over that of the first one of its class.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from exactlump.drawing.numerals import label
from exactlump.drawing.palette import letters
from exactlump.lumping.maximum import Lumping
from exactlump.lumping.simulations import KINK_ROWS, Affine, Free, Relation, Same
from exactlump.numbers.rational import ONE, Rational, text


@dataclass(frozen=True, slots=True)
class Mark:
    """What is known of one unit.

    kind    "alone", "class", "constant", "free" (no output depends on it), "same" (a multiple of a free one) or "sum"
    number  of its class among all classes of several units, if it is in one
    ratio   its value over that of the first of its class
    short   a few letters below the unit
    words   a sentence
    """

    kind: str
    number: int | None = None
    ratio: Rational = ONE
    short: str = ""
    words: str = ""


ALONE = Mark("alone")
# Marks of the units of each tensor; tensors that are left out have nothing to be said about them.
Marks: TypeAlias = Mapping[str, tuple[Mark, ...]]
# What a picture of a network may be given besides.
Related: TypeAlias = Lumping | Mapping[str, Relation] | None


def marks_of(units_of: Mapping[str, int], related: Related) -> Marks:
    """The marks of all units of these tensors, {name: how many units}; rows beyond them are passed over."""
    if related is None:
        return {}
    count = 0
    found: dict[str, tuple[Mark, ...]] = {}
    for tensor, size in units_of.items():
        if isinstance(related, Lumping):
            if tensor not in related.classes:
                continue
            units, classes = _of_lumping(related, tensor)
        else:
            if tensor not in related:
                continue
            units, classes = _of_relation(related[tensor])
        large = [members for members in classes if len(members) > 1]
        for number, members in enumerate(large, count):
            for v, ratio in members:
                units[v] = _in_class(number, members[0][0], v, ratio)
        count += len(large)
        found[tensor] = tuple(units.get(v, ALONE) for v in range(size))
    return found


# A class under construction: its members, each with its ratio to the first.
Members: TypeAlias = list[tuple[int, Rational]]


def _of_lumping(lumping: Lumping, tensor: str) -> tuple[dict[int, Mark], list[Members]]:
    rho = lumping.rho[tensor]
    units = {v: _constant(value) for v, value in lumping.constants.get(tensor, {}).items()}
    return units, [[(v, rho[members[0]] / rho[v]) for v in members] for members in lumping.classes[tensor]]


def _of_relation(relation: Relation) -> tuple[dict[int, Mark], list[Members]]:
    units: dict[int, Mark] = {}
    classes: dict[int, Members] = {}
    for v, row in enumerate(relation.rows):
        if isinstance(row, Free):
            units[v] = Mark("free", short="unread", words="no output depends on it")
        elif isinstance(row, Same):
            words = f"{text(row.factor)} times unit {row.unit}, and no output depends on both together"
            units[v] = Mark("same", ratio=row.factor, short=f"{label(row.factor)}·[{row.unit}]", words=words)
        elif isinstance(row, Affine) and not row.terms:
            units[v] = _constant(row.plus)
        elif isinstance(row, Affine) and len(row.terms) == 1 and not row.plus:
            ((k, c),) = row.terms
            first = classes.setdefault(k, [(v, c)])
            if first[0][0] != v:
                first.append((v, c))
        elif isinstance(row, KINK_ROWS):
            units[v] = Mark(
                "sum", short="kink", words="a twin, a unit of known sign, or of another layer (docs/beyond.md)"
            )
        else:
            units[v] = Mark("sum", short="sum", words="a sum of several units of the reduced network")
    return units, [[(v, c / members[0][1]) for v, c in members] for members in classes.values()]


def _constant(value: Rational) -> Mark:
    return Mark("constant", short=f"= {label(value)}", words=f"always {text(value)}")


def _in_class(number: int, first: int, v: int, ratio: Rational) -> Mark:
    letter = letters(number)
    short = letter if ratio == 1 else f"{label(ratio)} {letter}"
    words = f"class {letter}" if v == first else f"class {letter}: {text(ratio)} times unit {first}"
    return Mark("class", number, ratio, short, words)


def counts(marks: tuple[Mark, ...]) -> dict[str, int]:
    """How many units of a tensor stay, and how many go, by the reason: merged, constant, unobservable, recombined.

    One unit of each class stays, and of the units that are multiples of a free one none does.
    """
    seen: set[int] = set()
    found = {"kept": 0, "merged": 0, "constant": 0, "unobservable": 0, "recombined": 0}
    names = {"alone": "kept", "constant": "constant", "sum": "recombined"}
    for mark in marks:
        if mark.number is None:
            found[names.get(mark.kind, "unobservable")] += 1
        else:
            found["merged" if mark.number in seen else "kept"] += 1
            seen.add(mark.number)
    return found
