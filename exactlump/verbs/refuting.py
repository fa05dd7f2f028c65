# SPDX-License-Identifier: Apache-2.0
"""This file is about `exactlump refute` as a library call: two networks in, a verdict with its evidence out.

`equivalent` by a common quotient is said of two files only after `exactlump/check.py` has accepted a certificate.
"""

import itertools
import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from exactlump import check, formats
from exactlump.certificates import certificate
from exactlump.certificates.assumptions import assumptions, domains, operators, without_opaque
from exactlump.certificates.certificate import Certificate
from exactlump.errors import CannotWrite, FormatError, ShapeError, UnsupportedLayer
from exactlump.formats.files import about, companions, demand_apart, external_data, read_bytes, write_atomically
from exactlump.formats.specification import AS_STORED
from exactlump.network import ports
from exactlump.network.kinds import Head
from exactlump.network.ports import UNNAMED
from exactlump.network.program import Network
from exactlump.numbers.rational import Rational, Vector, rational, text
from exactlump.points.boxes import Box, exact_number
from exactlump.points.domains import domain_of
from exactlump.points.vnnlib import read_box
from exactlump.refutation import refute as search
from exactlump.refutation.question import Question, decision
from exactlump.refutation.refute import Finding, Options
from exactlump.refutation.replay import CannotReplay, replay
from exactlump.verbs.answers import FileUse, answer, file_read, file_written, files_beside
from exactlump.verbs.naming import Input, inputs_of


@dataclass(frozen=True, slots=True)
class RefuteOptions:
    """How to compare two networks.

    box           the domain as people write it (`points.domains.domain_of`); or `vnnlib`, a property file; else all
                  reals
    epsilon       ask whether some output differs by more than this
    argmax        ask whether the decision differs, however ties are broken
    seconds       the time limit, reading included
    seed          of the random points: the same seed gives the same answer, time permitting
    shorten       whether an input that is found is made shorter
    certificate   where a certificate of equivalence goes
    match         how inputs and outputs are matched: "name", "position", or None for what the names say
    raw_nnet      leave out the normalisation in the headers of .nnet files
    max_unpacked  the most bytes that a .onnx.gz file may unpack to
    overwrite     whether a certificate with other content may be replaced
    opaque_domains  domains besides ONNX's own whose operators are taken for functions
    Raises FormatError where options exclude each other.
    """

    box: Any = None
    vnnlib: Path | None = None
    epsilon: Rational | None = None
    argmax: bool = False
    seconds: float = 60.0
    seed: int = 0
    shorten: bool = True
    certificate: Path | None = None
    match: str | None = None
    raw_nnet: bool = False
    max_unpacked: int = formats.MAX_UNPACKED
    overwrite: bool = False
    opaque_domains: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.box is not None and self.vnnlib is not None:
            raise FormatError("box and vnnlib: found both, expected one of them")
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
class FileFinding:
    """What was found about two networks a and b.

    replayed       the outputs in float32, where a runtime runs both files
    specification  how files are read that alone do not say all (docs/certificate-format.md, "claim")
    inputs         what their elements are called
    about_decisions  whether only the order of the outputs counted
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
    def gap(self) -> Rational | None:
        """The largest difference of two outputs at that input, exactly; elsewhere it may be larger."""
        return self.finding.gap

    @property
    def decisions(self) -> tuple[int, int] | None:
        """What a and b decide there: the index of the first largest output; None where decisions were not asked for."""
        if self.outputs is None or not self.about_decisions:
            return None
        return decision(self.outputs[0]), decision(self.outputs[1])

    @property
    def x(self) -> Any:
        """The input in float64, nearest to the exact one: an array of the input's shape; flat where there are several.

        None where no input was found.
        """
        if self.input is None:
            return None
        from exactlump.points.floating import nearest

        values = nearest(self.input)
        return values.reshape(self.inputs[0].shape) if len(self.inputs) == 1 else values

    @property
    def ya(self) -> Any:
        """The outputs of a there in float64, nearest to the exact ones, flat; None where no input was found."""
        return self._outputs(0)

    @property
    def yb(self) -> Any:
        """The outputs of b there, as `ya`."""
        return self._outputs(1)

    def _outputs(self, side: int) -> Any:
        if self.outputs is None:
            return None
        from exactlump.points.floating import nearest

        return nearest(self.outputs[side])

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write the input to a file, exactly: a NumPy array (.npy), or rationals with the outputs (.json).

        Raises CannotWrite where no input was found, for other suffixes, and for .npy where a number is no float64.
        """
        from exactlump.verbs.saving import counterexample

        with about(os.fspath(path)):
            if self.input is None or self.outputs is None:
                raise CannotWrite(f"found no input to save ({self.verdict}), expected a difference")
            content = counterexample(Path(path), self.input, self.outputs, self.inputs)
        write_atomically(path, content, overwrite=overwrite)

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
    epsilon: Any = None,
    argmax: bool = False,
    seconds: float = 60.0,
    seed: int = 0,
    shorten: bool = True,
    certificate: str | os.PathLike[str] | None = None,
    match: str | None = None,
    raw_nnet: bool = False,
    max_unpacked: int = formats.MAX_UNPACKED,
    overwrite: bool = False,
    opaque_domains: Sequence[str] = (),
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
    exact = exact_number(epsilon) if isinstance(epsilon, str) else None if epsilon is None else rational(epsilon)
    options = RefuteOptions(
        box=box,
        vnnlib=Path(vnnlib) if vnnlib is not None else None,
        epsilon=exact,
        argmax=argmax,
        seconds=seconds,
        seed=seed,
        shorten=shorten,
        certificate=Path(certificate) if certificate is not None else None,
        match=match,
        raw_nnet=raw_nnet,
        max_unpacked=max_unpacked,
        overwrite=overwrite,
        opaque_domains=tuple(opaque_domains),
    )
    return refute_files(a, b, options)


