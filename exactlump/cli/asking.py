# SPDX-License-Identifier: Apache-2.0
"""This file is about the options that `bound` and `compare` share, and what both say of what they found."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import click

from exactlump.cli.figures import at_least, at_most, input_line, outputs_line
from exactlump.cli.terminal import (
    FORCE,
    MAX_UNPACKED,
    MEAN,
    PATH,
    RAW_NNET,
    SCALE,
    SECONDS,
    as_json,
    console_for,
    plain,
)
from exactlump.formats.files import demand_apart
from exactlump.formats.specification import AS_STORED
from exactlump.verbs.bounding import METRICS, BoundOptions, FileBound, Listener, options_of
from exactlump.verbs.data import scaling_of

_Command = TypeVar("_Command", bound=Callable[..., Any])

_OPTIONS = (
    click.option(
        "--box", "boxes", nargs=2, multiple=True, metavar="LO HI", help="Bounds of every input; several are several."
    ),
    click.option("--vnnlib", type=PATH, metavar="FILE", help="The inputs of a VNN-LIB property, .gz too."),
    click.option(
        "--around",
        type=PATH,
        metavar="FILE",
        help="Inputs (docs/bounds.md): what is around them.",
    ),
    click.option("--radius", metavar="R", help="How far around, in each input."),
    click.option("--clip", nargs=2, metavar="LO HI", help="Bounds of every input, beside --radius."),
    click.option("--epsilon", multiple=True, metavar="E", help="Ask whether the outputs differ by at most E."),
    click.option(
        "--metric",
        type=click.Choice(METRICS),
        default="max",
        show_default=True,
        help="Of each output, of the sum of all, or of what one is ahead of another.",
    ),
    click.option("--argmax", is_flag=True, help="Ask whether both decide alike."),
    click.option("--inputs", type=PATH, metavar="FILE", help="Inputs: with --argmax, at which of them both do."),
    SCALE,
    MEAN,
    click.option("--rounding", type=click.Choice(["float32"]), help="Also as machines with float32 compute it."),
    click.option(
        "--timeout", type=SECONDS, default=60.0, show_default=True, metavar="S", help="Seconds, reading included."
    ),
    click.option(
        "--seed", type=click.IntRange(min=0), default=0, show_default=True, metavar="N", help="Of the random points."
    ),
    click.option(
        "--jobs",
        type=click.IntRange(1, 1024),
        default=lambda: os.cpu_count() or 1,
        show_default="all cores",
        metavar="N",
        help="Processes of the check.",
    ),
    click.option("--certificate", type=PATH, help="Where to write the certificate, if there is one."),
    click.option("--save-input", type=PATH, metavar="FILE", help="Where to write the input: .npy, .json or .png."),
    click.option(
        "--match",
        type=click.Choice(["name", "position"]),
        help="What of B an input and an output of A is. [default: by name, if both files have the same names]",
    ),
    RAW_NNET,
    FORCE,
    MAX_UNPACKED,
    as_json,
)


def asking(command: _Command) -> _Command:
    """The options of both verbs; what they are about is the verb's own."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def chosen(
    timeout: float, epsilon: tuple[str, ...], scale: tuple[str, ...], mean: tuple[str, ...], **options: Any
) -> BoundOptions:
    """The options, from the command line's words."""
    several: Any = list(epsilon) if len(epsilon) > 1 else epsilon[0] if epsilon else None
    return options_of(seconds=timeout, epsilon=several, scaling=scaling_of(scale, mean), **options)


class Progress:
    """A line on a terminal that says what is done."""

    def __init__(self) -> None:
        self.status = console_for(stderr=True).status("")

    def __enter__(self) -> Listener:
        self.status.start()
        return self.say

    def __exit__(self, *_: object) -> None:
        self.status.stop()

    def say(self, what: str, done: int, left: int) -> None:
        """Say what is done, how much of it is, and how much is left for now."""
        counted = f": {done}, {left} left" if done or left else ""
        self.status.update(plain(f"{what}{counted}"))


def clauses(found: FileBound) -> Iterator[str]:
    """What the verdict means, and how sure the numbers are; then what it speaks of."""
    yield from _decisions(found) if found.options.argmax else _sizes(found)
    yield from spoken(found)


