# SPDX-License-Identifier: Apache-2.0
"""This file is about numbers as bars and discs: vectors, the outputs of two networks, bounds found and certified."""

from collections.abc import Sequence
from dataclasses import dataclass

from exactlump.drawing.numerals import Number, count, label, largest, near, share, signed, ticks
from exactlump.drawing.palette import BLUE, FAINT, INK, QUIET, RULE, RUST
from exactlump.drawing.svg import (
    Picture,
    element,
    fitted,
    framed,
    hatching,
    line,
    name_width,
    printable,
    rectangle,
    tooltip,
    width_of,
    write,
)
from exactlump.numbers.rational import Rational, rational, text

_BAR = 300.0


def draw_vector(
    values: Sequence[Number], names: Sequence[str] = (), *, title: str = "A vector", most: int = 64
) -> Picture:
    """One bar for each entry, to the right of a line at 0 or to the left, with its exact value or about that.

    most  how many entries are drawn; if there are more, those of the largest size are, in their order
    """
    exact = [rational(value) for value in values]
    shown = _largest_places(exact, most)
    scale = largest([exact[i] for i in shown])
    words = [names[i] if i < len(names) else f"[{i}]" for i in shown]
    name = name_width(words)
    negative = any(exact[i] < 0 for i in shown)
    reach = _BAR / 2 if negative else _BAR
    zero = name + (60 + reach if negative else 0)
    parts, y = [], 4.0
    for i, word in zip(shown, words, strict=True):
        parts.append(_entry(word, exact[i], near(exact[i] / scale) if scale else 0.0, name, zero, reach, y))
        y += 19
    parts.append(line((zero, 0), (zero, y), INK, 0.8))
    if len(shown) < len(exact):
        rest = f"and {count(len(exact) - len(shown))} smaller ones"
        parts.append(write(name, y + 14, rest, 11, colour=QUIET))
        y += 22
    told = f"{len(exact)} numbers; the largest is {label(scale)} in size."
    return framed(Picture(zero + reach + 70, y, "\n".join(parts), title, told))


def _largest_places(values: Sequence[Rational], most: int) -> list[int]:
    order = sorted(range(len(values)), key=lambda i: (-abs(values[i]), i))
    return sorted(order[:most])


def _entry(word: str, value: Rational, part: float, name: float, zero: float, reach: float, y: float) -> str:
    length = abs(part) * reach
    left = zero if value >= 0 else zero - length
    colour = BLUE if value >= 0 else RUST
    bar = tooltip(f"{word}: {text(value)}", rectangle(left, y, max(length, 0.5), 12, colour))
    number = write(left + length + 6, y + 10, label(value, 9), 11) if value >= 0 else write(
        left - 6, y + 10, label(value, 9), 11, anchor="end"
    )  # fmt: skip
    return write(name - 10, y + 10, fitted(word, name - 10, 11), 11, colour=QUIET, anchor="end") + bar + number


# Two networks


def draw_outputs(
    first: Sequence[Number],
    second: Sequence[Number],
    names: Sequence[str] = (),
    *,
    title: str = "The outputs of two networks at one input",
    of: tuple[str, str] = ("original", "other"),
) -> Picture:
    """A row for each output: a disc for the one network, a ring for the other, a line where they are apart.

    A triangle marks the largest output of each network.
    """
    a, b = [rational(y) for y in first], [rational(y) for y in second]
    low, high = min([rational(0), *a, *b]), max([rational(0), *a, *b])
    words = [names[i] if i < len(names) else f"[{i}]" for i in range(len(a))]
    name = name_width(words)
    parts, y = [_axis(low, high, name, 22 * len(a) + 6)], 10.0
    for word, p, q in zip(words, a, b, strict=True):
        x1, x2 = (name + _BAR * share(value, low, high) for value in (p, q))
        parts.append(write(name - 14, y + 4, fitted(word, name - 14, 11), 11, colour=QUIET, anchor="end"))
        parts.append(line((x1, y), (x2, y), RUST, 2.4) if p != q else "")
        parts.append(tooltip(f"{of[0]}: {text(p)}", element("circle", cx=x1, cy=y, r=3.6, fill=INK)))
        ring = element("circle", cx=x2, cy=y, r=5.4, fill="none", stroke=BLUE, stroke_width=1.6)
        parts.append(tooltip(f"{of[1]}: {text(q)}", ring))
        parts += [_crown(x1, y, up=True)] if a and p == max(a) else []
        parts += [_crown(x2, y, up=False)] if b and q == max(b) else []
        parts.append(write(name + _BAR + 16, y + 4, _gap(q - p), 11, bold=p != q, colour=INK if p != q else QUIET))
        y += 22
    parts.append(_dots_legend(of, name, y + 26))
    told = f"{sum(p != q for p, q in zip(a, b, strict=True))} of {len(a)} outputs differ."
    return framed(Picture(name + _BAR + 100, y + 40, "\n".join(parts), title, told))


def _gap(difference: Rational) -> str:
    return signed(difference, 8) if difference else "equal"


