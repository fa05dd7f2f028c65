# SPDX-License-Identifier: Apache-2.0
"""This file is about the inputs that a search was around: what a page shows beside the input that was found.

They are read again, and only where the file has the hash that the answer names.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from exactlump.bounding.boxes import around as around_input
from exactlump.errors import FormatError
from exactlump.formats.files import sha256
from exactlump.numbers.rational import Vector, parse, text, vector
from exactlump.points.boxes import Box
from exactlump.verbs.data import Scaling, read_inputs


@dataclass(frozen=True, slots=True)
class Reference:
    """An input that the search was around, and the file that it is in, with its role."""

    values: Vector
    sources: tuple[tuple[str, Path], ...]

    def box(self, options: Mapping[str, Any]) -> Box:
        """What lies around it, by the options of the answer.  Raises FormatError where they say no radius."""
        radius, clip = options.get("radius"), options.get("clip")
        if not isinstance(radius, str) or not (clip is None or (isinstance(clip, list) and len(clip) == 2)):
            raise FormatError(
                "found no radius, or no two bounds beside it, expected those of `exactlump refute --around`"
            )
        ends = _numbers(clip) if clip is not None else None
        within = f", within [{', '.join(map(text, ends))}]" if ends is not None else ""
        name = f"radius {radius[:40]} around {self.sources[0][1].name if self.sources else 'an input'}{within}"
        return replace(around_input(self.values, parse(radius), ends and (ends[0], ends[1])), name=name)


def reference(path: Path, document: Mapping[str, Any], x: Vector) -> Reference | None:
    """The input nearest to x of those that an answer was looked for around; None where none is at hand.

    path: where the answer lies.  Raises FormatError for options that no verb has written.
    """
    options = document.get("options")
    around = options.get("around") if isinstance(options, dict) else None
    if not isinstance(options, dict) or around is None:
        return None
    if isinstance(around, list):
        return _nearest([_numbers(around)], x, ())
    files = [file for file in document["files"] if isinstance(file, dict) and file.get("role") == "around"]
    if len(files) != 1 or not all(isinstance(files[0].get(key), str) for key in ("path", "sha256")):
        return None  # a folder of images, or files that are not named
    stated = Path(files[0]["path"])
    for place in (stated, path.parent / stated.name):
        if place.is_file() and sha256(place) == files[0]["sha256"]:
            scaled = read_inputs(place, len(x), _scaling(options.get("scaling")))
            return _nearest(scaled, x, (("around", place),))
    return None


def _scaling(words: object) -> Scaling:
    if words is None:
        return Scaling()
    if not isinstance(words, dict) or not all(isinstance(words.get(key), list) for key in ("scale", "mean")):
        raise FormatError("found a scaling that is none, expected scale and mean")
    return Scaling(_numbers(words["scale"]), _numbers(words["mean"]))


def _numbers(words: list[Any]) -> Vector:
    """Numbers as options have them: rationals as text, or numbers of JSON, however nested."""
    try:
        return vector(words)
    except RecursionError as error:
        raise FormatError("found lists within lists without end, expected numbers") from error


def _nearest(several: Sequence[Vector], x: Vector, sources: tuple[tuple[str, Path], ...]) -> Reference | None:
    fitting = [values for values in several if len(values) == len(x)]
    if not fitting:
        return None
    nearest = min(fitting, key=lambda values: max(abs(p - q) for p, q in zip(values, x, strict=True)))
    return Reference(nearest, sources)
