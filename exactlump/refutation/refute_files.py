# SPDX-License-Identifier: Apache-2.0
"""This file is about `exactlump refute` as a library call: two model files in, a verdict with its evidence out.

`equivalent` by a common quotient is said only after `exactlump/check.py` has accepted a certificate for the two files.
"""

import itertools
import os
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from exactlump import certificate, check, formats
from exactlump.certificate import Certificate
from exactlump.errors import ShapeError
from exactlump.formats.files import about, companions, demand_apart, read_bytes, write_atomically
from exactlump.formats.specification import AS_STORED
from exactlump.network import Network
from exactlump.ports import UNNAMED, match
from exactlump.rational import text
from exactlump.refutation.domain import Box, cube, everything
from exactlump.refutation.question import Question
from exactlump.refutation.refute import Finding, Options, refute
from exactlump.refutation.replay import CannotReplay, replay
from exactlump.refutation.vnnlib import read_box


@dataclass(frozen=True, slots=True)
class RefuteOptions:
    """How to compare two files.

    box           two bounds for every input, as decimals or p/q; or `vnnlib`, a property file; else all reals
    certificate   where a certificate of equivalence goes
    match         how inputs and outputs are matched: "name", "position", or None for what the names say
    """

    question: Question = field(default_factory=Question)
    box: tuple[str, str] | None = None
    vnnlib: Path | None = None
    search: Options = field(default_factory=Options)
    certificate: Path | None = None
    match: str | None = None
    raw_nnet: bool = False
    max_unpacked: int = formats.MAX_UNPACKED


@dataclass(frozen=True, slots=True)
class FileFinding:
    """What was found about two files; `replayed` are the outputs in float32, where a runtime runs both files.

    specification: how files are read that alone do not say all (docs/certificate-format.md, "claim").
    """

    finding: Finding
    question: Question
    domain: Box
    replayed: tuple[list[float], list[float]] | None
    notes: tuple[str, ...]
    certificate: Path | None
    specification: str = AS_STORED

    @property
    def json(self) -> dict[str, Any]:
        """What `--json` prints."""
        found, at = self.finding, self.finding.parting
        outputs = (
            dict(zip("ab", ([text(y) for y in side] for side in found.outputs), strict=True)) if found.outputs else None
        )
        return {
            "verdict": found.verdict,
            "input": [text(x) for x in found.input] if found.input is not None else None,
            "outputs": outputs,
            "replayed": dict(zip("ab", self.replayed, strict=True)) if self.replayed else None,
            "method": found.method,
            "question": str(self.question),
            "epsilon": text(self.question.epsilon) if self.question.epsilon is not None else None,
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
            "seconds": round(found.seconds, 3),
        }


def refute_files(
    a: str | os.PathLike[str], b: str | os.PathLike[str], options: RefuteOptions | None = None
) -> FileFinding:
    """Compare two model files: an exact input where they differ, or equivalence, or `unknown`.

    Inputs and outputs are in the order of the first file's.
    Raises FormatError, ShapeError, UnsupportedLayer, NoExactValue, CannotWrite.
    """
    options = options or RefuteOptions()
    paths = Path(a), Path(b)
    if options.certificate is not None:
        demand_apart(options.certificate, (*paths, options.vnnlib))
    networks = [formats.read(path, raw_nnet=options.raw_nnet, max_unpacked=options.max_unpacked) for path in paths]
    box, notes = _domain(networks[0], options)
    specification = _specification(networks)
    for path, network in zip(paths, networks, strict=True):
        notes += tuple(f"{path}: {note}" for note in network.notes)
        notes += (f"{path}: {network.specification}",) if network.specification != AS_STORED else ()
    demanded = options.match or (UNNAMED if any(formats.format_of(path) == "nnet" for path in paths) else None)
    with about(f"{paths[0]}, {paths[1]}"):
        networks[1], matching = match(networks[0], networks[1], demanded)
        if options.certificate is None and _same_bytes(paths, options.max_unpacked):
            found = Finding("equivalent", "same bytes", matching=matching)
        else:
            search = replace(options.search, match=demanded)
            found = refute(networks[0], networks[1], options.question, box, search)
    notes += found.notes
    written = None
    if found.verdict == "equivalent" and found.common is not None:
        found, written, why = _certified(paths, found, specification, options)
        notes += (why,) if why else ()
    replayed, why_not = _replayed(paths, networks, found, options.max_unpacked)
    return FileFinding(found, options.question, box, replayed, notes + why_not, written, specification)


def _same_bytes(paths: tuple[Path, Path], max_unpacked: int) -> bool:
    """Whether two files are the same, and whatever they keep beside them: weights in a file of their own."""
    if read_bytes(paths[0]) != read_bytes(paths[1]):
        return False
    one, other = (formats.digest(path, max_unpacked=max_unpacked) for path in paths)
    return one == other


def _domain(network: Network, options: RefuteOptions) -> tuple[Box, tuple[str, ...]]:
    """The domain, and what is to be said about it."""
    inputs = sum(network.units(port.name) for port in network.inputs)
    if options.vnnlib is not None:
        found = read_box(options.vnnlib)
        if len(found.box.lower) != inputs:
            raise ShapeError(f"{options.vnnlib}: found {len(found.box.lower)} inputs, expected the networks' {inputs}")
        return found.box, (f"{options.vnnlib}: {found.note}",) if found.note else ()
    if options.box is not None:
        with about("--box"):
            return cube(*options.box, inputs), ()
    return everything(inputs), ()


def _specification(networks: Sequence[Network]) -> str:
    """How both files are read: what one of them needs more than being read as stored."""
    others = sorted({network.specification for network in networks} - {AS_STORED})
    return others[0] if others else AS_STORED


def _certified(
    paths: tuple[Path, Path], found: Finding, specification: str, options: RefuteOptions
) -> tuple[Finding, Path | None, str]:
    """The finding, if the checker accepts a certificate of it; else `unknown`, and why."""
    assert found.common is not None
    digests = [formats.digest(path, max_unpacked=options.max_unpacked) for path in paths]
    forward, backward = found.common.forward, found.common.backward
    claim = Certificate(specification, digests[0], digests[1], forward, backward, found.matching)
    words = certificate.dumps(claim).encode()
    with tempfile.TemporaryDirectory(prefix="exactlump-") as folder:
        proof = Path(folder) / "certificate.json"
        proof.write_bytes(words)
        verdict = check.check(str(paths[0]), str(paths[1]), str(proof), options.max_unpacked)
    if verdict.verdict != "equivalent":
        reason = f"the checker did not accept the common quotient ({verdict.verdict}: {verdict.reason})"
        return replace(found, verdict="unknown", method="none", common=None), None, reason
    if options.certificate is not None:
        beside = [companions(path, file) for path, file in zip(paths, digests, strict=True)]
        demand_apart(options.certificate, itertools.chain(*beside))
        write_atomically(options.certificate, words)
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