def _crown(x: float, y: float, *, up: bool) -> str:
    d = -7.0 if up else 7.0
    points = f"{x:.1f},{y + d:.1f} {x - 3.5:.1f},{y + d * 1.7:.1f} {x + 3.5:.1f},{y + d * 1.7:.1f}"
    return element("polygon", points=points, fill=INK if up else BLUE)


def _axis(low: Rational, high: Rational, left: float, height: float) -> str:
    """Faint lines at round numbers, a stronger one at 0, and the numbers below."""
    parts = []
    for tick in ticks(low, high):
        x = left + _BAR * share(tick, low, high)
        parts.append(line((x, 0), (x, height), RULE if tick == 0 else FAINT, 1))
        parts.append(write(x, height + 13, label(tick, 6), 10, colour=QUIET, anchor="middle"))
    return "".join(parts)


def _dots_legend(of: tuple[str, str], x: float, y: float) -> str:
    first, second = (fitted(word, 120, 10.5) for word in of)
    parts = [element("circle", cx=x + 4, cy=y, r=3.6, fill=INK), write(x + 14, y + 4, first, 10.5)]
    x += 14 + width_of(first, 10.5) + 20
    parts.append(element("circle", cx=x + 4, cy=y, r=5.4, fill="none", stroke=BLUE, stroke_width=1.6))
    parts.append(write(x + 14, y + 4, second, 10.5))
    x += 14 + width_of(second, 10.5) + 20
    parts.append(_crown(x + 4, y - 8.5, up=False) + write(x + 14, y + 4, "the largest", 10.5))
    return "".join(parts)


# Bounds


@dataclass(frozen=True, slots=True)
class Bound:
    """How far one output may be off: at least `found`, as some input shows, at most `certified` (None: not known)."""

    name: str
    found: Number
    certified: Number | None


def draw_bounds(
    bounds: Sequence[Bound], *, allowed: Number | None = None, title: str = "How far the outputs may be off"
) -> Picture:
    """A row for each output: blue up to what was found, hatched up to what is certified; in between nothing is known.

    allowed  the epsilon that was asked for, as a line
    """
    exact = [(b.name, rational(b.found), None if b.certified is None else rational(b.certified)) for b in bounds]
    asked = None if allowed is None else rational(allowed)
    high = max([rational(0), *(f for _, f, _ in exact), *(c for _, _, c in exact if c is not None)])
    high = max(high, asked) if asked is not None else high
    name = name_width([word for word, _, _ in exact])
    height = 22 * len(exact) + 4
    parts = [_axis(rational(0), high or rational(1), name, height)]
    for k, (word, found, certified) in enumerate(exact):
        parts.append(_bound(word, found, certified, high, name, 4 + 22.0 * k))
    if asked is not None:
        x = name + _BAR * share(asked, 0, high)
        parts.append(line((x, -4), (x, height), RUST, 1.4, "5 3"))
        parts.append(write(x, height + 28, f"allowed: {label(asked)}", 10.5, anchor="middle", bold=True))
    y = height + (40 if asked is not None else 26)
    parts.append(_bounds_legend(name, y))
    told = " ".join(
        f"{printable(w, 60)}: at least {label(f)}, at most {'unknown' if c is None else label(c)}."
        for w, f, c in exact[:20]
    )
    return framed(Picture(name + _BAR + 130, y + 18, "\n".join(parts), title, told))


def _bound(word: str, found: Rational, certified: Rational | None, high: Rational, name: float, y: float) -> str:
    low = _BAR * share(found, 0, high) if high else 0.0
    top = _BAR if certified is None else _BAR * share(certified, 0, high) if high else 0.0
    parts = [write(name - 10, y + 11, fitted(word, name - 10, 11.5), 11.5, anchor="end")]
    open_ = rectangle(name + low, y, max(top - low, 0), 14, FAINT) + hatching(
        name + low, y, max(top - low, 0), 14, RULE, 5
    )
    words = "not bounded" if certified is None else f"at most {text(certified)}"
    parts.append(tooltip(words, open_))
    parts.append(tooltip(f"at least {text(found)}", rectangle(name, y, max(low, 1), 14, BLUE)))
    if certified is not None:
        parts.append(line((name + top, y - 1), (name + top, y + 15), INK, 1.8))
    numbers = f"{label(found, 8)} … {'?' if certified is None else label(certified, 8)}"
    parts.append(write(name + _BAR + 10, y + 11, numbers, 11))
    return "".join(parts)


def _bounds_legend(x: float, y: float) -> str:
    parts = []
    for swatch, words in (
        (rectangle(x, y, 18, 11, BLUE), "found"),
        (None, "open"),
        (None, "certified"),
    ):
        if swatch:
            parts.append(swatch)
        elif words == "open":
            parts.append(rectangle(x, y, 18, 11, FAINT) + hatching(x, y, 18, 11, RULE, 5))
        else:
            parts.append(line((x + 9, y - 1), (x + 9, y + 12), INK, 1.8))
        parts.append(write(x + 24, y + 9.5, words, 10.5))
        x += 24 + width_of(words, 10.5) + 18
    return "".join(parts)