def refute_files(a: Any, b: Any, options: RefuteOptions = DEFAULTS) -> FileFinding:
    """`refute`, with the options in one."""
    start = time.monotonic()
    given, names = (a, b), (_name(a, "a"), _name(b, "b"))
    paths = Path(names[0]), Path(names[1])
    are_files = all(map(_is_path, given))
    if options.certificate is not None:
        if not are_files:
            raise FormatError("certificate: found networks that are no files, expected two files")
        demand_apart(options.certificate, (*paths, options.vnnlib))
    with external_data() as beside:
        room = options.max_unpacked
        how: dict[str, Any] = {"max_unpacked": room, "opaque_domains": options.opaque_domains}
        one, other = (formats.read(model, raw_nnet=options.raw_nnet, **how) for model in given)
    box, notes = _domain(one, options)
    specification = _specification((one, other))
    for name, network in zip(names, (one, other), strict=True):
        notes += tuple(f"{name}: {note}" for note in network.notes)
        notes += (f"{name}: {network.specification}",) if network.specification != AS_STORED else ()
    unnamed = any(_is_path(model) and formats.format_of(model) == "nnet" for model in given)
    demanded = options.match or (UNNAMED if unnamed else None)
    with about(f"{names[0]}, {names[1]}"):
        other, matching = ports.match(one, other, demanded)
        if are_files and options.certificate is None and _same_bytes(paths, options.max_unpacked):
            found = Finding("equivalent", "same bytes", matching=matching)
        else:
            left = max(options.seconds - (time.monotonic() - start), _LEAST)
            limits = Options(left, options.seed, options.shorten, demanded)
            found = search.refute(one, other, options.question, box, limits)
    notes += found.notes
    written = None
    if are_files and found.verdict == "equivalent" and found.common is not None:
        found, written, why = _certified(paths, (one, other), found, specification, options)
        notes += (why,) if why else ()
    replayed, why_not = _replayed(paths, (one, other), found, options.max_unpacked) if are_files else (None, ())
    files = [file_read(side, path) for side, model, path in zip("ab", given, paths, strict=True) if _is_path(model)]
    files += files_beside(beside)
    files += [file_read("property", options.vnnlib)] if options.vnnlib is not None else []
    files += [file_written("certificate", written)] if written is not None else []
    return FileFinding(
        finding=found,
        domain=box,
        replayed=replayed,
        notes=notes + why_not,
        certificate=written,
        specification=specification,
        inputs=inputs_of(one),
        about_decisions=options.argmax or _decides(one),
        files=tuple(files),
        options=options,
    )


