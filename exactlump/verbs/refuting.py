# SPDX-License-Identifier: Apache-2.0
"""This file is about `exactlump refute` as a library call: two networks in, a verdict with its evidence out.

`equivalent` by a common quotient is said of two files only after `exactlump/check.py` has accepted a certificate.
"""

import itertools
import os
import tempfile
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from exactlump import check, formats
from exactlump.bounding.enclosing import nearness
from exactlump.certificates import certificate
from exactlump.errors import FormatError, ShapeError, UnsupportedLayer
from exactlump.formats.files import about, companions, demand_apart, write_atomically
from exactlump.network import ports
from exactlump.network.program import Network
from exactlump.network.views import StatedShape
from exactlump.numbers.rational import Rational, Vector, text
from exactlump.points.boxes import Box
from exactlump.points.domains import domain_of
from exactlump.points.vnnlib import read_box
from exactlump.refutation.comparing import decides
from exactlump.refutation.question import Question, decision
from exactlump.refutation.refute import Finding, Options
from exactlump.verbs.agreeing import MOST_ROUNDS, Apart, apart
from exactlump.verbs.answers import FileUse, answer, file_read, file_written
from exactlump.verbs.claiming_common import certificate_of_pair
from exactlump.verbs.climbing import larger
from exactlump.verbs.data import AS_THEY_ARE, Scaling, files_of, read_inputs
from exactlump.verbs.enclosing import searched
from exactlump.verbs.naming import Input, inputs_of
from exactlump.verbs.pairs import Pair, read_pair, same_bytes
from exactlump.verbs.replaying import NO_FILES, Case, Replayed, in_float32, replayed_by_proof
from exactlump.verbs.saving import AtInput
from exactlump.verbs.spaces import ends_of, number, space


@dataclass(frozen=True, slots=True)
class RefuteOptions:
    """How to compare two networks.

    box           the domain as people write it (`points.domains.domain_of`); or `vnnlib`, a property file; else all
                  reals
    around        instead of a box: a file with an input, or an array; what is within `radius` of it, and within the
                  bounds `clip`
    epsilon       ask whether some output differs by more than this
    argmax        ask whether the decision differs, however ties are broken
    inputs        a file of inputs, or an array: these are looked at first
    scaling       what becomes of the numbers in files of inputs, such as images
    maximize      whether the search goes on, for an input with the largest difference that the time allows
    seconds       the time limit, reading included
    seed          of the random points: the same seed gives the same answer, time permitting
    shorten       whether an input that is found is made shorter
    certificate   where a certificate of equivalence goes
    match         how inputs and outputs are matched: "name", "position", or None for what the names say
    raw_nnet      leave out the normalisation in the headers of .nnet files
    max_unpacked  the most bytes that a .onnx.gz file may unpack to
    overwrite     whether a certificate with other content may be replaced
    opaque_domains  domains besides ONNX's own whose operators are taken for functions
    shapes          of inputs that ONNX files leave free, as `read` takes them: the answer is about these shapes only
    Raises FormatError where options exclude each other.
    """

    box: Any = None
    vnnlib: Path | None = None
    around: Any = None
    radius: Rational | None = None
    clip: tuple[Rational, Rational] | None = None
    epsilon: Rational | None = None
    argmax: bool = False
    inputs: Any = None
    scaling: Scaling = AS_THEY_ARE
    maximize: bool = False
    seconds: float = 60.0
    seed: int = 0
    shorten: bool = True
    certificate: Path | None = None
    match: str | None = None
    raw_nnet: bool = False
    max_unpacked: int = formats.MAX_UNPACKED
    overwrite: bool = False
    opaque_domains: tuple[str, ...] = ()
    shapes: Mapping[str, StatedShape] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if sum(given is not None for given in (self.box, self.vnnlib, self.around)) > 1:
            raise FormatError("box, vnnlib and around: found several, expected one of them")
        if self.around is None and (self.radius is not None or self.clip is not None):
            raise FormatError("radius and clip: found no input that they are around, expected around")
        if self.maximize and self.argmax:
            raise FormatError("maximize and argmax: found both, expected one of them")
        if self.epsilon is not None and self.argmax:
            raise FormatError("epsilon and argmax: found both, expected one of them")

    @property
    def question(self) -> Question:
        """What counts as a difference."""
        if self.epsilon is not None:
            return Question("epsilon", self.epsilon)
        return Question("argmax" if self.argmax else "different")


