# SPDX-License-Identifier: Apache-2.0
"""This file is about `exactlump prove` as a library call: files in, the solvers' verdict out.

The certificate is bound to the files by their hashes; nothing is taken from the checker: the solvers decide.
"""

import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from exactlump import formats
from exactlump.certificates.certificate import EVERYWHERE, RAW_NNET, Certificate, read_certificate
from exactlump.errors import CannotWrite, NotALumping, UnsupportedLayer, WrongType
from exactlump.formats.files import demand_apart, external_data, write_atomically
from exactlump.formats.specification import batchnorm_of
from exactlump.formats.stating import words_of
from exactlump.network.ports import as_claimed
from exactlump.network.program import Network
from exactlump.numbers.rational import text
from exactlump.smt.bounds import proposed
from exactlump.smt.discharge import Limits
from exactlump.smt.evidence import Evidence
from exactlump.smt.monolithic import Monolithic
from exactlump.smt.obligations import Obligations, Script
from exactlump.smt.prove import Plan, Proof, prove
from exactlump.verbs.answers import FileUse, answer, file_read, file_written, files_beside
from exactlump.verdicts import SCOPE


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
    overwrite     whether scripts with other content may be replaced; evidence is gone on from, never replaced
    """

    solvers: Sequence[str] = ("z3",)
    form: str = "decomposed"
    jobs: int | None = None
    seconds: float | None = None
    memory: int | None = None
    dump: Path | None = None
    evidence: Path | None = None
    max_unpacked: int = formats.MAX_UNPACKED
    overwrite: bool = False


DEFAULTS = ProveOptions()


@dataclass(frozen=True, slots=True)
class FileProof:
    """The verdict on three files, in one word and in words; `proof` is there unless it failed before any solver."""

    verdict: str
    reason: str
    proof: Proof | None
    seconds: float
    files: tuple[FileUse, ...] = ()
    options: ProveOptions = field(default_factory=ProveOptions)

    def __repr__(self) -> str:
        return f"{self.verdict}: {self.reason}"

    def json(self, *, times: bool = True) -> dict[str, Any]:
        """What `--json` prints."""
        proof = self.proof
        words = {
            "verdict": self.verdict,
            "reason": self.reason,
            "form": self.options.form,
            "obligations": proof.obligations if proof else 0,
            "solvers": [{"name": name, "version": version} for name, version in proof.solvers] if proof else [],
            "discharged": proof.discharged if proof else 0,
            "reused": proof.reused if proof else 0,
            "refuted": [finding.json for finding in proof.refuted] if proof else [],
            "unknown": [finding.json for finding in proof.unknown] if proof else [],
            "counterexample": self.counterexample,
            "evidence": str(self.options.evidence) if self.options.evidence else None,
        }
        return answer("prove", words, options=self.options, files=self.files, seconds=self.seconds, times=times)

    @property
    def counterexample(self) -> dict[str, Any] | None:
        """A point at which the networks differ, and their outputs there, as texts; None where there is none."""
        difference = self.proof.difference if self.proof else None
        if difference is None:
            return None
        flat = {
            name: [text(value) for vector in getattr(difference, name) for value in vector]
            for name in ("inputs", "original", "reduced")
        }
        return {"input": flat["inputs"], "outputs": {"original": flat["original"], "reduced": flat["reduced"]}}


def prove_files(
    original: str | os.PathLike[str],
    reduced: str | os.PathLike[str],
    certificate_path: str | os.PathLike[str],
    options: ProveOptions = DEFAULTS,
    listen: Callable[[int, int], None] = lambda done, expected: None,
    **choices: Any,
) -> FileProof:
    """Let solvers decide whether a certificate shows that two network files compute the same function.

    options, choices  how to prove: a `ProveOptions`, or what it has by name, such as solvers=("z3", "cvc5")
    listen            is told how many answers there are, of how many
    Raises FormatError for files that cannot be read, UnsupportedLayer, CannotWrite, WrongType for other options.
    """
    options = _chosen(options, choices)
    start = time.perf_counter()
    if options.evidence is not None:
        demand_apart(options.evidence, (original, reduced, certificate_path))
    claimed = read_certificate(certificate_path)
    if claimed.domain != EVERYWHERE and options.form == "monolithic":
        raise UnsupportedLayer(f"{certificate_path}: found a claim about boxes, expected one about all reals")
    room = options.max_unpacked
    how: dict[str, Any] = {"max_unpacked": room, "opaque_domains": claimed.domains, "shapes": claimed.shapes}
    how["dust"] = claimed.dust
    with external_data() as beside:
        ours, theirs = (formats.read_as(path, claimed.specification, **how) for path in (original, reduced))
    if ours.is_open or theirs.is_open:
        raise UnsupportedLayer("prove: found opaque operators or unknown sizes, of which no obligation speaks yet")
    sides = ("original", "reduced", "certificate")
    files = (*map(file_read, sides, (original, reduced, certificate_path)), *files_beside(beside))
    if reason := _unbound(claimed, original, reduced, room) or _unfit(claimed, ours, theirs):
        return FileProof("rejected", reason, None, time.perf_counter() - start, files, options)
    try:
        theirs = as_claimed(ours, theirs, claimed.matching)
        plan = _plan(ours, theirs, claimed, options.form)
    except NotALumping as error:
        return FileProof("rejected", str(error), None, time.perf_counter() - start, files, options)
    dump = _Dump(options.dump, options.overwrite) if options.dump is not None else None
    proof = _proof(
        ours, theirs, plan, options, {file.role: file.sha256 for file in files if file.role in sides}, dump, listen
    )
    written = [("script", path) for path in dump.written] if dump is not None else []
    written += [("evidence", options.evidence)] if options.evidence is not None else []
    files += tuple(file_written(role, path) for role, path in written)
    reason = _reason(proof)
    if proof.verdict == "equivalent":
        shaped = f"only at inputs of the shapes {words_of(claimed.shapes)}" if claimed.shapes else ""
        where = "; ".join(filter(None, (shaped, _where(claimed.domain))))
        reason = "; ".join(filter(None, (where, reason, SCOPE, claimed.matching.words if claimed.matching else "")))
    return FileProof(proof.verdict, reason, proof, time.perf_counter() - start, files, options)


def _chosen(options: ProveOptions, choices: Mapping[str, Any]) -> ProveOptions:
    """The options with some of them replaced."""
    known = [entry.name for entry in fields(ProveOptions)]
    if wrong := [name for name in choices if name not in known]:
        raise WrongType(f"prove_files: found the option {wrong[0]!r}, expected one of {', '.join(known)}")
    places = {name: Path(choices[name]) for name in ("dump", "evidence") if choices.get(name) is not None}
    return replace(options, **{**choices, **places})


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
    return Obligations(ours, theirs, claimed, form, proposed)


def _where(domain: Any, most: int = 8) -> str:
    """The boxes of a claim in words, as far as there is room; nothing for all reals."""
    if domain == EVERYWHERE:
        return ""
    boxes = domain["boxes"]
    ends = [[f"[{low or '-inf'}, {high or 'inf'}]" for name in box for low, high in box[name]] for box in boxes]
    words = [" x ".join(own[:most]) + (" x ..." if len(own) > most else "") for own in ends]
    return f"only on {' or '.join(words[:2])}{f' or one of {len(words) - 2} more boxes' if len(words) > 2 else ''}"


def _proof(
    ours: Network,
    theirs: Network,
    plan: Plan,
    options: ProveOptions,
    hashes: Mapping[str, str],
    dump: "_Dump | None",
    listen: Callable[[int, int], None],
) -> Proof:
    evidence = Evidence(options.evidence, hashes) if options.evidence is not None else None
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

    def __init__(self, folder: Path, overwrite: bool) -> None:
        self.folder, self.overwrite = folder, overwrite
        self.written: list[Path] = []
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CannotWrite(f"{folder}: found {error.strerror}, expected a folder to write in") from error

    def __call__(self, script: Script) -> None:
        tensor = re.sub(r"[^\w.-]", "_", script.tensor, flags=re.ASCII)[:40]
        name = f"{len(self.written):04d}-{script.side}-{tensor}-{script.number}.smt2"
        write_atomically(self.folder / name, script.text.encode(), overwrite=self.overwrite)
        self.written.append(self.folder / name)


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