def _is_path(model: Any) -> bool:
    return isinstance(model, str | os.PathLike)


def _name(model: Any, side: str) -> str:
    return os.fspath(model) if _is_path(model) else side


def _decides(network: Network) -> bool:
    """Whether the only output is an index of a largest element."""
    node = network.producer.get(network.outputs[0])
    return len(network.outputs) == 1 and isinstance(node, Head) and node.kind == "argmax"


def _same_bytes(paths: tuple[Path, Path], max_unpacked: int) -> bool:
    """Whether two files are the same, and whatever they keep beside them: weights in a file of their own."""
    if read_bytes(paths[0]) != read_bytes(paths[1]):
        return False
    one, other = (formats.digest(path, max_unpacked=max_unpacked) for path in paths)
    return one == other


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
    return domain_of(options.box, inputs), ()


def _specification(networks: Sequence[Network]) -> str:
    """How both files are read: what one of them needs more than being read as stored."""
    others = sorted({network.specification for network in networks} - {AS_STORED})
    return others[0] if others else AS_STORED


def _certified(
    paths: tuple[Path, Path],
    networks: tuple[Network, Network],
    found: Finding,
    specification: str,
    options: RefuteOptions,
) -> tuple[Finding, Path | None, str]:
    """The finding, if the checker accepts a certificate of it; else `unknown`, and why."""
    assert found.common is not None
    digests = [formats.digest(path, max_unpacked=options.max_unpacked) for path in paths]
    forward, backward = found.common.forward, found.common.backward
    forward, backward = without_opaque(networks[0], forward), without_opaque(networks[1], backward)
    sides = zip(("original", "reduced"), networks, strict=True)
    given = operators(networks[0]), domains(*networks), assumptions(sides)
    claim = Certificate(specification, digests[0], digests[1], forward, backward, found.matching, *given)
    words = certificate.dumps(claim).encode()
    with tempfile.TemporaryDirectory(prefix="exactlump-") as folder:
        proof = Path(folder) / "certificate.json"
        proof.write_bytes(words)
        files = str(paths[0]), str(paths[1]), str(proof)
        verdict = check.check(*files, options.max_unpacked, domains=options.opaque_domains)
    if verdict.verdict != "equivalent":
        reason = f"the checker did not accept the common quotient ({verdict.verdict}: {verdict.reason})"
        return replace(found, verdict="unknown", method="none", common=None), None, reason
    if options.certificate is not None:
        beside = [companions(path, file) for path, file in zip(paths, digests, strict=True)]
        demand_apart(options.certificate, itertools.chain(*beside))
        write_atomically(options.certificate, words, overwrite=options.overwrite)
    return found, options.certificate, ""


def _replayed(
    paths: tuple[Path, Path], networks: Sequence[Network], found: Finding, max_unpacked: int
) -> tuple[tuple[list[float], list[float]] | None, tuple[str, ...]]:
    """The outputs of both files in float32; or why there are none."""
    if found.input is None:
        return None, ()
    try:
        one, other = (replay(path, n, found.input, max_unpacked) for path, n in zip(paths, networks, strict=True))
    except CannotReplay as error:
        return None, (f"not replayed in float32: {error}",)
    return (one, other), ()