DEFAULTS = RefuteOptions()
# Seconds that are left for the search, however long reading took.
_LEAST = 0.05


@dataclass(frozen=True, slots=True)
class FileFinding(AtInput):
    """What was found about two networks a and b.

    replayed       the outputs in float32, where a runtime runs both files
    specification  how files are read that alone do not say all (docs/certificate-format.md, "claim")
    inputs         what their elements are called
    about_decisions  whether only the order of the outputs counted
    proved         what the evaluator that is extracted from its proof says of the input
    """

    finding: Finding
    domain: Box
    replayed: tuple[list[float], list[float]] | None
    notes: tuple[str, ...]
    certificate: Path | None
    specification: str
    inputs: tuple[Input, ...]
    about_decisions: bool
    files: tuple[FileUse, ...]
    options: RefuteOptions
    proved: Replayed = NO_FILES

    def __repr__(self) -> str:
        gap = f", by {text(self.gap)[:40]}" if self.gap is not None else ""
        return f"{self.verdict} on {self.domain.name} ({self.finding.method}){gap}"

    @property
    def verdict(self) -> str:
        """The word "different" with an input, "equivalent" (the answer to the question is no), or "unknown"."""
        return self.finding.verdict

    @property
    def method(self) -> str:
        """Which method answered (docs/counterexamples.md)."""
        return self.finding.method

    @property
    def tried(self) -> tuple[str, ...]:
        """What was tried, in order, in words."""
        return self.finding.tried

    @property
    def question(self) -> Question:
        """What counted as a difference."""
        return self.options.question

    @property
    def input(self) -> Vector | None:
        """The input where they differ, in exact rationals, flat; None where none was found."""
        return self.finding.input

    @property
    def outputs(self) -> tuple[Vector, Vector] | None:
        """The exact outputs of a and of b there, flat, below output heads."""
        return self.finding.outputs

    @property
    def off(self) -> Rational:
        """How far they may be from the true ones: 0, or where these may be irrational."""
        return self.finding.off

    @property
    def gap(self) -> Rational | None:
        """The largest difference of two outputs at that input, exactly, or of irrational ones what it is at least;
        elsewhere it may be larger."""
        return self.finding.gap

    @property
    def decisions(self) -> tuple[int, int] | None:
        """What a and b decide there: the index of the first largest output; None where decisions were not asked for."""
        if self.outputs is None or not self.about_decisions:
            return None
        return decision(self.outputs[0]), decision(self.outputs[1])

    def json(self, *, times: bool = True) -> dict[str, Any]:
        """What `--json` prints."""
        found, at, pair = self.finding, self.finding.parting, self.decisions
        outputs = (
            dict(zip("ab", ([text(y) for y in side] for side in found.outputs), strict=True)) if found.outputs else None
        )
        words = {
            "verdict": found.verdict,
            "input": [text(x) for x in found.input] if found.input is not None else None,
            "outputs": outputs,
            "decisions": dict(zip("ab", pair, strict=True)) if pair is not None else None,
            "replayed": dict(zip("ab", self.replayed, strict=True)) if self.replayed else None,
            "verified": self.proved.verified,
            "verified_reason": self.proved.reason,
            "method": found.method,
            "question": str(self.question),
            "epsilon": text(self.options.epsilon) if self.options.epsilon is not None else None,
            "domain": self.domain.name,
            "match": asdict(found.matching),
            "specification": self.specification,
            "largest_difference": text(found.gap) if found.gap is not None else None,
            "first_difference": {"a": at.a, "b": at.b, "unit": at.unit, "values": [text(y) for y in at.values]}
            if at
            else None,
            "tried": list(found.tried),
            "notes": list(self.notes),
            "certificate": str(self.certificate) if self.certificate else None,
        }
        return answer("refute", words, options=self.options, files=self.files, seconds=found.seconds, times=times)


