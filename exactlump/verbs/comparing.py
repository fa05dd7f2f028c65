# SPDX-License-Identifier: Apache-2.0
"""This file is about `exactlump compare` as a library call: two networks in, whatever is true of them out.

First whether both compute the same, as `refute` finds it; then an exact input at which they differ; then, on a domain,
how far apart they can be, as `bound` finds it.  Each answer is the answer of one of these two verbs.
"""

import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Unpack

from exactlump.errors import NoExactValue, UnsupportedLayer
from exactlump.network.ports import Matching
from exactlump.numbers.rational import Rational, Vector, text
from exactlump.verbs.answers import FileUse, answer
from exactlump.verbs.bounding import Asked, BoundOptions, FileBound, Listener, options_of, silent
from exactlump.verbs.naming import Input
from exactlump.verbs.refuting import FileFinding, RefuteOptions, refute_files
from exactlump.verbs.saving import AtInput

_EQUALITY = 0.3  # the share of the time in which both are tried to be shown equal, where there is a domain


@dataclass(frozen=True, slots=True)
class FileComparison(AtInput):
    """What is true of two networks a and b.

    verdict  "equivalent": both compute the same; "within": the differences are bounded, by a checked certificate;
             "different", with an exact input; or "unknown"
    finding  what `refute` answered; None for networks that it has no exact values of
    bound    what `bound` answered, where there is a domain and the networks are not equal
    """

    verdict: str
    finding: FileFinding | None
    bound: FileBound | None
    options: BoundOptions
    seconds: float

    def __repr__(self) -> str:
        return f"{self.verdict}: {self._last}"

    @property
    def method(self) -> str:
        """Which method answered (docs/counterexamples.md), or "bound"."""
        return self._last.method if isinstance(self._last, FileFinding) else "bound"

    @property
    def input(self) -> Vector | None:
        """The exact input where they differ, flat; None where none was found."""
        return self._last.input

    @property
    def outputs(self) -> tuple[Vector, Vector] | None:
        """The exact outputs of a and of b there."""
        return self._last.outputs

    @property
    def off(self) -> Rational:
        """How far they may be from the true ones: 0, or where these may be irrational."""
        return self._last.off

    @property
    def inputs(self) -> tuple[Input, ...]:
        """The inputs of a."""
        return self._last.inputs

    @property
    def gap(self) -> Rational | None:
        """The largest difference of two outputs at that input; elsewhere it may be larger."""
        return self._last.gap

    @property
    def decisions(self) -> tuple[int, int] | None:
        """What a and b decide there, where decisions were asked for."""
        return self._last.decisions

    @property
    def certificate(self) -> Path | None:
        """The certificate that was written."""
        return self._last.certificate

    @property
    def specification(self) -> str:
        """How the files were read."""
        return self._last.specification

    @property
    def matching(self) -> Matching:
        """How inputs and outputs are matched."""
        return self._last.finding.matching if isinstance(self._last, FileFinding) else self._last.matching

    @property
    def files(self) -> tuple[FileUse, ...]:
        """The files that were read and written, each once."""
        return tuple(dict.fromkeys(file for part in self._parts for file in part.files))

    @property
    def notes(self) -> tuple[str, ...]:
        """What else there is to say."""
        return tuple(dict.fromkeys(note for part in self._parts for note in part.notes))

    @property
    def _parts(self) -> list[FileFinding | FileBound]:
        return [part for part in (self.finding, self.bound) if part is not None]

    @property
    def _last(self) -> FileFinding | FileBound:
        """The answer that decides: of what was found on all reals, nothing is said where there is a domain."""
        return self._parts[-1]

    def _repr_svg_(self) -> str | None:
        """The picture of the answer that decides, as SVG text for notebooks; None where it has none."""
        return self._last._repr_svg_()

    def json(self, *, times: bool = True) -> dict[str, Any]:
        """What `--json` prints."""
        pair, outputs, bounded = self.decisions, self.outputs, self.bound
        words = {
            "verdict": self.verdict,
            "method": self.method,
            "input": [text(x) for x in self.input] if self.input is not None else None,
            "outputs": dict(zip("ab", ([text(y) for y in side] for side in outputs), strict=True)) if outputs else None,
            "decisions": dict(zip("ab", pair, strict=True)) if pair is not None else None,
            "largest_difference": text(self.gap) if self.gap is not None else None,
            "bound": bounded.words() if bounded is not None else None,
            "domain": self._last.domain if isinstance(self._last, FileBound) else self._last.domain.name,
            "tried": list(self.finding.tried) if self.finding is not None else [],
            "match": asdict(self.matching),
            "specification": self.specification,
            "notes": list(self.notes),
            "certificate": str(self.certificate) if self.certificate else None,
        }
        return answer("compare", words, options=self.options, files=self.files, seconds=self.seconds, times=times)


def compare(a: Any, b: Any, box: Any = None, *, listen: Listener = silent, **asked: Unpack[Asked]) -> FileComparison:
    """Whatever is true of two networks: equal, or how far apart at most, or different at an exact input, or `unknown`.

    The arguments are those of `bound`; without any domain only equality and inputs that differ are looked for.
    Raises FormatError, ShapeError, UnsupportedLayer, NoExactValue, CannotWrite.

    >>> from exactlump import Network
    >>> a, b = (Network.chain([[[1, 1]], [[w]]]) for w in (2, 3))
    >>> compare(a, b, (0, 1)).verdict, compare(a, b, (0, 1), epsilon=2).verdict, compare(a, a).verdict
    ('different', 'within', 'equivalent')
    """
    return compare_files(a, b, options_of(box, **asked), listen)


def compare_files(
    a: Any,
    b: Any,
    options: BoundOptions,
    listen: Listener = silent,
    stops: tuple[type[BaseException], ...] = (),
) -> FileComparison:
    """`compare`, with the options in one; `stops` as `bounded.bound_files` has it."""
    start = time.monotonic()
    listen("comparing", 0, 0)
    finding = None
    try:
        finding = refute_files(a, b, _equality(options))
    except (NoExactValue, UnsupportedLayer):
        if not options.has_domain:
            raise
    if finding is not None and (finding.verdict == "equivalent" or not options.has_domain):
        return FileComparison(finding.verdict, finding, None, options, time.monotonic() - start)
    from exactlump.verbs.bounded import bound_files

    left = replace(options, seconds=max(options.seconds - (time.monotonic() - start), 0.05))
    starts = (finding.input,) if finding is not None and finding.input is not None else ()
    found = bound_files(a, b, left, listen, stops, starts)
    verdict = found.verdict
    if verdict in ("within", "unknown") and options.epsilon is None and not options.argmax and found.input is not None:
        verdict = "different"
    return FileComparison(verdict, finding, found, options, time.monotonic() - start)


def _equality(options: BoundOptions) -> RefuteOptions:
    """How it is found out whether the networks are equal; without a domain, whether they differ as is asked, too."""
    alone = not options.has_domain
    asked = options.epsilon if alone and options.metric == "max" and options.epsilon is not None else None
    one_box = len(options.boxes) == 1
    return RefuteOptions(
        box=options.boxes[0] if one_box else None,
        epsilon=asked[0] if asked is not None and len(asked) == 1 else None,
        argmax=alone and options.argmax,
        seconds=options.seconds * (1.0 if alone else _EQUALITY),
        seed=options.seed,
        certificate=options.certificate,
        match=options.match,
        raw_nnet=options.raw_nnet,
        max_unpacked=options.max_unpacked,
        overwrite=options.overwrite,
    )
