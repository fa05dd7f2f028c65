# SPDX-License-Identifier: Apache-2.0
"""This file is about `exactlump verify` as a library call: a VNN-LIB query and network files in, an answer out.

`unsat` is said only after `exactlump/check.py`, run as a program of its own, has accepted a certificate.
"""

import os
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from exactlump import formats
from exactlump.bounding.certifying import dumps
from exactlump.errors import CannotWrite, FormatError, ShapeError, Undecided, UnsupportedLayer
from exactlump.formats.files import (
    MAX_UNPACKED,
    about,
    demand_apart,
    external_data,
    read_bytes,
    unpack,
    write_atomically,
    write_together,
)
from exactlump.formats.specification import AS_STORED
from exactlump.network.program import Network
from exactlump.numbers.rational import Vector, text
from exactlump.queries.assignments import assignment_text
from exactlump.queries.query import EQUAL, REAL, Query
from exactlump.queries.read import read_query
from exactlump.refutation.replay import CannotReplay, replay
from exactlump.verbs.answers import FileUse, answer, file_read, file_written, files_beside
from exactlump.verbs.checkingqueries import Checked, run_query_check
from exactlump.verbs.serialising import rounded_text, serialised
from exactlump.verification.answers import Answer, Answering
from exactlump.verification.certifying import query_certificate

Listener = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class VerifyOptions:
    """How to answer a query.

    networks      by the names that the query declares; one that is equal to another one needs none
    seconds       the time limit, reading and checking included
    element_type  "real": read a query about floats as one about the reals; None: such a query is an error
    certificate   where the certificate goes, if the answer is `unsat`
    serialise     the folder where the assignment goes as ONNX tensors, if the answer is `sat`
    seed          of the random points; jobs: processes of the checker
    max_unpacked  the most bytes that a .gz file may unpack to
    overwrite     whether files with other content may be replaced
    """

    networks: Mapping[str, Path]
    seconds: float = 60.0
    element_type: str | None = None
    certificate: Path | None = None
    serialise: Path | None = None
    seed: int = 0
    jobs: int = 1
    max_unpacked: int = MAX_UNPACKED
    overwrite: bool = False


@dataclass(frozen=True, slots=True)
class FileAnswer:
    """What was found about a query.

    verdict     sat, unsat, unknown or timed-out
    query       as it was read; values: of all its variables, where it is sat
    in_floats   whether all inputs of the assignment are float32 numbers
    replayed    whether the assignment satisfies the query in float32, too; None where no runtime was asked
    cases       how many cases the query has, and how many need no network to be decided
    boxes       how many boxes were bounded in floats; leaves: how many the trees of the certificate have
    size        bytes of the certificate; checked: what the checker said, and how long it took
    """

    verdict: str
    query: Query
    values: Vector | None = None
    in_floats: bool = False
    replayed: bool | None = None
    cases: tuple[int, int] = (0, 0)
    boxes: int = 0
    leaves: int = 0
    size: int = 0
    checked: Checked | None = None
    certificate: Path | None = None
    notes: tuple[str, ...] = ()
    files: tuple[FileUse, ...] = ()
    options: VerifyOptions = field(default_factory=lambda: VerifyOptions({}))
    seconds: float = 0.0

    def __repr__(self) -> str:
        return f"{self.verdict} ({self.cases[0]} cases, {self.leaves} leaves)"

    @property
    def assignment(self) -> str:
        """The assignment as the standard prints it; empty where there is none.

        An output that has no decimal of at most 4000 characters is rounded to 40 digits.
        """
        if self.values is None:
            return ""
        try:
            return assignment_text(self.query, self.values)
        except CannotWrite:
            return rounded_text(self.query, self.values)

    @property
    def tensors(self) -> dict[str, list[str]]:
        """The assignment in exact rationals, port by port."""
        if self.values is None:
            return {}
        ends = zip(self.query.ports, self.query.starts, strict=False)
        return {port.name: [*map(text, self.values[at : at + port.size])] for port, at in ends}

    def json(self, *, times: bool = True) -> dict[str, Any]:
        """What `--json` prints."""
        checked = None
        if self.checked is not None:
            checked = {"verdict": self.checked.verdict, "reason": self.checked.reason, "seconds": self.checked.seconds}
        words = {
            "verdict": self.verdict,
            "assignment": self.tensors or None,
            "in_floats": self.in_floats,
            "replayed": self.replayed,
            "cases": self.cases[0],
            "vacuous": self.cases[1],
            "boxes": self.boxes,
            "leaves": self.leaves,
            "size": self.size,
            "checked": checked,
            "notes": list(self.notes),
            "certificate": str(self.certificate) if self.certificate else None,
        }
        return answer("verify", words, options=self.options, files=self.files, seconds=self.seconds, times=times)


