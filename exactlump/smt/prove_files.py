# SPDX-License-Identifier: Apache-2.0
"""This file is about `exactlump prove` as a library call: files in, the solvers' verdict out.

The certificate is bound to the files by their hashes; nothing is taken from the checker: the solvers decide.
"""

import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from exactlump import formats
from exactlump.certificate import RAW_NNET, Certificate, read_certificate
from exactlump.errors import CannotWrite, NotALumping
from exactlump.formats.files import demand_apart, sha256, write_atomically
from exactlump.formats.specification import batchnorm_of
from exactlump.network import Network
from exactlump.ports import SCOPE, as_claimed
from exactlump.smt.discharge import Limits
from exactlump.smt.evidence import Evidence
from exactlump.smt.monolithic import Monolithic
from exactlump.smt.obligations import Obligations, Script
from exactlump.smt.prove import Plan, Proof, prove


@dataclass(frozen=True, slots=True)
class FileProof:
    """The verdict on three files, in one word and in words; `proof` is there unless it failed before any solver."""

    verdict: str
    reason: str
    proof: Proof | None
    seconds: float


@dataclass(frozen=True, slots=True)
class ProveOptions:
    """How to prove.

    solvers       "z3", "cvc5", or both
    form          "decomposed", "direct", or "monolithic" for the whole-network question
    jobs          processes; None: one a core
    seconds       for each script
    memory        bytes, for each process
    dump          a folder for the scripts
    evidence      a file for what is found, and for what an earlier run found
    max_unpacked  the most bytes that a .onnx.gz file may unpack to
    """

    solvers: Sequence[str] = ("z3",)
    form: str = "decomposed"
    jobs: int | None = None
    seconds: float | None = None
    memory: int | None = None
    dump: Path | None = None
    evidence: Path | None = None
    max_unpacked: int = formats.MAX_UNPACKED


DEFAULTS = ProveOptions()


def prove_files(
    original: str | os.PathLike[str],
    reduced: str | os.PathLike[str],
    certificate_path: str | os.PathLike[str],
    options: ProveOptions = DEFAULTS,
    listen: Callable[[int, int], None] = lambda done, expected: None,
) -> FileProof:
    """Let solvers decide whether a certificate shows that two network files compute the same function.

    listen: is told how many answers there are, of how many.
    Raises FormatError for files that cannot be read, UnsupportedLayer, CannotWrite.
    """
    start = time.perf_counter()
    if options.evidence is not None:
        demand_apart(options.evidence, (original, reduced, certificate_path))
    claimed = read_certificate(certificate_path)
    room = options.max_unpacked
    ours, theirs = (formats.read_as(path, claimed.specification, max_unpacked=room) for path in (original, reduced))
    if reason := _unbound(claimed, original, reduced, room) or _unfit(claimed, ours, theirs):
        return FileProof("rejected", reason, None, time.perf_counter() - start)
    try:
        theirs = as_claimed(ours, theirs, claimed.matching)
        plan = _plan(ours, theirs, claimed, options.form)
    except NotALumping as error:
        return FileProof("rejected", str(error), None, time.perf_counter() - start)
    hashes = {name: sha256(Path(path)) for name, path in (("original", original), ("reduced", reduced))}
    hashes["certificate"] = sha256(Path(certificate_path))
    proof = _proof(ours, theirs, plan, options, hashes, listen)
    reason = _reason(proof)
    if proof.verdict == "equivalent":
        reason = "; ".join(filter(None, (reason, SCOPE, claimed.matching.words if claimed.matching else "")))
    return FileProof(proof.verdict, reason, proof, time.perf_counter() - start)


def _unbound(
    claimed: Certificate, original: str | os.PathLike[str], reduced: str | os.PathLike[str], max_unpacked: int
) -> str:
    """Why a certificate is not about two files; nothing if it is."""
    for side, entry, path in (("original", claimed.original, original), ("reduced", claimed.reduced, reduced)):
        if formats.digest(path, max_unpacked=max_unpacked) != entry:
            return f"{side}: the certificate is about another file than {path}: hashes differ"
    if claimed.specification == RAW_NNET and not (_is_nnet(original) or _is_nnet(reduced)):
        return "claim: the specification is 'raw nnet', but no file is .nnet"
    return ""


def _unfit(claimed: Certificate, ours: Network, theirs: Network) -> str:
    """Why a specification is not how two networks were read; nothing if it is."""
    found = {n.specification for n in (ours, theirs) if batchnorm_of(n.specification) is not None}
    expected = {claimed.specification} if batchnorm_of(claimed.specification) is not None else set()
    if found == expected:
        return ""
    read = f"files with {' and '.join(sorted(found))}" if found else "no batch normalisation in the files"
    return f"claim: the specification is {claimed.specification!r}, but there is {read}"


def _plan(ours: Network, theirs: Network, claimed: Certificate, form: str) -> Plan:
    if form == "monolithic":
        return Monolithic(ours, theirs)
    return Obligations(ours, theirs, claimed, form)


def _proof(
    ours: Network,
    theirs: Network,
    plan: Plan,
    options: ProveOptions,
    hashes: Mapping[str, str],
    listen: Callable[[int, int], None],
) -> Proof:
    evidence = Evidence(options.evidence, hashes) if options.evidence is not None else None
    dump = _Dump(options.dump) if options.dump is not None else None
    try:
        return prove(
            ours,
            theirs,
            plan,
            options.solvers,
            jobs=options.jobs,
            limits=Limits(options.seconds, options.memory),
            evidence=evidence,
            seen=dump if dump is not None else lambda _: None,
            listen=listen,
        )
    finally:
        if evidence is not None:
            evidence.close()


class _Dump:
    """A folder that scripts are written to, numbered in their order."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.count = folder, 0
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CannotWrite(f"{folder}: found {error.strerror}, expected a folder to write in") from error

    def __call__(self, script: Script) -> None:
        tensor = re.sub(r"[^\w.-]", "_", script.tensor, flags=re.ASCII)[:40]
        name = f"{self.count:04d}-{script.side}-{tensor}-{script.number}.smt2"
        write_atomically(self.folder / name, script.text.encode())
        self.count += 1


def _reason(proof: Proof) -> str:
    by = " and ".join(f"{name} {version}" for name, version in proof.solvers)
    if proof.verdict == "equivalent":
        recorded = f"; {proof.reused} answers as the evidence file records them" if proof.reused else ""
        return f"{proof.obligations} obligations, all discharged by {by}{recorded}"
    if proof.refuted:
        first = proof.refuted[0]
        differ = "; the networks differ" if proof.difference is not None else ""
        return f"{first.obligation.claim}: refuted by {first.solver}{differ}"
    first = proof.unknown[0]
    left = f"{len(proof.unknown)} of {proof.obligations * len(proof.solvers)} answers are missing"
    return f"{left}, the first for: {first.obligation.claim} ({first.solver}: {first.reason})"


def _is_nnet(path: str | os.PathLike[str]) -> bool:
    return formats.format_of(path) == "nnet"
