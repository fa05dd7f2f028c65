# SPDX-License-Identifier: Apache-2.0
"""This file is about what an answer was asked, what it tried, and what it says of given inputs: quotations, no more.

Answers are hostile until checked: what is not of the form that verbs write is refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from exactlump.errors import FormatError

MOST_TRIED = 100
METRICS = {
    "max": "max: the largest difference of any output",
    "per-output": "per-output: the difference of each output, each with its own bound",
    "l1": "l1: the sum of the differences of all outputs",
    "margins": "margins: how far one output is ahead of another, for all pairs",
    "decision": "decision: which output is the largest",
    "equality": "none: whether the outputs are equal",
}
ARITHMETICS = {
    "reals": "real: every float is the rational number that its bits say; operations do not round",
    "float32": "float32: the reals, with room for the roundings of machines with float32, in any order of additions",
}
# The colour that shows each kind.
COLOURS = {"certified": "blue", "flipped": "rust", "open": "rule", "outside": "faint"}
_KINDS = (
    ("certified", "alike, by the certified margins"),
    ("flipped", "different decisions"),
    ("open", "not decided"),
    ("outside", "outside of the domain"),
)


@dataclass(frozen=True, slots=True)
class Alike:
    """At which of given inputs both networks decide alike: how many there are, and the numbers of each kind."""

    inputs: int
    kinds: tuple[tuple[str, str, tuple[int, ...]], ...]

    @property
    def share(self) -> str:
        """The share that is certified, in words."""
        return f"{100 * len(self.kinds[0][2]) / max(self.inputs, 1):.1f} %"


def alike_of(words: object) -> Alike | None:
    """What a `bound` over given inputs says of them; None where there were none.  Raises FormatError."""
    if words is None:
        return None
    if not isinstance(words, dict) or not _is_count(words.get("inputs")):
        raise FormatError("found no numbers of inputs as alike, expected those of `exactlump bound --inputs`")
    found = []
    for kind, said in _KINDS:
        numbers = words.get(kind)
        if not isinstance(numbers, list) or not all(_is_count(number) for number in numbers):
            raise FormatError(f"found no list of numbers as {kind}, expected those of `exactlump bound --inputs`")
        found.append((kind, said, tuple(numbers)))
    told = sorted(number for _, _, numbers in found for number in numbers)
    if told != list(range(words["inputs"])):
        raise FormatError(f"found {len(told)} numbers of inputs, expected each of {words['inputs']} once")
    return Alike(words["inputs"], tuple(found))


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**9


def ranges(numbers: tuple[int, ...]) -> str:
    """Ascending numbers in few words.

    >>> ranges((0, 1, 2, 5, 7, 8)), ranges(())
    ('0 to 2, 5, 7 to 8', 'none')
    """
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1][1:] = [number]
        else:
            runs.append([number])
    return ", ".join(" to ".join(map(str, run)) for run in runs) or "none"


def question_of(document: Mapping[str, Any]) -> str:
    """What was asked, in words."""
    options = document["options"]
    if options.get("argmax") is True:
        return "whether both networks decide alike"
    epsilon, metric = options.get("epsilon"), options.get("metric") or document.get("metric") or "max"
    if epsilon is not None:
        several = epsilon if isinstance(epsilon, list) else [epsilon]
        return f"whether the difference ({metric}) is at most {', '.join(map(str, several[:8]))}"
    if document.get("verb") == "bound" or document.get("bound") is not None:
        return f"how large the difference ({metric}) can be"
    return "whether both networks compute the same outputs"


def tried_of(document: Mapping[str, Any]) -> tuple[str, ...]:
    """What was tried, and what there was to note, as the answer has it."""
    several = [document.get(key) for key in ("tried", "notes")]
    found = [word for words in several if isinstance(words, list) for word in words if isinstance(word, str)]
    files = [file.get("path") for file in document["files"] if isinstance(file, dict)]
    for path in sorted((path for path in files if isinstance(path, str) and "/" in path), key=len, reverse=True):
        found = [word.replace(path, path.rpartition("/")[2]) for word in found]  # where it lay is nothing to the page
    return tuple(found[:MOST_TRIED])