def refute(
    a: Any,
    b: Any,
    *,
    box: Any = None,
    vnnlib: str | os.PathLike[str] | None = None,
    around: Any = None,
    radius: Any = None,
    clip: Sequence[Any] | None = None,
    epsilon: Any = None,
    argmax: bool = False,
    inputs: Any = None,
    maximize: bool = False,
    seconds: float = 60.0,
    seed: int = 0,
    shorten: bool = True,
    certificate: str | os.PathLike[str] | None = None,
    match: str | None = None,
    raw_nnet: bool = False,
    max_unpacked: int = formats.MAX_UNPACKED,
    overwrite: bool = False,
    opaque_domains: Sequence[str] = (),
    shapes: Mapping[str, StatedShape] | None = None,
) -> FileFinding:
    """Find an exact input at which two networks differ, or show that there is none, or say `unknown`.

    a, b: whatever `read` takes: paths, `Network`s, modules of PyTorch, ONNX models.  The options are those of
    `RefuteOptions`; epsilon is any number, or a text such as "1/3" or "1e-3".
    Raises FormatError, ShapeError, UnsupportedLayer, NoExactValue, CannotWrite.

    >>> from exactlump import Network
    >>> a, b = (Network.chain([[[1, 1]], [[w]]]) for w in (2, 3))
    >>> refute(a, b, box=(0, 1))
    different on box [0, 1] (points), by 1
    """
    options = RefuteOptions(
        box=box,
        vnnlib=Path(vnnlib) if vnnlib is not None else None,
        around=around,
        radius=_number(radius),
        clip=ends_of(clip),
        epsilon=_number(epsilon),
        argmax=argmax,
        inputs=inputs,
        maximize=maximize,
        seconds=seconds,
        seed=seed,
        shorten=shorten,
        certificate=Path(certificate) if certificate is not None else None,
        match=match,
        raw_nnet=raw_nnet,
        max_unpacked=max_unpacked,
        overwrite=overwrite,
        opaque_domains=tuple(opaque_domains),
        shapes=dict(shapes or {}),
    )
    return refute_files(a, b, options)


def _number(value: Any) -> Rational | None:
    return None if value is None else number(value)


def refute_files(a: Any, b: Any, options: RefuteOptions = DEFAULTS) -> FileFinding:
    """`refute`, with the options in one."""
    taken = frozenset[str]()
    for _ in range(MOST_ROUNDS):
        try:
            return _refuted(a, b, options, taken, last=False)
        except Apart as found:
            taken |= found.tensors
    return _refuted(a, b, options, taken, last=True)


