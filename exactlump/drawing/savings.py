# SPDX-License-Identifier: Apache-2.0
"""This file is about what a reduction saved: a bar before and after for each measure or layer, in parts by rule."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from exactlump.drawing.numerals import MINUS, count
from exactlump.drawing.palette import BLUE, FAINT, INK, PAPER, QUIET, RULE
from exactlump.drawing.svg import (
    Picture,
    element,
    fitted,
    framed,
    hatching,
    line,
    name_width,
    outline,
    printable,
    rectangle,
    tooltip,
    width_of,
    write,
)

_BAR, _NUMBER = 300.0, 190.0


@dataclass(frozen=True, slots=True)
class Saving:
    """One measure, or one layer, before and after.

    removed  how much went, by the rule that removed it, in the order of the picture; may be left out.  What is added
             again (copies of units) is in `after` alone: the bar then has a mark at `after`
    unit     "bytes" is written as kB or MB, anything else as a count
    """

    name: str
    before: int
    after: int
    removed: dict[str, int] = field(default_factory=dict)
    unit: str = ""


class LayerLike(Protocol):
    """What is asked of the report on a hidden layer: its units before and after, and how many went by each rule."""

    @property
    def name(self) -> str: ...
    @property
    def before(self) -> int: ...
    @property
    def after(self) -> int: ...
    @property
    def zero(self) -> int: ...
    @property
    def constant(self) -> int: ...
    @property
    def unobservable(self) -> int: ...
    @property
    def merged(self) -> int: ...


def savings_of(layers: Sequence[LayerLike]) -> list[Saving]:
    """The reports of a reduction as bars."""
    found = []
    for layer in layers:
        removed = {"merged": layer.merged, "constant": layer.zero + layer.constant, "unobservable": layer.unobservable}
        fits = sum(removed.values()) <= layer.before
        found.append(Saving(layer.name, layer.before, layer.after, {k: n for k, n in removed.items() if n and fits}))
    return found


# How the removed part of a bar looks, by rule, in turn: no two of them need a colour to be told apart.
_RULES = ("solid", "hatched", "open", "dotted")


def draw_savings(savings: Sequence[Saving], *, title: str = "Before and after", together: bool = False) -> Picture:
    """A bar for each measure or layer: what stays in blue, what went in greys, by rule where that is known.

    together  all bars on one scale, as for layers; otherwise each is as long as its own `before`, as for measures
    """
    most = max((saving.before for saving in savings), default=1)
    rules = list(dict.fromkeys(rule for saving in savings for rule, n in saving.removed.items() if n))
    name = name_width([saving.name for saving in savings])
    parts, y = [], 4.0
    for saving in savings:
        parts.append(_saving(saving, max(most if together else saving.before, 1), rules, name, y))
        y += 26
    if rules:
        parts.append(_rules_legend(rules, name, y + 8))
        y += 30
    told = " ".join(
        f"{printable(s.name, 60)}: {_amount(s.before, s.unit)} before, {_amount(s.after, s.unit)} after."
        for s in savings
    )
    return framed(Picture(name + _BAR + _NUMBER, y, "\n".join(parts), title, told))


def _saving(saving: Saving, most: int, rules: Sequence[str], name: float, y: float) -> str:
    scale = _BAR / most
    stays = saving.before - sum(saving.removed.values()) if saving.removed else min(saving.after, saving.before)
    whole, kept = saving.before * scale, max(stays, 0) * scale
    parts = [write(name - 10, y + 11, fitted(saving.name, name - 10, 12), 12, anchor="end")]
    parts.append(rectangle(name, y, whole, 14, PAPER))
    parts.append(tooltip(f"{_amount(stays, saving.unit)} stay", rectangle(name, y, kept, 14, BLUE)))
    x = name + kept
    for rule in rules:
        if n := saving.removed.get(rule, 0):
            parts.append(tooltip(f"{count(n)} {rule}", _removed(rules.index(rule), x, y, n * scale)))
            x += n * scale
    if not saving.removed and whole > kept:
        parts.append(rectangle(x, y, whole - kept, 14, FAINT))
    parts.append(outline(name, y, max(whole, 1), 14, RULE, 0.8))
    if saving.removed and saving.after != stays:
        x = name + min(saving.after * scale, _BAR)
        words = f"{_amount(saving.after, saving.unit)} are written, copies included"
        parts.append(tooltip(words, line((x, y - 2), (x, y + 16), INK, 1.8)))
    right = name + _BAR + 10
    if saving.before == saving.after:
        parts.append(write(right, y + 11.5, _amount(saving.before, saving.unit), 12))
    else:
        words = f"{_amount(saving.before, saving.unit)} → {_amount(saving.after, saving.unit)}"
        parts.append(write(right, y + 11.5, words, 12, bold=True))
        parts.append(write(right + width_of(words, 12) * 1.07 + 8, y + 11.5, _change(saving), 11, colour=QUIET))
    return "".join(parts)


def _removed(rule: int, x: float, y: float, width: float) -> str:
    kind = _RULES[rule % len(_RULES)]
    if kind == "solid":
        return rectangle(x, y, width, 14, RULE, 0.55)
    if kind == "hatched":
        return rectangle(x, y, width, 14, FAINT) + hatching(x, y, width, 14, RULE, 4)
    if kind == "open":
        return rectangle(x, y, width, 14, PAPER)
    return rectangle(x, y, width, 14, FAINT)


def _rules_legend(rules: Sequence[str], x: float, y: float) -> str:
    parts = [rectangle(x, y, 18, 11, BLUE), write(x + 24, y + 9.5, "stays", 10.5)]
    x += 24 + width_of("stays", 10.5) + 18
    for k, rule in enumerate(rules):
        parts.append(element("g", _removed(k, 0, 0, 18), outline(0, 0, 18, 14, RULE, 0.8),
                             transform=f"translate({x:.1f} {y - 1.5:.1f})"))  # fmt: skip
        words = printable(rule, 40)
        parts.append(write(x + 24, y + 9.5, words, 10.5))
        x += 24 + width_of(words, 10.5) + 18
    return "".join(parts)


def _amount(n: int, unit: str) -> str:
    if unit != "bytes" or n < 1000:
        return f"{count(n)}{' ' + unit if unit else ''}"
    power, name = next((p, name) for p, name in ((10**9, "GB"), (10**6, "MB"), (10**3, "kB")) if n >= p)
    figure = n / power
    return f"{figure:.1f} {name}" if figure < 100 else f"{figure:.0f} {name}"


def _change(saving: Saving) -> str:
    if not saving.before:
        return ""
    part = round(100 * (saving.after - saving.before) / saving.before)
    return f"{'+' if part > 0 else ''}{part} %".replace("-", MINUS)
