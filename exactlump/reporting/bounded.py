# SPDX-License-Identifier: Apache-2.0
"""This file is about the page on a bound, and on what was not decided: an answer of `bound`, `compare` or `refute`.

The verdict is the checker's alone, run once more on both files and the certificate.  What an input shows is computed
again in exact arithmetic; the engine's own bounds of single outputs are quoted, and said to be no more than that.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exactlump import formats
from exactlump.drawing import Bound, draw_bounds
from exactlump.drawing.numerals import label as nearly
from exactlump.errors import FormatError, NoExactValue
from exactlump.formats.files import about, read_bytes, sha256
from exactlump.network import ports
from exactlump.numbers.rational import Rational, Vector, parse, text
from exactlump.reporting.asked import Alike, alike_of, question_of, tried_of
from exactlump.reporting.certified import as_answer, criterion_of
from exactlump.reporting.difference import Side, numbers_of, outputs_at, side_of, unnamed
from exactlump.reporting.figures import Figure, figure
from exactlump.reporting.halvings import leaves
from exactlump.verbs.rechecking import Checked, run_check

# Outputs that the page lists and draws.
MOST_OUTPUTS = 64


@dataclass(frozen=True, slots=True)
class Bounded:
    """All that the page says of a bound.

    verdict   "within" only if the checker was run, and said so
    criterion "approximate" or "decision", as the certificate has it; "" where there is none
    claim     what the checker said that it holds for; "" where it did not
    question  what was asked; tried: what the answer says was done in vain, where it decided nothing
    claimed   whether the answer claims a bound; one that decided nothing does not
    alike     at which of given inputs both decide alike, by the engine's word
    outputs   index, largest difference that an input shows (computed here), most that it can be (the engine's word)
    """

    sources: tuple[tuple[str, Path], ...]
    verdict: str
    reason: str
    criterion: str
    name: str
    sha256: str
    producer: str
    files: tuple[Side, Side]
    claimed: bool
    certificate: str
    certificate_hash: str
    checked: Checked | None
    command: str
    question: str
    tried: tuple[str, ...]
    alike: Alike | None
    metric: str
    domain: str
    arithmetic: str
    found: str
    outputs: tuple[tuple[int, str, str], ...]
    figures: tuple[Figure, ...]

    def __repr__(self) -> str:
        return f"{self.verdict}: {self.reason}"

    @property
    def certificate_named(self) -> bool:
        """Whether the answer names a certificate, at hand or not; one that decided nothing names none."""
        return bool(self.certificate) or self.claimed

    @property
    def headline(self) -> str:
        """What the first sentence of the page is about: a word of `words.HEADLINES`."""
        return "decision" if (self.verdict, self.criterion) == ("within", "decision") else self.verdict


def bounded(
    path: str | os.PathLike[str],
    *,
    original: str | os.PathLike[str] | None = None,
    reduced: str | os.PathLike[str] | None = None,
    max_unpacked: int = formats.MAX_UNPACKED,
) -> Bounded:
    """What there is to say of an answer with a bound, of one that decided nothing, or of a certificate of a bound.

    Files are found as for a difference.

    Raises FormatError for what is no such answer, and for files that cannot be read.
    """
    path = Path(path)
    with about(path):
        document, words = _document(path)
        asked = question_of(document), tried_of(document), alike_of(words.get("alike"))
        sides = tuple(side_of(path, document, role, given) for role, given in (("a", original), ("b", reduced)))
        uppers, x = numbers_of(words.get("uppers", []), "uppers"), words.get("input", document.get("input"))
        point = numbers_of(x, "input") if x is not None else None
    (ours, one), (theirs, other) = sides
    order = (other, one) if words.get("swapped") is True else (one, other)
    place = _certificate(path, words)
    checked = run_check(*order, place, max_unpacked) if place is not None else None
    gaps = _gaps((one, other), point, document, max_unpacked)
    shown = gaps if len(gaps) == len(uppers) else ()
    verdict, reason = _verdict(checked, str(document.get("verdict")), gaps, uppers)
    return Bounded(
        sources=_sources(path, one, other, place),
        verdict=verdict,
        reason=reason,
        criterion=criterion_of(place) if place is not None else "",
        name=path.name,
        sha256=sha256(path),
        producer=" ".join(str(document.get("tool", {}).get(key)) for key in ("name", "version")),
        files=(ours, theirs),
        claimed=document.get("verdict") == "within",
        certificate=place.name if place is not None else "",
        certificate_hash=sha256(place) if place is not None else "",
        checked=checked,
        command=f"{order[0].name} {order[1].name} {place.name if place is not None else 'CERTIFICATE'}",
        question=asked[0],
        tried=asked[1],
        alike=asked[2],
        metric=str(words.get("metric", "equality")),
        domain=str(words.get("domain", document.get("domain"))),
        arithmetic=str(words.get("arithmetic", "reals")),
        found=text(max(gaps)) if gaps else "",
        outputs=tuple(
            (i, text(shown[i]) if shown else "", text(upper)) for i, upper in enumerate(uppers[:MOST_OUTPUTS])
        ),
        figures=_figures(place, len(uppers), shown) if verdict == "within" and place is not None else (),
    )


def _sources(path: Path, one: Path, other: Path, certificate: Path | None) -> tuple[tuple[str, Path], ...]:
    """The files that were read: an answer and its certificate, or a certificate alone."""
    alone = certificate is not None and certificate.samefile(path)
    told = () if alone else (("answer", path),)
    return (*told, ("a", one), ("b", other), *((("certificate", certificate),) if certificate else ()))


def _document(path: Path) -> tuple[dict[str, Any], Mapping[str, Any]]:
    """The answer, or the certificate as one, and what it says of a bound."""
    document: dict[str, Any] = as_answer(path) if criterion_of(path) else json.loads(read_bytes(path))
    if not isinstance(document.get("options"), dict) or not isinstance(document.get("files"), list):
        raise FormatError("found no options and files, expected an answer of `exactlump bound --json`")
    words = document if document.get("verb") == "bound" else document.get("bound")
    verdict = document.get("verdict")
    if verdict not in ("within", "unknown") or (verdict == "within" and not isinstance(words, dict)):
        raise FormatError(f"found the verdict {verdict!r:.40}, expected a bound: within, or unknown")
    return document, words if isinstance(words, dict) else {}


def _certificate(path: Path, words: Mapping[str, Any]) -> Path | None:
    """The certificate of the bound: where the answer says, or beside it; None where it is not at hand."""
    stated = words.get("certificate")
    if not isinstance(stated, str):
        return None
    places = (Path(stated), path.parent / Path(stated).name)
    return next((place for place in places if place.is_file()), None)


def _gaps(
    places: tuple[Path, Path], x: Vector | None, document: Mapping[str, Any], max_unpacked: int
) -> tuple[Rational, ...]:
    """How far each output is off at the input that was found, in exact arithmetic; () where that is not known."""
    if x is None:
        return ()
    options = document["options"]
    raw, demanded = options.get("raw_nnet") is True, options.get("match")
    one, other = (formats.read(place, raw_nnet=raw, max_unpacked=max_unpacked) for place in places)
    other, _ = ports.match(one, other, demanded if isinstance(demanded, str) else unnamed(places))
    try:
        pairs = zip(outputs_at(one, x), outputs_at(other, x), strict=True)
        return tuple(abs(q - p) for p, q in pairs)
    except NoExactValue:
        return ()


def _verdict(checked: Checked | None, answered: str, gaps: Vector, uppers: Vector) -> tuple[str, str]:
    if checked is None and answered == "unknown":
        least = f"an exact input shows {nearly(max(gaps))}" if gaps else "no input that shows a difference is known"
        most = f"the engine's own bounds, which no checker confirmed, allow {nearly(max(uppers))}" if uppers else ""
        return "unknown", "; ".join(filter(None, ("the answer decided nothing", least, most or "no bound is known")))
    if checked is None:
        return "unknown", "nothing was re-checked: the certificate of the bound was not at hand"
    if checked.verdict != "within":
        wrong = checked.verdict in ("equivalent", "different")
        words = f"the certificate is of something else than a bound ({checked.verdict})" if wrong else checked.reason
        return ("rejected" if wrong else checked.verdict), words
    return "within", checked.reason


def _certified(place: Path, outputs: int) -> Vector:
    """What an accepted certificate says of each output; () where it speaks of something else than single outputs."""
    claim = json.loads(read_bytes(place))["claim"]
    if claim.get("metric") not in ("max", "per-output"):
        return ()
    sizes = numbers_of(claim["epsilon"] if isinstance(claim["epsilon"], list) else [claim["epsilon"]], "epsilon")
    return sizes * outputs if len(sizes) == 1 else sizes


def _figures(place: Path, outputs: int, shown: tuple[Rational, ...]) -> tuple[Figure, ...]:
    """Found against certified, output by output; and how the proof cuts the domain, where that can be drawn."""
    cut = leaves(json.loads(read_bytes(place)))
    return (*_bounds(_certified(place, outputs), shown), *((cut,) if cut is not None else ()))


def _bounds(certified: Vector, shown: tuple[Rational, ...]) -> tuple[Figure, ...]:
    if not certified or len(shown) not in (0, len(certified)):
        return ()
    found = shown or (parse("0"),) * len(certified)
    several = zip(found[:MOST_OUTPUTS], certified[:MOST_OUTPUTS], strict=True)
    rows = [Bound(f"output {i}", low, high) for i, (low, high) in enumerate(several)]
    words = (
        "How far each output may be off on the domain: blue, what the input shows; hatched, up to what is certified."
    )
    return (figure(draw_bounds(rows), words),)