def _refuted(a: Any, b: Any, options: RefuteOptions, taken: frozenset[str], *, last: bool) -> FileFinding:
    """The finding, the nodes of some tensors taken for opaque; raises Apart, unless it is the last time, where the
    checker takes more for it."""
    start = time.monotonic()
    how: dict[str, Any] = {"raw_nnet": options.raw_nnet, "max_unpacked": options.max_unpacked}
    how |= {"opaque_domains": options.opaque_domains, "shapes": options.shapes, "given": taken}
    pair = read_pair(a, b, match=options.match, **how)
    one, other = pair.networks
    if options.certificate is not None:
        if not pair.are_files:
            raise FormatError("certificate: found networks that are no files, expected two files")
        read = [file for path in (options.around, options.inputs) for file in files_of(path)]
        demand_apart(options.certificate, (*pair.paths, options.vnnlib, *read))
    box, notes = _domain(one, options)
    notes += pair.notes
    with about(", ".join(pair.names)):
        other, matching = ports.match(one, other, pair.demanded)
        notes += ports.other_axes(one, other) if pair.demanded != ports.UNNAMED else ()
        if pair.are_files and options.certificate is None and same_bytes(pair.paths, options.max_unpacked):
            found = Finding("equivalent", "same bytes", matching=matching)
        else:
            left = max(options.seconds - (time.monotonic() - start), _LEAST)
            given = read_inputs(options.inputs, pair.inputs, options.scaling) if options.inputs is not None else ()
            limits = Options(left, options.seed, options.shorten, pair.demanded, given)
            found = searched((one, other), options.question, box, limits, start + options.seconds)
            found = replace(found, matching=matching)
        if options.maximize:
            found = larger(found, (one, other), box, options.seed, start + options.seconds)
    notes += found.notes
    notes += (nearness(found.off),) if found.off else ()
    written = None
    if pair.are_files and found.verdict == "equivalent" and found.common is not None:
        found, written, why = _certified(pair, (one, other), found, options, None if last else taken)
        notes += (why,) if why else ()
    room = options.max_unpacked
    replayed, why_not = in_float32(pair.paths, (one, other), found, room) if pair.are_files else (None, ())
    files = [*pair.files()]
    named = (("property", options.vnnlib), ("around", options.around), ("inputs", options.inputs))
    files += [file_read(role, file) for role, path in named for file in files_of(path)]
    files += [file_written("certificate", written)] if written is not None else []
    proved = NO_FILES
    if pair.are_files:
        left, digests = options.seconds - (time.monotonic() - start), [file.sha256 for file in files[:2]]
        case = Case(pair.paths, digests, found, options.question, box, pair.specification, room, left)
        proved = replayed_by_proof(case)
    return FileFinding(
        finding=found,
        domain=box,
        replayed=replayed,
        notes=notes + why_not,
        certificate=written,
        specification=pair.specification,
        inputs=inputs_of(one),
        about_decisions=options.argmax or decides(one),
        files=tuple(files),
        options=options,
        proved=proved,
    )


def _domain(network: Network, options: RefuteOptions) -> tuple[Box, tuple[str, ...]]:
    """The domain, and what is to be said about it."""
    inputs = sum(network.units(port.name) for port in network.inputs)
    if network.is_open and (options.vnnlib is not None or options.box is not None):
        raise UnsupportedLayer("domain: found given functions or unknown sizes, expected all reals")
    if options.vnnlib is not None:
        found = read_box(options.vnnlib)
        if len(found.box.lower) != inputs:
            raise ShapeError(f"{options.vnnlib}: found {len(found.box.lower)} inputs, expected the networks' {inputs}")
        return found.box, (f"{options.vnnlib}: {found.note}",) if found.note else ()
    if options.around is not None:
        domain, name, notes = space(
            inputs, given=options.around, radius=options.radius, clip=options.clip, scaling=options.scaling
        )
        if len(domain.boxes) > 1:
            raise FormatError(f"around: found {len(domain.boxes)} inputs, expected one")
        return replace(domain.boxes[0], name=name), notes
    return domain_of(options.box, inputs), ()


def _certified(
    pair: Pair, networks: tuple[Network, Network], found: Finding, options: RefuteOptions, taken: Collection[str] | None
) -> tuple[Finding, Path | None, str]:
    """The finding, if the checker accepts a certificate of it; else `unknown`, and why.

    taken: see `_refuted`; None: for the last time
    """
    paths, claim = pair.paths, certificate_of_pair(pair, networks, found, options.max_unpacked)
    claim = replace(claim, shapes=options.shapes)
    words = certificate.dumps(claim).encode()
    with tempfile.TemporaryDirectory(prefix="exactlump-") as folder:
        proof = Path(folder) / "certificate.json"
        proof.write_bytes(words)
        files = str(paths[0]), str(paths[1]), str(proof)
        verdict = check.check(*files, options.max_unpacked, domains=options.opaque_domains)
    if verdict.verdict != "equivalent":
        if taken is not None and (
            more := apart(paths, claim, networks, options.max_unpacked, options.opaque_domains).difference(taken)
        ):
            raise Apart(more)
        reason = f"the checker did not accept the common quotient ({verdict.verdict}: {verdict.reason})"
        return replace(found, verdict="unknown", method="none", common=None), None, reason
    if options.certificate is not None:
        beside = [companions(path, file) for path, file in zip(paths, (claim.original, claim.reduced), strict=True)]
        demand_apart(options.certificate, itertools.chain(*beside))
        write_atomically(options.certificate, words, overwrite=options.overwrite)
    return found, options.certificate, ""
