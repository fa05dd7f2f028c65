# SPDX-License-Identifier: Apache-2.0
"""This file is about the inputs that a bound holds on: boxes, a property, or what lies around given inputs."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from exactlump.bounding.boxes import Domain, around
from exactlump.errors import FormatError, ShapeError
from exactlump.formats.files import about, read_bytes, unpack
from exactlump.numbers.rational import Rational, text, vector
from exactlump.points.boxes import Box, exact_number
from exactlump.points.domains import domain_of
from exactlump.queries import closed_boxes, read_query
from exactlump.verbs.data import AS_THEY_ARE, Scaling, read_inputs
from exactlump.verbs.pairs import is_path


def space(
    inputs: int,
    *,
    boxes: tuple[Any, ...] = (),
    vnnlib: Path | None = None,
    given: Any = None,
    radius: Any = None,
    clip: Any = None,
    scaling: Scaling = AS_THEY_ARE,
) -> tuple[Domain, str, tuple[str, ...]]:
    """The boxes of so many inputs that are meant, what they are called, and what is to be said about them.

    boxes   each as people write it (`points.domains.domain_of`)
    vnnlib  a property: its inputs
    given   a file of inputs, or an array: what is nowhere further than `radius` from one of them, and within `clip`;
            `scaling`: what becomes of its numbers
    Exactly one of the three is expected.  Raises FormatError, ShapeError, UnsupportedLayer.
    """
    if sum((bool(boxes), vnnlib is not None, given is not None)) != 1:
        raise FormatError("domain: expected one of box, vnnlib and around")
    if vnnlib is not None:
        return _property(vnnlib, inputs)
    if given is not None:
        return _around(given, inputs, radius, clip, scaling)
    found = tuple(domain_of(box, inputs) for box in boxes)
    return Domain(found), _named([box.name for box in found]), ()


def _named(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{len(names)} boxes: {', '.join(names[:3])}{', ...' if names[3:] else ''}"


def _property(path: Path, inputs: int) -> tuple[Domain, str, tuple[str, ...]]:
    with about(path):
        content = read_bytes(path)
        found = closed_boxes(read_query(unpack(content) if path.suffix == ".gz" else content))
    sizes = {len(low) for low, _ in found.boxes}
    if sizes != {inputs}:
        raise ShapeError(f"{path}: found {max(sizes)} inputs, expected the networks' {inputs}")
    name = path.name if len(found.boxes) == 1 else f"{len(found.boxes)} boxes of {path.name}"
    note = f"{path}: {found.unused} assertions about outputs are not used"
    return Domain(tuple(Box(*ends, name) for ends in found.boxes)), name, (note,) if found.unused else ()


def _around(given: Any, inputs: int, radius: Any, clip: Any, scaling: Scaling) -> tuple[Domain, str, tuple[str, ...]]:
    if radius is None:
        raise FormatError("radius: found none, expected one for what lies around an input")
    points = read_inputs(given, inputs, scaling)
    with about("radius"):
        found = tuple(around(x, radius, clip) for x in points)
    what = os.fspath(given) if is_path(given) else "the input" if len(points) == 1 else "the inputs"
    within = f", within [{', '.join(map(text, clip))}]" if clip is not None else ""
    many = f"{len(points)} boxes of " if len(points) > 1 else ""
    return Domain(found), f"{many}radius {text(radius)} around {what}{within}", ()


def number(value: Any) -> Rational:
    """A number, or a text such as "1/3" or "1e-3", exactly.  Raises FormatError, WrongType."""
    return exact_number(value) if isinstance(value, str) else vector(value)[0]


def ends_of(clip: Sequence[Any] | None) -> tuple[Rational, Rational] | None:
    """Two bounds, exactly.  Raises FormatError."""
    if clip is None:
        return None
    if len(clip) != 2:
        raise FormatError(f"clip: found {len(clip)} numbers, expected 2")
    return number(clip[0]), number(clip[1])
