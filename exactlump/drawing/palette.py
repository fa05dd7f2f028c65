# SPDX-License-Identifier: Apache-2.0
"""This file is about colours: a few, each with a light and a dark form, and how well one is seen on another.

Greys carry what is always there.  Six hues carry classes: near those of Okabe and Ito, and moved until the two that are
nearest to each other for the usual or a red-green blind eye were as far apart as could be found.  What a colour says is
said by a letter, a dash or a word too.  A hue behind words is a tint, the hue at an opacity of at most TINT, so that
the words keep a contrast of 4.5 (WCAG 2.2, 1.4.3) on paper light or dark.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Colour:
    """A colour by the part it plays; `light` is written beside the shape, `dark` takes its place on a dark screen."""

    name: str
    light: str
    dark: str


PAPER = Colour("paper", "#ffffff", "#15181c")
INK = Colour("ink", "#1d2126", "#e8e6e1")
QUIET = Colour("quiet", "#596069", "#a4abb4")
RULE = Colour("rule", "#868d96", "#79818b")
FAINT = Colour("faint", "#e6e8eb", "#2c3138")
BLUE = Colour("blue", "#116bc4", "#2f95f1")
RUST = Colour("rust", "#b05a02", "#e86a2e")
GREEN = Colour("green", "#005c40", "#4ec3aa")
PINK = Colour("pink", "#c367aa", "#e477ac")
AMBER = Colour("amber", "#d37b00", "#e3a521")
SKY = Colour("sky", "#378bcb", "#88c4f5")

HUES = (BLUE, RUST, GREEN, PINK, AMBER, SKY)
COLOURS = (PAPER, INK, QUIET, RULE, FAINT, *HUES)

# The strongest tint that words may stand on; quiet words stand on paper and on WASH at most.
TINT, WASH = 0.42, 0.1


def hue(number: int) -> Colour:
    """The hue of a class, by its number; after six they come again, and its letters tell it apart."""
    return HUES[number % len(HUES)]


def letters(number: int) -> str:
    """A, B, ..., Z, AA, AB, ...: the name of a class.

    >>> letters(0), letters(25), letters(26), letters(702)
    ('A', 'Z', 'AA', 'AAA')
    """
    word = ""
    number += 1
    while number:
        number, digit = divmod(number - 1, 26)
        word = chr(ord("A") + digit) + word
    return word


def mixed(above: str, below: str, opacity: float) -> str:
    """The colour that is seen where one lies on another at an opacity."""
    pairs = zip(_channels(above), _channels(below), strict=True)
    return "#" + "".join(f"{round(255 * (opacity * a + (1 - opacity) * b)):02x}" for a, b in pairs)


def contrast(one: str, other: str) -> float:
    """The contrast of two colours, from 1 to 21, as WCAG 2.2 defines it.

    >>> contrast("#000000", "#ffffff")
    21.0
    """
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def _channels(colour: str) -> tuple[float, float, float]:
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return red, green, blue


def _luminance(colour: str) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in _channels(colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
