# SPDX-License-Identifier: Apache-2.0
"""This file is about the page on an input at which two networks differ: an answer of `refute`, `bound` or `compare`.

Nothing in that file is believed.  Both model files are read again, both outputs are computed again in exact
arithmetic, and only what comes of that is called a difference.
"""

import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from exactlump import formats
from exactlump.drawing import draw_outputs
from exactlump.drawing.findings import MOST_OUTPUTS, draw_input, grids
from exactlump.errors import FormatError, NoExactValue
from exactlump.formats.files import about, read_bytes, sha256
from exactlump.network import ports
from exactlump.network.program import Network
from exactlump.numbers.rational import Vector, parse, text
from exactlump.points.boxes import Box
from exactlump.points.domains import domain_of
from exactlump.points.vnnlib import read_box
from exactlump.refutation.question import Question
from exactlump.reporting.certified import as_answer, criterion_of
from exactlump.reporting.figures import Figure, figure
from exactlump.reporting.references import Reference, reference
from exactlump.verbs.naming import Input, element, inputs_of

# Height and width.
Image: TypeAlias = tuple[int, int]
# Elements that the page lists; the answer has all of them.
MOST_VALUES = 2000


@dataclass(frozen=True, slots=True)
class Side:
    """One model file: its name, the hash of the file at hand, the hash that the answer names."""

    side: str
    name: str
    given: str
    named: str


@dataclass(frozen=True, slots=True)
class Difference:
    """All that the page says of an input.

    sources   the files that were read, each with its role
    verdict   "different" only if the outputs were computed here and differ as was asked; else "unknown"
    values    what each element of the input is called, and its value, where that is not 0
    outputs   index, output of a, output of b, their difference
    decisions what both decide there
    image     height and width of inputs that somebody said are images
    """

    sources: tuple[tuple[str, Path], ...]
    verdict: str
    reason: str
    name: str
    sha256: str
    producer: str
    files: tuple[Side, Side]
    question: str
    domain: str
    domain_note: str
    method: str
    replayed: bool
    size: int
    values: tuple[tuple[str, str], ...]
    outputs: tuple[tuple[int, str, str, str], ...]
    gap: str
    decisions: tuple[int, int]
    figures: tuple[Figure, ...]
    image: Image | None = None

    def __repr__(self) -> str:
        return f"{self.verdict}: {self.reason}"


def verb_of(path: str | os.PathLike[str]) -> str:
    """The verb whose answer a file holds, as JSON; "" where it holds something else."""
    try:
        document = json.loads(read_bytes(Path(path)))
    except (ValueError, RecursionError):
        return ""
    return str(document.get("verb", "")) if isinstance(document, dict) else ""


def verdict_of(path: str | os.PathLike[str]) -> str:
    """The verdict of an answer of a verb."""
    return str(json.loads(read_bytes(Path(path))).get("verdict"))


def difference(
    path: str | os.PathLike[str],
    *,
    original: str | os.PathLike[str] | None = None,
    reduced: str | os.PathLike[str] | None = None,
    max_unpacked: int = formats.MAX_UNPACKED,
    image: Image | None = None,
) -> Difference:
    """What there is to say of an answer of `refute`; model files that are not given are found by their hashes.

    image: height and width of inputs that are images, though the files do not say so.
    Raises FormatError for what is no such answer, ShapeError for an input of another size, UnsupportedLayer.
    """
    path = Path(path)
    with about(path):
        document = _document(path)
        sides = tuple(side_of(path, document, role, given) for role, given in (("a", original), ("b", reduced)))
        x = numbers_of(document.get("input"), "input")
    places = tuple(place for _, place in sides)
    raw = document.get("options", {}).get("raw_nnet") is True
    one, other = (formats.read(place, raw_nnet=raw, max_unpacked=max_unpacked) for place in places)
    demanded = document["options"].get("match")
    other, _ = ports.match(one, other, demanded if isinstance(demanded, str) else unnamed(places))
    with about(path):
        near = reference(path, document, x)
        question, (box, domain, note) = _question(document), _domain(path, document, one, near)
    files = (sides[0][0], sides[1][0])
    found, outputs = _evaluated((one, other), x)
    verdict, reason = _verdict(question, outputs, found, _inside(box, x), files)
    a, b = outputs or ((), ())
    names = inputs_of(one)
    return Difference(
        sources=(("answer", path), ("a", places[0]), ("b", places[1]), *(near.sources if near else ())),
        verdict=verdict,
        reason=reason,
        name=path.name,
        sha256=sha256(path),
        producer=str(document.get("tool", {}).get("name")) + " " + str(document.get("tool", {}).get("version")),
        files=files,
        question=str(question),
        domain=domain,
        domain_note=note,
        method=str(document.get("method")),
        replayed=bool(document.get("replayed")),
        size=len(x),
        values=tuple((element(names, i), text(value)) for i, value in enumerate(x) if value)[:MOST_VALUES],
        outputs=tuple((i, text(p), text(q), text(q - p)) for i, (p, q) in enumerate(zip(a, b, strict=True))),
        gap=text(max((abs(q - p) for p, q in zip(a, b, strict=True)), default=0)),
        decisions=(_decision(a), _decision(b)),
        figures=figures_of(names, x, (a, b), image, near.values if near else None),
        image=image,
    )


