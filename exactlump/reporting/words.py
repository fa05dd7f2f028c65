# SPDX-License-Identifier: Apache-2.0
"""This file is about the words of a page: its first sentence, what became of a layer, the glossary, the contents."""

from collections.abc import Sequence

from exactlump.network.ports import Matching
from exactlump.reporting.facts import Layer
from exactlump.reporting.measures import Measure

HEADLINES = {
    "equivalent": "Both networks compute exactly the same function.",
    "limited": "Both networks compute the same function, within the limits of the claim.",
    "within": "No output differs by more than the bound.",
    "decision": "Both networks decide alike, everywhere on the domain.",
    "different": "The two networks differ, and here is an input that shows it.",
    "rejected": "The certificate does not hold for these files.",
    "unknown": "Nothing was decided.",
    "unsupported": "A file has something that no rule covers.",
}

_GLOSSARY = (
    ("unit", "A neuron of a layer, or a channel of an image."),
    ("class", "Units whose values are fixed multiples of each other at every input. One of them is enough."),
    ("ratio", "A unit's value over that of its class; 1/rho in the paper."),
    ("merged", "A unit that another one of its class stands for."),
    ("constant", "A unit with the same value at every input; it is folded into the layer above."),
    ("unobservable", "A unit that no output depends on."),
    ("copies", "Units beyond one for each class. They hold parts of weights that one float cannot hold exactly."),
    ("certificate", "A file that says of each unit what it is made of, so that a small program can check it."),
    ("checker", "That program: exactlump/check.py, which shares no code with what found the reduction."),
    ("obligation", "One statement about one unit; all of them together give the claim."),
    ("script", "An obligation as SMT-LIB text, which any solver reads. It holds if the solver says unsat."),
    ("rational", "An exact fraction p/q. Every finite float is one."),
    ("SHA-256", "A number computed from a file's bytes; no two files are known that share one."),
)
_DIFFERENCE_GLOSSARY = (
    ("input", "One number for each element that the networks read; all numbers here are exact fractions."),
    ("difference", "Two outputs at the same input that are not the same number, or differ as was asked."),
    ("decision", "The place of the largest output, the first one where there are several."),
    ("bound", "A number that no difference exceeds, on the domain; certified if a checker has accepted a proof."),
    ("domain", "The inputs that the question was about: all reals, or a box of intervals."),
    ("replay", "Running the model files in float32, with a runtime, at the nearest input of that type."),
    ("rational", "An exact fraction p/q. Every finite float is one."),
    ("SHA-256", "A number computed from a file's bytes; no two files are known that share one."),
)
_SECTIONS = (
    ("claim", "The claim"),
    ("files", "The files"),
    ("layers", "What was merged and dropped, layer by layer"),
    ("pictures", "Pictures"),
    ("matrix", "Requirement, obligation, evidence"),
    ("trust", "What must be believed"),
    ("assumptions", "Assumptions"),
    ("limits", "What is claimed, and what is not"),
    ("reproduce", "To do it again"),
    ("glossary", "Words"),
    ("versions", "Versions"),
    ("signoff", "Sign-off"),
    ("hashes", "Appendix: SHA-256 of every tensor"),
    ("classes", "Appendix: the members of every class"),
    ("obligations", "Appendix: every obligation"),
)
_DIFFERENCE_SECTIONS = (
    *("claim", "files", "pictures", "values", "trust", "limits"),
    *("reproduce", "glossary", "versions", "signoff"),
)
_DIFFERENCE_NAMES = {
    "claim": "The question and the answer",
    "values": "The input and the outputs, exactly",
}


_BOUND_NAMES = {"inputs": "The given inputs", "tried": "What was tried, and noted"}


def contents(with_obligations: bool) -> tuple[tuple[str, str], ...]:
    """The sections of the page about a certificate."""
    return _SECTIONS if with_obligations else _SECTIONS[:-1]


