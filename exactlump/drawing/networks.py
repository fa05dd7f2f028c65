# SPDX-License-Identifier: Apache-2.0
"""This file is about pictures of networks: of any size, with what a lumping or a certificate says of their units."""

from collections.abc import Sequence
from dataclasses import replace

from exactlump.drawing.layout import Column, columns_of
from exactlump.drawing.links import described, is_small, links, spacing_of
from exactlump.drawing.marks import Marks, Related, counts, marks_of
from exactlump.drawing.numerals import label
from exactlump.drawing.palette import letters
from exactlump.drawing.profiles import profile
from exactlump.drawing.svg import Picture, framed, headed, stacked
from exactlump.lumping.maximum import Lumping
from exactlump.network.program import Network
from exactlump.numbers.rational import ONE, Rational
from exactlump.reduction.quotient import first_member, quotient


def draw(network: Network, related: Related = None, *, weights: bool = True, title: str = "") -> Picture:
    """The picture of a network: circles and weighted edges where it is small, else a bar for each layer.

    related  a lumping, or a simulation (the half of a certificate that is about this network): classes of several
             units are coloured and named A, B, ..., with the ratio of each unit to the first; what goes is grey
    weights  whether weights are written on the edges, where there is room
    """
    return framed(_drawn(network, related, weights=weights, title=title))


def _drawn(
    network: Network, related: Related, *, weights: bool, title: str = "", spacing: float | None = None
) -> Picture:
    marks = marks_of({tensor: network.units(tensor) for tensor in network.views}, related)
    words = title or _title(network, marks)
    description = " ".join(described(network, marks))
    if is_small(network):
        return links(network, marks, weights=weights, title=words, description=description, spacing=spacing)
    return profile(columns_of(network), marks, title=words, description=description)


def _title(network: Network, marks: Marks) -> str:
    shape = "-".join(str(column.units) for column in columns_of(network)[:12])
    gone = sum(
        n for several in marks.values() for why, n in counts(several).items() if why not in ("kept", "recombined")
    )
    return f"A network {shape}" + (f", {gone} of its units not needed" if gone else "")


def draw_lumping(lumping: Lumping, *, title: str = "A lumping") -> Picture:
    """The picture of a lumping without its network: a bar for each layer, a band for each class."""
    columns = [Column(tensor, len(rho), depth, None, "") for depth, (tensor, rho) in enumerate(lumping.rho.items())]
    marks = marks_of({column.tensor: column.units for column in columns}, lumping)
    told = " ".join(f"{column.tensor}: {column.units} units." for column in columns[:40])
    return framed(profile(columns, marks, title=title, description=told))


def draw_steps(network: Network, lumping: Lumping, *, weights: bool = True) -> Picture:
    """The quotient of a small network layer by layer: before each step the layer whose classes are merged in it.

    The representatives are the first members, so that all weights can be followed with the eye (Definition 7).
    Raises as `quotient` does; a network that is too large to be drawn with its edges is shown in bars.
    """
    changing = _changing(network, lumping)
    networks = [
        quotient(network, _up_to(network, lumping, changing[:n]), first_member).network
        for n in range(len(changing) + 1)
    ]
    spacing = max(spacing_of(each, weights=weights) for each in networks) if all(map(is_small, networks)) else None
    panels = []
    for n, each in enumerate(networks):
        related = _only(each, lumping, changing[n]) if n < len(changing) else None
        picture = _drawn(each, related, weights=weights, spacing=spacing)
        head = "The network" if n == 0 else f"After {n} step{'s' if n > 1 else ''}"
        note = "nothing is merged" if n == 0 else "the same function, with fewer units"
        panels.append(headed(picture, head, _sentence(lumping, changing[n]) if n < len(changing) else note))
    description = " ".join(panel.description for panel in panels)
    return framed(stacked(panels, title="A quotient, layer by layer", description=description, gap=34))


def _changing(network: Network, lumping: Lumping) -> list[str]:
    """The layers in which something is merged or folded, from below."""
    return [
        tensor
        for tensor in network.views
        if tensor in lumping.classes
        and (lumping.constants.get(tensor) or any(len(members) > 1 for members in lumping.classes[tensor]))
    ]


def _up_to(network: Network, lumping: Lumping, merged: Sequence[str]) -> Lumping:
    """The lumping with the classes of some layers only."""
    classes, rho, constants = dict(lumping.classes), dict(lumping.rho), dict(lumping.constants)
    for tensor in classes:
        if tensor not in merged:
            units = network.units(tensor)
            classes[tensor] = tuple((v,) for v in range(units))
            rho[tensor], constants[tensor] = (ONE,) * units, {}
    return Lumping(classes, rho, constants)


def _only(network: Network, lumping: Lumping, tensor: str) -> Lumping | None:
    """The lumping of one layer, as long as that is there."""
    if tensor not in network.views or network.units(tensor) != len(lumping.rho[tensor]):
        return None
    return replace(
        lumping,
        classes={tensor: lumping.classes[tensor]},
        rho={tensor: lumping.rho[tensor]},
        constants={tensor: lumping.constants.get(tensor, {})},
    )


def _sentence(lumping: Lumping, tensor: str) -> str:
    """What is merged in a layer."""
    parts = []
    large = [members for members in lumping.classes[tensor] if len(members) > 1]
    for number, (first, *others) in enumerate(large[:4]):
        rho = lumping.rho[tensor]
        same = ", ".join(f"{tensor}[{v}] = {_times(rho[first] / rho[v])}{tensor}[{first}]" for v in others[:4])
        parts.append(f"{letters(number)}: {same}" + (", ..." if len(others) > 4 else ""))
    if len(large) > 4:
        parts.append(f"and {len(large) - 4} more classes")
    if folded := lumping.constants.get(tensor):
        parts.append(f"{len(folded)} constant{'s' if len(folded) > 1 else ''} folded into the next bias")
    return "; ".join(parts)


def _times(ratio: Rational) -> str:
    return "" if ratio == 1 else f"{label(ratio)} · "