def verify(
    query: str | os.PathLike[str],
    networks: Mapping[str, str | os.PathLike[str]] | str | os.PathLike[str],
    *,
    seconds: float = 60.0,
    element_type: str | None = None,
    certificate: str | os.PathLike[str] | None = None,
    seed: int = 0,
    jobs: int = 1,
    max_unpacked: int = MAX_UNPACKED,
    overwrite: bool = False,
) -> FileAnswer:
    """Whether some inputs satisfy a VNN-LIB query, over the reals: sat with an exact assignment, unsat, or neither.

    query     the file, in version 1.0 or 2.0; .gz, too
    networks  files by the names that the query declares; one file alone, if it declares one network
    The other options are those of `VerifyOptions`.  Raises FormatError (ShapeError) for files and options that do not
    fit, UnsupportedLayer for what no rule covers and for queries about floats, CannotWrite.
    """
    given = {"": networks} if isinstance(networks, str | os.PathLike) else networks
    options = VerifyOptions(
        {name: Path(path) for name, path in given.items()},
        seconds,
        element_type,
        Path(certificate) if certificate is not None else None,
        seed=seed,
        jobs=jobs,
        max_unpacked=max_unpacked,
        overwrite=overwrite,
    )
    return verify_files(Path(query), options)


def verify_files(path: Path, options: VerifyOptions, listen: Listener = lambda _: None) -> FileAnswer:
    """`verify`, with the options in one; listen: told what is done."""
    start = time.monotonic()
    query, notes = _read(path, options)
    options = replace(options, networks=_named(query, options.networks))
    demand_apart(options.certificate or path, [*options.networks.values(), *([path] if options.certificate else [])])
    with external_data() as beside:
        own = {name: formats.read(file, max_unpacked=options.max_unpacked) for name, file in options.networks.items()}
    for name, network in own.items():
        network.demand_closed(f"network {name}")
    networks = {n.name: own[n.other if n.relation == EQUAL else n.name] for n in query.networks}
    _demand_fit(query, networks)
    notes += [f"{name}: {note}" for name, network in own.items() for note in network.notes]
    notes += [f"{name}: {n.specification}" for name, n in own.items() if n.specification != AS_STORED]
    found = _answered(query, networks, path, options, start, listen)
    files = [file_read("query", path), *(file_read(f"network {n}", file) for n, file in options.networks.items())]
    files += files_beside(beside)
    found = replace(found, notes=(*notes, *found.notes))
    written = _written(found, options)
    return replace(found, files=(*files, *written), options=options, seconds=time.monotonic() - start)


def _read(path: Path, options: VerifyOptions) -> tuple[Query, list[str]]:
    """The query, about the reals."""
    if options.element_type not in (None, REAL):
        raise FormatError(f"element type: found {options.element_type!r}, expected {REAL}, the only one that is sound")
    with about(path):
        content = read_bytes(path)
        query = read_query(unpack(content, options.max_unpacked) if path.name.lower().endswith(".gz") else content)
        others = {port.element_type: port.name for port in query.ports if port.element_type != REAL}
        if not others:
            return query, []
        kind, name = next(iter(others.items()))
        if options.element_type is None:
            raise UnsupportedLayer(
                f"{name}: found the element type {kind}, expected {REAL}: answers are sound for {REAL} only "
                f"(--element-type {REAL} reads the query over the reals)"
            )
        networks = tuple(
            replace(
                network,
                inputs=tuple(replace(port, element_type=REAL) for port in network.inputs),
                outputs=tuple(replace(port, element_type=REAL) for port in network.outputs),
            )
            for network in query.networks
        )
        return replace(query, networks=networks), [f"the query is about {kind}; it is read over the reals, as asked"]


def _named(query: Query, given: Mapping[str, Path]) -> dict[str, Path]:
    """The files by name.  Raises FormatError for other names than the query needs."""
    needed, equal = query.needed, {n.name: n.other for n in query.networks if n.relation == EQUAL}
    if len(given) == len(needed) == 1 and (query.version == "1.0" or "" in given):
        return dict(zip(needed, given.values(), strict=True))
    for name, file in given.items():
        if name in equal and equal[name] in given and formats.digest(file) != formats.digest(given[equal[name]]):
            raise FormatError(f"--network {name}: found another file than that of {equal[name]}, to which it is equal")
        if name not in needed and name not in equal:
            raise FormatError(f"--network {name or 'NAME'}: found a file, expected none: the query has no such network")
    missing = [name for name in needed if name not in given]
    if missing:
        raise FormatError(f"--network: found none for {', '.join(missing)}, expected one for {', '.join(needed)}")
    return {name: given[name] for name in needed}