def _document(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = as_answer(path) if criterion_of(path) else json.loads(read_bytes(path))
    if not isinstance(document.get("options"), dict) or not isinstance(document.get("files"), list):
        raise FormatError("found no options and files, expected an answer of `exactlump refute --json`")
    if document.get("verdict") != "different":
        raise FormatError(f"found the verdict {document.get('verdict')!r:.40}, expected an input: different")
    return document


def side_of(
    path: Path, document: Mapping[str, Any], role: str, given: str | os.PathLike[str] | None
) -> tuple[Side, Path]:
    """One model file, given or found by its hash: where the answer says, or beside it."""
    entries = [file for file in document["files"] if isinstance(file, dict) and file.get("role") == role]
    if len(entries) != 1 or not all(isinstance(entries[0].get(key), str) for key in ("path", "sha256")):
        raise FormatError(f"found {len(entries)} files named {role}, expected one with its path and SHA-256")
    named, stated = entries[0]["sha256"], Path(entries[0]["path"])
    if given is not None:
        place = Path(given)
        return Side(role, place.name, sha256(place), named), place
    for place in (stated, path.parent / stated.name):
        if place.is_file() and sha256(place) == named:
            return Side(role, place.name, named, named), place
    option = {"a": "--original", "b": "--reduced"}[role]
    raise FormatError(f"found no file {stated.name!r:.80} with the hash that it names, expected {option} FILE")


def numbers_of(words: object, what: str) -> Vector:
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise FormatError(f"found {type(words).__name__} as {what}, expected a list of rationals as text")
    return tuple(parse(word) for word in words)


def unnamed(places: tuple[Path, ...]) -> str | None:
    return ports.UNNAMED if any(formats.format_of(place) == "nnet" for place in places) else None


def _question(document: Mapping[str, Any]) -> Question:
    options = document["options"]
    if options.get("metric", "max") != "max":
        raise FormatError(f"found the metric {options['metric']!r:.40}, expected max, or a certificate of a difference")
    if options.get("epsilon") is not None:
        if not isinstance(options["epsilon"], str):
            raise FormatError("found an epsilon that is no text, expected a rational")
        return Question("epsilon", parse(options["epsilon"]))
    return Question("argmax" if options.get("argmax") is True else "different")


def _domain(
    path: Path, document: Mapping[str, Any], network: Network, near: Reference | None
) -> tuple[Box | None, str, str]:
    """The domain, its name, and what was not examined; None where the file that says it is not at hand."""
    inputs = sum(math.prod(port.shape) for port in network.inputs)
    options = document["options"]
    if document["verb"] != "refute":
        words = "Whether the input lies in it was not examined: the page says that it shows a difference."
        return None, str(document.get("domain"))[:80], words
    if options.get("around") is not None:
        if near is not None:
            found = near.box(options)
            return found, found.name, "The input was compared with it, exactly."
        words = (
            "The file with the input that it is around is not at hand: whether the input lies there was not examined."
        )
        return None, str(document.get("domain"))[:80], words
    if options.get("vnnlib") is None:
        found = domain_of(options.get("box"), inputs)
        return found, found.name, "The input was compared with it, exactly."
    for file in document["files"]:
        if isinstance(file, dict) and file.get("role") == "property" and isinstance(file.get("path"), str):
            for place in (Path(file["path"]), path.parent / Path(file["path"]).name):
                if place.is_file() and sha256(place) == file.get("sha256"):
                    return read_box(place).box, place.name, "The input was compared with it, exactly."
    words = "The property file is not at hand: whether the input lies in its box was not examined."
    return None, str(document.get("domain"))[:80], words


def _inside(box: Box | None, x: Vector) -> bool:
    if box is None:
        return True
    bounds = zip(box.lower, x, box.upper, strict=True)
    return all((low is None or low <= value) and (high is None or value <= high) for low, value, high in bounds)


def _evaluated(networks: tuple[Network, Network], x: Vector) -> tuple[str, tuple[Vector, Vector] | None]:
    """The outputs of both, in exact arithmetic; or why there are none."""
    try:
        return "", (outputs_at(networks[0], x), outputs_at(networks[1], x))
    except NoExactValue as error:
        return str(error), None


def outputs_at(network: Network, x: Vector) -> Vector:
    parts, start = [], 0
    for port in network.inputs:
        size = math.prod(port.shape)
        parts.append(x[start : start + size])
        start += size
    if start != len(x):
        raise FormatError(f"found {len(x)} numbers as input, expected {start}")
    return tuple(value for output in network.evaluate(*parts) for value in output)


def _verdict(
    question: Question,
    outputs: tuple[Vector, Vector] | None,
    why: str,
    inside: bool,
    files: tuple[Side, Side],
) -> tuple[str, str]:
    if outputs is None:
        return "unknown", f"the outputs have no exact values ({why})"
    if not inside:
        return "unknown", "the input does not lie in the domain that was asked about"
    if not _separated(question, *outputs):
        return "unknown", "computed again, in exact arithmetic, the outputs do not differ as was asked"
    changed = [file.side for file in files if file.given != file.named]
    words = "computed again for this page, in exact arithmetic, the outputs differ at this input"
    if changed:
        words += f"; {' and '.join(changed)}: another file than the answer names"
    return "different", f"{words}; more elsewhere is possible"


def _separated(question: Question, a: Vector, b: Vector) -> bool:
    """Whether outputs differ as was asked: somehow, by more than epsilon, or with no largest one in common."""
    if question.kind == "argmax":
        largest = ({i for i, y in enumerate(values) if y == max(values)} for values in (a, b))
        return set.isdisjoint(*largest)
    return any(abs(q - p) > (question.epsilon or 0) for p, q in zip(a, b, strict=True))


def _decision(values: Vector) -> int:
    return max(range(len(values)), key=lambda i: (values[i], -i), default=0)


def figures_of(
    names: tuple[Input, ...], x: Vector, outputs: tuple[Vector, Vector], image: Image | None, around: Vector | None
) -> tuple[Figure, ...]:
    """The pictures of an input: itself, beside the one that it is around where there is one, and both outputs.

    image  height and width of an input that nobody else says is an image
    """
    shape, axes = (names[0].shape, names[0].axes) if len(names) == 1 else ((), ())
    if image is not None and len(x) % math.prod(image) == 0:
        shape, axes = (len(x) // math.prod(image), *image), ()
    channels = grids(x, shape, axes)
    size = f", {len(channels[0])} x {len(channels[0][0])}" if channels else ""
    words = f"as an image{size}" if channels else "element by element"
    words += ", the one that it was looked for around, and the difference of both" if around is not None else ""
    pictures = draw_input(x, [element(names, i) for i in range(len(x))], shape, axes, around)
    found = [figure(picture, f"The input, {words}.{_channel(channels, c)}") for c, picture in enumerate(pictures)]
    a, b = outputs
    if a:
        picture = draw_outputs(a[:MOST_OUTPUTS], b[:MOST_OUTPUTS], of=("a", "b"))
        found.append(figure(picture, "The outputs of both networks at this input. A triangle marks the largest one."))
    return tuple(found)


def _channel(channels: Sequence[object], c: int) -> str:
    return f" Channel {c} of {len(channels)}." if len(channels) > 1 else ""
