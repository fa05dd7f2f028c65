# SPDX-License-Identifier: Apache-2.0
"""This file is about which input and which output of one network is which of another: by name, as runtimes bind them.

Inputs and outputs are matched each by themselves.  One on each side are matched whatever their names; equal sets of
names, by name; disjoint ones, by position, which the verdict says.  Anything else is refused, unless somebody says what
decides (docs/certificate-format.md, "matching").
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from exactlump.errors import FormatError, NotALumping
from exactlump.network.program import Network

# How inputs, or outputs, are matched: `AGAINST_NAMES` is by position where their names say something else, or nothing.
ONE, NAME, POSITION, AGAINST_NAMES = "one", "name", "position", "position as demanded"
MATCHES = (ONE, NAME, POSITION, AGAINST_NAMES)
# What may be demanded besides "name" and "position": a file that gives no names.
UNNAMED = "unnamed"


@dataclass(frozen=True, slots=True)
class Matching:
    """How the inputs and the outputs of two networks are matched: each is one of `MATCHES`."""

    inputs: str = ONE
    outputs: str = ONE

    @property
    def words(self) -> str:
        """What a verdict must say of it; empty where the names decide."""
        by = {POSITION: "by position", AGAINST_NAMES: "by position as demanded, not by name: another claim"}
        said = [f"{what} {by[how]}" for what, how in (("inputs", self.inputs), ("outputs", self.outputs)) if how in by]
        return f"matched: {', '.join(said)}" if said else ""


ALONE = Matching()


def match(a: Network, b: Network, demanded: str | None = None) -> tuple[Network, Matching]:
    """The network b with its inputs and outputs in the order of a's, and how they were matched.

    demanded: "name", "position", `UNNAMED`, or None for what the names say.
    Raises FormatError where the names do not decide, or are not those that were demanded.
    """
    return _in_order(a, b, (demanded, demanded))


def as_claimed(a: Network, b: Network, claimed: Matching | None) -> Network:
    """The network b with its inputs and outputs in the order of a's, as a certificate matches them.

    claimed: None in a certificate of version 1, which matches by position.
    Raises NotALumping where the names say otherwise.
    """
    ways = (claimed.inputs, claimed.outputs) if claimed is not None else (AGAINST_NAMES,) * 2
    inputs, outputs = ("position" if way == AGAINST_NAMES else None for way in ways)
    try:
        ordered, found = _in_order(a, b, (inputs, outputs))
    except FormatError as error:
        raise NotALumping(str(error)) from error
    if claimed is None and AGAINST_NAMES in (found.inputs, found.outputs):
        raise NotALumping("matching: version 1 matches by position, but the names in the files say something else")
    if claimed not in (None, found):
        raise NotALumping(f"matching: found {claimed}, expected {found} for the names in the files")
    return ordered


def other_axes(a: Network, b: Network) -> tuple[str, ...]:
    """Which inputs and outputs of b, in the order of a's, have other axes: only their elements are compared, in order.

    Sizes without a number count as equal, and the axis of the batch is not looked at.
    """
    ours, theirs = ([*(port.name for port in network.inputs), *network.outputs] for network in (a, b))
    found = []
    for name, other in zip(ours, theirs, strict=True):
        one, two = a.views[name].shape, b.views[other].shape
        sizes = [pair for pair in zip(one, two, strict=False) if all(isinstance(n, int) for n in pair)]
        if len(one) != len(two) or any(n != m for n, m in sizes):
            found.append(f"{name!r} has the axes {list(one)} and {list(two)}: they are compared element by element")
    return tuple(found[:4])


def _in_order(a: Network, b: Network, demanded: tuple[str | None, str | None]) -> tuple[Network, Matching]:
    ports = {port.name: port for port in b.inputs}
    inputs, first = _matched("inputs", [port.name for port in a.inputs], [*ports], demanded[0])
    outputs, second = _matched("outputs", a.outputs, b.outputs, demanded[1])
    return replace(b, inputs=tuple(ports[name] for name in inputs), outputs=tuple(outputs)), Matching(first, second)


def _matched(what: str, ours: Sequence[str], theirs: Sequence[str], demanded: str | None) -> tuple[Sequence[str], str]:
    """The second names in the order of the first, and how they were matched."""
    equal, disjoint = set(ours) == set(theirs), set(ours).isdisjoint(theirs)
    if len(ours) == len(theirs) == 1 or demanded == UNNAMED:
        return theirs, ONE
    if demanded == "name" and not equal:
        raise FormatError(f"{what}: found the names {_shown(ours)} and {_shown(theirs)}, expected the same for both")
    if demanded == "position" and list(ours) != list(theirs):
        return theirs, POSITION if disjoint else AGAINST_NAMES
    if equal:
        return ours, NAME
    if disjoint:
        return theirs, POSITION
    raise FormatError(
        f"{what}: found the names {_shown(ours)} and {_shown(theirs)}, expected the same ones or none in common: "
        "--match position takes them in order"
    )


def _shown(names: Sequence[str], most: int = 4) -> str:
    return ", ".join(map(repr, names[:most])) + (", ..." if len(names) > most else "")