def _demand_fit(query: Query, networks: Mapping[str, Network]) -> None:
    """Raise ShapeError unless the networks have the inputs and outputs that the query declares."""
    for declared in query.networks:
        network = networks[declared.name]
        inputs = [network.units(port.name) for port in network.inputs]
        outputs = [network.views[name].elements for name in network.outputs]
        for what, ports, sizes in (("inputs", declared.inputs, inputs), ("outputs", declared.outputs, outputs)):
            if [port.size for port in ports] != sizes:
                wanted = [port.size for port in ports]
                raise ShapeError(f"network {declared.name}: {what} of sizes: found {sizes}, expected {wanted}")


def _answered(
    query: Query, networks: Mapping[str, Network], path: Path, options: VerifyOptions, start: float, listen: Listener
) -> FileAnswer:
    """The answer, checked where it is `unsat`."""
    until = start + options.seconds
    files = {n.name: options.networks[n.other if n.relation == EQUAL else n.name] for n in query.networks}

    def replayed(name: str, x: Vector) -> list[float] | None:
        """The outputs of a network in float32, where a runtime runs it."""
        try:
            return replay(files[name], networks[name], x, options.max_unpacked)
        except CannotReplay:
            return None

    try:
        work = Answering(query, networks, until, replay=replayed, seed=options.seed, listen=listen)
        found = work.run()
    except Undecided as error:
        return FileAnswer("unknown", query, notes=(str(error),))
    notes = list(found.notes)
    if found.vacuous:
        notes.insert(0, "the query has no solution whatever the networks are: its assertions contradict each other")
    known = FileAnswer(
        "timed-out" if found.late or time.monotonic() > until else "unknown",
        query,
        cases=(found.cases, len(found.conflicts)),
        boxes=found.boxes,
        leaves=found.leaves,
        notes=tuple(notes),
    )
    if found.solution is not None:
        solution = found.solution
        return replace(
            known, verdict="sat", values=solution.values, in_floats=solution.in_floats, replayed=solution.replayed
        )
    return _checked(known, found, work, path, networks, options, until, listen) if found.done else known


def _checked(
    known: FileAnswer,
    found: Answer,
    work: Answering,
    path: Path,
    networks: Mapping[str, Network],
    options: VerifyOptions,
    until: float,
    listen: Listener,
) -> FileAnswer:
    """`unsat` if the checker accepts the certificate; refused leaves are halved again, once."""
    digests = {name: formats.digest(file, max_unpacked=options.max_unpacked) for name, file in options.networks.items()}
    (query,) = (file_read("query", path),)
    others = sorted({networks[name].specification for name in options.networks} - {AS_STORED})
    for again in (False, True):
        document = query_certificate(found, query.sha256, digests, others[0] if others else AS_STORED)
        content = dumps(document).encode()
        listen(f"checking {sum(len(shown.tree.splits) for shown in found.shown)} boxes")
        with tempfile.TemporaryDirectory(prefix="exactlump-") as folder:
            proof = Path(folder) / "certificate.json"
            proof.write_bytes(content)
            left = until - time.monotonic()
            checked = run_query_check(path, options.networks, proof, options.max_unpacked, options.jobs, left)
        known = replace(known, checked=checked, size=len(content), leaves=found.leaves)
        if checked is None:
            return replace(known, verdict="timed-out", notes=(*known.notes, "the certificate was not checked in time"))
        if checked.verdict == "unsat":
            if options.certificate is not None:
                write_atomically(options.certificate, content, overwrite=options.overwrite)
            return replace(known, verdict="unsat", certificate=options.certificate)
        note = f"the checker did not accept a proof ({checked.verdict}: {checked.reason})"
        known = replace(known, verdict="unknown", notes=(*known.notes, note))
        if again or checked.verdict != "rejected" or not work.mend():
            break
    return replace(known, verdict="timed-out") if time.monotonic() > until else known


def _written(found: FileAnswer, options: VerifyOptions) -> list[FileUse]:
    """The files that were written: the certificate is there, the assignment is written now."""
    written = [file_written("certificate", found.certificate)] if found.certificate is not None else []
    if options.serialise is not None and found.values is not None:
        options.serialise.mkdir(parents=True, exist_ok=True)
        tensors = serialised(found.query, found.values)
        contents = {str(options.serialise / f"{name}.pb"): data for name, data in tensors.items()}
        write_together(contents, overwrite=options.overwrite)
        written += [file_written("assignment", path) for path in contents]
    return written
