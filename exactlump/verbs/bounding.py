# SPDX-License-Identifier: Apache-2.0
"""This file is about `exactlump bound` as a library call: two networks and a box in, how far apart they can be out.

`within` is said only after `exactlump/check.py` has accepted a certificate, `different` only with an exact input at
which both were evaluated.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypedDict, Unpack

from exactlump import formats
from exactlump.errors import FormatError
from exactlump.formats.files import about
from exactlump.network.ports import Matching
from exactlump.numbers.rational import ZERO, Rational, Vector, flat, rational, text
from exactlump.refutation.question import decision
from exactlump.verbs.answers import FileUse, answer
from exactlump.verbs.data import AS_THEY_ARE, Scaling
from exactlump.verbs.naming import Input
from exactlump.verbs.saving import AtInput, finding_svg
from exactlump.verbs.spaces import ends_of, number

# Outputs that a picture has.
_DRAWN = 64
METRICS = ("max", "per-output", "l1", "margins")
# Told what is done, how many boxes are bounded, and how many are left for now.
Listener = Callable[[str, int, int], None]


def silent(_what: str, _boxes: int, _left: int) -> None:
    """A listener that says nothing."""


@dataclass(frozen=True, slots=True)
class BoundOptions:
    """How to bound the differences of two networks.

    boxes         boxes of inputs as people write them (`points.domains.domain_of`); or
    vnnlib        a property file; or
    around        a file of inputs, or an array: what is within `radius` of one of them, and within the bounds `clip`
    epsilon       what is asked: whether the difference is at most this; of the metrics per-output and margins several
    metric        of what: max, the largest difference of an output; per-output; l1, the sum of all; margins, the
                  largest difference of (output y - output j) for all pairs (docs/bounds.md)
    argmax        instead: whether both decide alike; with `inputs`: at which of these
    inputs        a file of inputs, or an array
    scaling       what becomes of the numbers in files of inputs, such as images
    rounding      None: over the reals; float32: as machines with float32 compute it, too
    seconds       the time limit, reading included
    seed          of the random points
    jobs          how many processes the checker has for a tree
    certificate   where the certificate goes
    match         how inputs and outputs are matched: "name", "position", or None for what the names say
    raw_nnet      leave out the normalisation in the headers of .nnet files
    max_unpacked  the most bytes that a .onnx.gz file may unpack to
    overwrite     whether a certificate with other content may be replaced
    Raises FormatError where options exclude each other.
    """

    boxes: tuple[Any, ...] = ()
    vnnlib: Path | None = None
    around: Any = None
    radius: Rational | None = None
    clip: tuple[Rational, Rational] | None = None
    epsilon: tuple[Rational, ...] | None = None
    metric: str = "max"
    argmax: bool = False
    inputs: Any = None
    scaling: Scaling = AS_THEY_ARE
    rounding: str | None = None
    seconds: float = 60.0
    seed: int = 0
    jobs: int = 1
    certificate: Path | None = None
    match: str | None = None
    raw_nnet: bool = False
    max_unpacked: int = formats.MAX_UNPACKED
    overwrite: bool = False

    def __post_init__(self) -> None:
        if self.metric not in METRICS:
            raise FormatError(f"metric: found {self.metric!r}, expected one of {', '.join(METRICS)}")
        if self.rounding not in (None, "float32"):
            raise FormatError(f"rounding: found {self.rounding!r}, expected float32")
        if self.argmax and (self.epsilon is not None or self.metric != "max"):
            raise FormatError("argmax: found epsilon or a metric beside it, expected it alone")
        if self.metric == "l1" and self.epsilon is None:
            raise FormatError("metric: found l1 without epsilon, expected epsilon with it")
        if self.around is None and (self.radius is not None or self.clip is not None):
            raise FormatError("radius and clip: found no inputs that they are around, expected around")
        if self.jobs < 1:
            raise FormatError(f"jobs: found {self.jobs}, expected at least 1")
        if any(e < 0 for e in self.epsilon or ()):
            raise FormatError("epsilon: found a negative number, expected none")

    @property
    def has_domain(self) -> bool:
        """Whether inputs are bounded."""
        return bool(self.boxes) or self.vnnlib is not None or self.around is not None


DEFAULTS = BoundOptions()


@dataclass(frozen=True, slots=True)
class Decisions:
    """At which of given inputs two networks were shown to decide alike, by margins.

    certified  the numbers of these inputs; flipped: of those where they do not; outside: of those in none of the boxes
    """

    count: int
    certified: tuple[int, ...]
    flipped: tuple[int, ...]
    outside: tuple[int, ...]

    @property
    def share(self) -> float:
        """The share of all inputs."""
        return len(self.certified) / self.count

    def json(self) -> dict[str, Any]:
        """As an answer has it."""
        known = {*self.certified, *self.flipped, *self.outside}
        return {
            "inputs": self.count,
            "certified": list(self.certified),
            "flipped": list(self.flipped),
            "open": [n for n in range(self.count) if n not in known],
            "outside": list(self.outside),
            "share": self.share,
        }


@dataclass(frozen=True, slots=True)
class FileBound(AtInput):
    """What is known of how far apart two networks a and b are on a domain.

    verdict      "within": a certificate of `epsilon` was checked; "different": an exact input breaks what was asked;
                 or "unknown"
    metric       of what; "decision" where a decision was asked for or shown
    epsilon      what was asked, or else what was shown
    upper        for each output, or pair of outputs for margins, the most that its difference is on the domain, by the
                 exact arithmetic of the engine; none where nothing is known
    lower        for each the largest difference that an exact input shows
    checked      what the checker said of the certificate; "" where none was made
    input        the exact input with the largest difference, or where decisions differ; None where none was found
    outputs      the exact outputs of a and of b there
    off          how far they may be from the true ones: 0, or where these may be irrational
    leaves       how many boxes of the certificate's trees are not halved; boxes: how many were bounded in all
    index        what both decide on the whole domain, if that was shown
    alike        of given inputs, those where both were shown to decide alike
    swapped      whether b is the certificate's original (docs/bounds.md)
    """

    verdict: str
    metric: str
    epsilon: tuple[Rational, ...]
    upper: tuple[Rational, ...]
    lower: tuple[Rational, ...]
    checked: str
    input: Vector | None
    outputs: tuple[Vector, Vector] | None
    leaves: int
    boxes: int
    index: int | None
    alike: Decisions | None
    domain: str
    matching: Matching
    notes: tuple[str, ...]
    certificate: Path | None
    swapped: bool
    specification: str
    inputs: tuple[Input, ...]
    files: tuple[FileUse, ...]
    options: BoundOptions
    seconds: float
    off: Rational = ZERO

    def __repr__(self) -> str:
        most = f", at most {text(self.most)[:30]}" if self.most is not None else ""
        return f"{self.verdict} on {self.domain[:40]}{most}, found {text(self.least)[:30]}"

    @property
    def most(self) -> Rational | None:
        """The most that any output, or pair of them, differs by: what was shown or is known; None for nothing."""
        return max(self.epsilon if self.verdict == "within" and self.index is None else self.upper, default=None)

    @property
    def least(self) -> Rational:
        """The largest difference that an exact input shows."""
        return max(self.lower, default=rational(0))

    @property
    def gap(self) -> Rational | None:
        """The largest difference of two outputs at the input, or what it is at least; None where none was found."""
        if self.outputs is None:
            return None
        return max(ZERO, max(abs(y - z) for y, z in zip(*self.outputs, strict=True)) - 2 * self.off)

    @property
    def decisions(self) -> tuple[int, int] | None:
        """What a and b decide at the input, where decisions were asked for: the index of the first largest output."""
        if self.outputs is None or not self.options.argmax:
            return None
        return decision(self.outputs[0]), decision(self.outputs[1])

    def _repr_svg_(self) -> str | None:
        """How far apart outputs are, as SVG text for notebooks: what inputs show, and what is certified."""
        from exactlump.drawing import Bound, draw_bounds

        certified: tuple[Rational | None, ...] = (None,) * len(self.lower)
        if self.verdict == "within" and self.metric in ("max", "per-output"):
            certified = self.epsilon * (len(self.lower) // len(self.epsilon))
        if not self.lower or self.metric not in ("max", "per-output"):
            return finding_svg(self)
        rows = zip(self.lower[:_DRAWN], certified, strict=False)
        return draw_bounds([Bound(f"output {i}", low, high) for i, (low, high) in enumerate(rows)]).svg()

    def json(self, *, times: bool = True) -> dict[str, Any]:
        """What `--json` prints."""
        return answer("bound", self.words(), options=self.options, files=self.files, seconds=self.seconds, times=times)

    def words(self) -> dict[str, Any]:
        """What the verb says beside what all say."""
        pair, outputs = self.decisions, self.outputs
        return {
            "verdict": self.verdict,
            "metric": self.metric,
            "epsilon": [text(e) for e in self.epsilon],
            "upper": text(self.most) if self.most is not None else None,
            "lower": text(self.least),
            "uppers": [text(size) for size in self.upper],
            "lowers": [text(size) for size in self.lower],
            "input": [text(x) for x in self.input] if self.input is not None else None,
            "outputs": dict(zip("ab", ([text(y) for y in side] for side in outputs), strict=True)) if outputs else None,
            "decisions": dict(zip("ab", pair, strict=True)) if pair is not None else None,
            "index": self.index,
            "alike": self.alike.json() if self.alike is not None else None,
            "domain": self.domain,
            "arithmetic": self.options.rounding or "reals",
            "leaves": self.leaves,
            "boxes": self.boxes,
            "checked": self.checked,
            "match": asdict(self.matching),
            "specification": self.specification,
            "swapped": self.swapped,
            "notes": list(self.notes),
            "certificate": str(self.certificate) if self.certificate else None,
        }


class Asked(TypedDict, total=False):
    """The options of `bound` and of `compare`, beside the networks and the box, as people write them.

    Boxes are those of `points.domains.domain_of`, numbers are numbers or texts such as "1/3"; epsilon may be a list of
    these, clip is two.  What is left out, and what is not said here, is as in `BoundOptions`.
    """

    boxes: Sequence[Any]
    vnnlib: str | os.PathLike[str] | None
    around: Any
    radius: Any
    clip: Sequence[Any] | None
    epsilon: Any
    metric: str
    argmax: bool
    inputs: Any
    scaling: Scaling
    rounding: str | None
    seconds: float
    seed: int
    jobs: int
    certificate: str | os.PathLike[str] | None
    match: str | None
    raw_nnet: bool
    max_unpacked: int
    overwrite: bool


def options_of(box: Any = None, **asked: Unpack[Asked]) -> BoundOptions:
    """The options from what people write; `box` is one alone.

    Raises FormatError for what is no number, and where some exclude others, TypeError for other names.
    """
    given: dict[str, Any] = {**asked}
    boxes, vnnlib, radius, clip, epsilon, certificate = (
        given.pop(name, None) for name in ("boxes", "vnnlib", "radius", "clip", "epsilon", "certificate")
    )
    if unknown := given.keys() - Asked.__annotations__.keys():
        raise TypeError(
            f"{min(unknown)}: found an option of this name, expected one of {', '.join(Asked.__annotations__)}"
        )
    if box is not None and boxes is not None and len(boxes):
        raise FormatError("box and boxes: found both, expected one of them")
    several = isinstance(epsilon, list | tuple) or hasattr(epsilon, "tolist")
    with about("epsilon"):
        sizes = None if epsilon is None else tuple(map(number, flat(epsilon) if several else [epsilon]))
    with about("radius and clip"):
        ends, size = ends_of(clip), None if radius is None else number(radius)
    return BoundOptions(
        boxes=(box,) if box is not None else tuple(() if boxes is None else boxes),
        vnnlib=Path(vnnlib) if vnnlib is not None else None,
        radius=size,
        clip=ends,
        epsilon=sizes,
        certificate=Path(certificate) if certificate is not None else None,
        **given,
    )