def spoken(found: FileBound) -> Iterator[str]:
    """What the verdict speaks of: arithmetic, how files are read and matched, where that is to be said."""
    if found.options.rounding:
        yield "in float32 and over the reals" if found.verdict == "within" else "over the reals"
    if found.specification != AS_STORED:
        yield found.specification
    if found.matching.words:
        yield found.matching.words


def _sizes(found: FileBound) -> Iterator[str]:
    what = {
        "max": "no output differs by more than",
        "per-output": "the outputs differ by at most",
        "l1": "the sizes of all differences sum up to at most",
        "margins": "what one output is ahead of another differs by at most",
    }[found.metric]
    limits = ", ".join(map(at_most, found.epsilon[:8])) + (", ..." if len(found.epsilon) > 8 else "")
    if found.verdict == "within":
        yield f"{what} {limits} on {found.domain}"
        yield f"by {at_least(found.least)} at an exact input" if found.least else "no difference found"
    elif found.verdict == "different":
        yield f"{differing(found)}, where at most {limits} was asked for"
        yield unchecked(found)
    else:
        question = f"whether {what} {limits}" if found.options.epsilon is not None else "how far apart both are"
        yield f"{question} on {found.domain} was not shown in time"
        if found.leaves:
            yield f"a tree with {found.leaves} leaves was found, and not checked"
        yield unchecked(found)
        yield f"by {at_least(found.least)} at an exact input" if found.least else "no difference found"


def differing(found: FileBound) -> str:
    """That they differ, at the input that was found; which says nothing of other inputs."""
    metric = " in what one is ahead of another" if found.metric == "margins" else ""
    return f"the outputs differ at this input by {at_least(found.least)}{metric}, more elsewhere is possible"


def unchecked(found: FileBound) -> str:
    """The most that is possible, where the checker did not say so."""
    return f"at most {most(found)} on the domain, unchecked" if found.most is not None else "no bound is known"


def most(found: FileBound) -> str:
    """The most that is possible."""
    return at_most(found.most) if found.most is not None else "what nobody knows"


def _decisions(found: FileBound) -> Iterator[str]:
    if found.verdict == "different" and found.decisions is not None:
        a, b = found.decisions
        yield f"the decisions differ at this input: a decides {a}, b decides {b}"
    elif found.verdict == "within" and found.index is not None:
        yield f"both decide {found.index} on {found.domain}"
    elif found.verdict == "within" and found.alike is None:
        yield f"both decide alike on {found.domain}"
    elif found.alike is None:
        yield f"whether both decide alike on {found.domain} was not shown"
        if found.checked and found.epsilon:
            yield f"they do wherever one output of a is ahead of all others by more than {at_most(max(found.epsilon))}"
    if found.alike is not None:
        alike, share = found.alike, f"{100 * found.alike.share:.1f} %"
        yield f"both decide alike at {len(alike.certified)} of {alike.count} inputs ({share}), by margins"


def evidence(found: FileBound) -> list[str]:
    """The lines that follow the verdict, for people."""
    lines = [f"domain: {found.domain}"]
    if found.input is not None and found.outputs is not None:
        lines.append(input_line(found.inputs, found.input))
        lines += [outputs_line(f"outputs of {side}", y) for side, y in zip("ab", found.outputs, strict=True)]
    if found.checked:
        lines.append(f"checked: {found.checked}")
    if found.boxes:
        lines.append(f"boxes: {found.boxes} bounded, {found.leaves} in the certificate that are not halved")
    if found.alike is not None:
        named = found.alike.json()
        words = (("decide differently", "flipped"), ("open", "open"), ("outside of the domain", "outside"))
        lines += [f"inputs that are {what}: {_listed(named[key])}" for what, key in words if named[key]]
    lines += [f"note: {words}" for words in found.notes]
    if found.certificate:
        order = "B A" if found.swapped else "A B"
        lines.append(f"certificate: {found.certificate} (check {order} {found.certificate})")
    return lines


def _listed(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers[:20])) + (f", and {len(numbers) - 20} more" if len(numbers) > 20 else "")


def saved(found: Any, place: Path | None, overwrite: bool) -> None:
    """Write the input that was found, if there is one and a place."""
    if place is not None and found.input is not None:
        demand_apart(place, [file.path for file in found.files])
        found.save(place, overwrite=overwrite)