def contents_of_bound(inputs: bool, tried: bool, claimed: bool) -> tuple[tuple[str, str], ...]:
    """The sections of the page about a bound: where inputs were given, and where there is to say what was tried.

    claimed: whether something is claimed, so that what was tried are notes.
    """
    names = {**dict(_SECTIONS), "values": "Output by output", **_BOUND_NAMES}
    names["tried"] = names["tried"] if not claimed else "Notes"
    left_out = {where for where, there in (("inputs", inputs), ("tried", tried)) if not there}
    sections = ("claim", "files", "pictures", "inputs", "tried", *_DIFFERENCE_SECTIONS[3:])
    return tuple((where, names[where]) for where in sections if where not in left_out)


def contents_of_difference() -> tuple[tuple[str, str], ...]:
    """The sections of the page about an input."""
    names = {**dict(_SECTIONS), **_DIFFERENCE_NAMES}
    return tuple((where, names[where]) for where in _DIFFERENCE_SECTIONS)


def glossary(*, difference: bool = False) -> tuple[tuple[str, str], ...]:
    """Words and what they mean here."""
    return _DIFFERENCE_GLOSSARY if difference else _GLOSSARY


def matched(matching: Matching | None) -> str:
    """How inputs and outputs were matched."""
    if matching is None:
        return "inputs and outputs matched by position, as names say nothing else"
    parts = []
    for what, how in (("input", matching.inputs), ("output", matching.outputs)):
        parts.append(f"one {what} each" if how == "one" else f"{what}s matched by {how}")
    return ", ".join(parts)


def lead(measures: Sequence[Measure]) -> str:
    """What a reduction saved, in a sentence."""
    found = [f"{m.before:,} to {m.after:,} {m.name}" for m in measures if m.before != m.after]
    if not any(m.before != m.after for m in measures if m.name != "bytes"):
        kept = " and ".join(f"{m.before:,} {m.name}" for m in measures[:2])
        return f"Nothing was removed: both have {kept}."
    return f"From {', '.join(found)}."


def classes(layer: Layer) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The groups of a layer for a table: classes of several units, what is in none, and all others in one row."""
    alone = {group: members[0] for group, members in layer.groups if group.startswith("class ") and len(members) == 1}
    shared = tuple((group, members) for group, members in layer.groups if group not in alone)
    words = tuple(f"{member} is {group}" for group, member in alone.items())
    if not shared and all(member == f"{group.removeprefix('class ')} (ratio 1)" for group, member in alone.items()):
        words = ("unit v is class v, for each v",)
    return (*shared, (f"{len(alone)} classes of one unit", words)) if alone else shared


def may_change(layer: Layer) -> bool:
    """Whether something could have gone there: neither an input, nor an output, nor kept for another reason."""
    kept = ("kept unit", "an output", "as the layers before")
    return bool(layer.units) and layer.written is not None and not layer.why.startswith(kept)


def fate(layer: Layer) -> dict[str, int]:
    """What became of the units of a layer, by the colour that shows it."""
    constant = layer.zero + layer.constant
    gone = layer.merged + constant + layer.unobservable + layer.kinks
    stays = max(layer.units - gone, 0)
    return {
        "blue": stays,
        "blue 0.3": layer.merged,
        "sky": layer.kinks,
        "rule": constant,
        "faint": layer.unobservable,
    }


# The colour of each fate, and what it is called.
FATES = (
    ("blue", "stays"),
    ("blue 0.3", "merged"),
    ("sky", "over kinks"),
    ("rule", "constant, 0 included"),
    ("faint", "unobservable"),
)


def fates(layers: Sequence[Layer]) -> tuple[tuple[str, str], ...]:
    """Those that occur in some layers, and those that nearly every page has."""
    several = [fate(layer) for layer in layers]
    return tuple(entry for entry in FATES if entry[0] != "sky" or any(parts["sky"] for parts in several))


def fate_words(layer: Layer) -> str:
    """The same in words."""
    parts = fate(layer)
    names = {"blue 0.3": "merged", "sky": "over kinks", "rule": "constant", "faint": "unobservable"}
    gone = [f"{parts[colour]} {name}" for colour, name in names.items() if parts[colour]]
    copies = [f"{layer.copies} copies"] if layer.copies else []
    return ", ".join([*gone, *copies]) or "all stay"
