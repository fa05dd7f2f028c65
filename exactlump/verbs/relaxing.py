# SPDX-License-Identifier: Apache-2.0
"""This file is about `exactlump relax` as a library call: a network in, merges with their judgements out."""

import os
import tempfile
import time
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exactlump import formats
from exactlump.errors import CannotWrite, FormatError
from exactlump.formats.files import about, companions, demand_apart, external_data
from exactlump.network.program import Network
from exactlump.numbers.rational import ONE, Vector, text
from exactlump.points.boxes import Box
from exactlump.points.domains import domain_of
from exactlump.refutation.replay import CannotReplay, replay
from exactlump.relaxations import relaxation
from exactlump.relaxations.extremes import Point
from exactlump.relaxations.regions import Cell, used_coordinates
from exactlump.relaxations.relaxation import Judgement, Relaxation, first_parting
from exactlump.verbs.answers import FileUse, answer, file_read, file_written, files_beside
from exactlump.verbs.naming import Input, inputs_of


@dataclass(frozen=True, slots=True)
class RelaxOptions:
    """What to look for, and where.

    layer         the name of one layer, as `inspect` prints it, or of its Dense node's tensor; None: all layers
    terms         how many neurons may stand for one, 1 to 4
    seconds       the limit for each question to Z3, and for the comparison of the networks
    details       for how many wrong merges the region, the nicest and the worst point are looked for
    box           the domain as people write it (`points.domains.domain_of`); None: all reals
    write         where the merged network goes, right or not
    literal       the quotient of Definition 6 as it is printed instead (docs/erratum.md)
    raw_nnet      leave out the normalisation in the header of a .nnet file
    max_unpacked  the most bytes that a .onnx.gz file may unpack to
    overwrite     whether a file with other content may be replaced
    Raises FormatError where options exclude each other, and for other numbers of terms.
    """

    layer: str | None = None
    terms: int = 2
    seconds: float = 10.0
    details: int = 20
    box: Any = None
    write: Path | None = None
    literal: bool = False
    raw_nnet: bool = False
    max_unpacked: int = formats.MAX_UNPACKED
    overwrite: bool = False

    def __post_init__(self) -> None:
        if self.literal and self.layer is not None:
            raise FormatError("literal and layer: found both, expected one of them")
        if self.terms not in range(1, 5):
            raise FormatError(f"terms: found {self.terms}, expected 1 to 4")


DEFAULTS = RelaxOptions()


@dataclass(frozen=True, slots=True)
class FileRelaxation:
    """A relaxation of a network; replayed: the float32 outputs of both networks, where a runtime runs both.

    inputs  what their elements are called
    """

    relaxation: Relaxation
    domain: str
    replayed: tuple[list[float], list[float]] | None
    written: Path | None
    inputs: tuple[Input, ...]
    files: tuple[FileUse, ...]
    options: RelaxOptions
    seconds: float

    def __repr__(self) -> str:
        return f"{self.verdict}: {self.reason}"

    @property
    def verdict(self) -> str:
        """The word "equivalent" if all merges are right on the whole domain, "different", or "unknown"."""
        return self.relaxation.verdict

    @property
    def reason(self) -> str:
        """The verdict in words."""
        return self.relaxation.reason

    @property
    def changed(self) -> bool:
        """Whether the merged network has fewer hidden neurons."""
        return self.relaxation.merged.neurons < self.relaxation.original.neurons

    def json(self, *, times: bool = True) -> dict[str, Any]:
        """What `--json` prints (docs/relaxation.md)."""
        found = self.relaxation
        words = {
            "verdict": found.verdict,
            "reason": found.reason,
            "domain": self.domain,
            "neurons": {"before": found.original.neurons, "after": found.merged.neurons},
            "changed": self.changed,
            "merges": [judgement_json(judgement) for judgement in found.judgements],
            "counterexample": self._counterexample(),
            "worst": self._worst(),
            "written": str(self.written) if self.written else None,
            "notes": list(found.notes),
        }
        return answer("relax", words, options=self.options, files=self.files, seconds=self.seconds, times=times)

    def _counterexample(self) -> dict[str, Any] | None:
        finding = self.relaxation.finding
        if finding is None or finding.input is None or finding.outputs is None:
            return None
        return {
            "input": [text(value) for value in finding.input],
            "outputs": {
                name: [text(value) for value in side]
                for name, side in zip(("original", "merged"), finding.outputs, strict=True)
            },
            "gap": None if finding.gap is None else text(finding.gap),
            "method": finding.method,
            "parts_at": first_parting(self.relaxation.original, self.relaxation.merged, finding.input),
            "replayed": dict(zip(("original", "merged"), self.replayed, strict=True)) if self.replayed else None,
        }

    def _worst(self) -> dict[str, Any] | None:
        worst = self.relaxation.worst
        if worst is None:
            return None
        return {"input": [text(value) for value in worst.x], "gap": text(worst.gap), "largest": worst.is_largest}


def relax(
    model: Any,
    *,
    layer: str | None = None,
    terms: int = 2,
    seconds: float = 10.0,
    details: int = 20,
    box: Any = None,
    write: str | os.PathLike[str] | None = None,
    literal: bool = False,
    raw_nnet: bool = False,
    max_unpacked: int = formats.MAX_UNPACKED,
    overwrite: bool = False,
) -> FileRelaxation:
    """Say which neurons are linear combinations of others, and where replacing them is right (docs/relaxation.md).

    model: whatever `read` takes.  The options are those of `RelaxOptions`.
    Raises FormatError, ShapeError, UnsupportedLayer; CannotWrite when the merged weights do not fit the file's numbers.

    >>> from exactlump import Network
    >>> relax(Network.chain([[[1, 2], [2, 1], [3, 3]], [[1, -1, 2]]]), box=(0, 1))
    equivalent: 1 merge, right everywhere on box [0, 1]
    """
    place = Path(write) if write is not None else None
    options = RelaxOptions(layer, terms, seconds, details, box, place, literal, raw_nnet, max_unpacked, overwrite)
    return relax_file(model, options)


def relax_file(model: Any, options: RelaxOptions = DEFAULTS) -> FileRelaxation:
    """`relax`, with the options in one."""
    start = time.perf_counter()
    source = Path(model) if isinstance(model, str | os.PathLike) else None
    if options.write is not None:
        _demand_place(options.write, source, options.max_unpacked)
    with external_data() as beside:
        network = formats.read(model, raw_nnet=options.raw_nnet, max_unpacked=options.max_unpacked)
    network.demand_closed("relax")
    box: Box | None = None
    with about(source) if source is not None else nullcontext():
        if options.box is not None:
            box = domain_of(options.box, sum(network.views[port.name].elements for port in network.inputs))
        search = relaxation.RelaxOptions(options.layer, options.terms, options.seconds, options.details)
        find = relaxation.relax_literally if options.literal else relaxation.relax
        found = find(network, search, box)
    files = [file_read("original", source), *files_beside(beside)] if source is not None else []
    if options.write is not None:
        formats.write(found.merged, options.write, overwrite=options.overwrite)
        files.append(file_written("merged", options.write))
    at = found.finding.input if found.finding else None
    replayed = None
    if source is not None and at is not None:
        replayed = _replayed(source, network, found.merged, at, options.max_unpacked)
    return FileRelaxation(
        relaxation=found,
        domain=box.name if box else "all reals",
        replayed=replayed,
        written=options.write,
        inputs=inputs_of(network),
        files=tuple(files),
        options=options,
        seconds=time.perf_counter() - start,
    )


def _demand_place(place: Path, source: Path | None, max_unpacked: int) -> None:
    """Raise CannotWrite where the merged network would replace what is read, FormatError for another suffix."""
    with about(place):
        formats.format_of(place)
    if source is not None:
        demand_apart(place, [source])
        demand_apart(place, companions(source, formats.digest(source, max_unpacked=max_unpacked)))


def _replayed(
    source: Path, network: Network, small: Network, x: Vector, room: int
) -> tuple[list[float], list[float]] | None:
    """The outputs of both in float32; None where one of them has no ONNX file, or there is no runtime."""
    try:
        with tempfile.TemporaryDirectory() as folder:
            other = Path(folder) / "merged.onnx"
            formats.write(small, other)
            return replay(source, network, x, room), replay(other, small, x, room)
    except (CannotWrite, CannotReplay):
        return None


def judgement_json(judgement: Judgement) -> dict[str, Any]:
    """One merge, for `--json`."""
    merge = judgement.merge
    return {
        "layer": judgement.layer.name,
        "neuron": merge.target,
        "terms": [[v, text(r)] for v, r in zip(merge.sources, merge.coefficients, strict=True)],
        "equation": words(judgement),
        "right": "everywhere" if judgement.exact else "on the region",
        "z3": {"unsat": "discharged", "sat": "refuted"}.get(judgement.discharged, "unknown"),
        "offset": None if judgement.offset is None else text(judgement.offset),
        "region": None if judgement.cells is None else [cell_words(judgement, cell) for cell in judgement.cells],
        "share": _share(judgement),
        "point": _point(judgement, judgement.point, "nicest"),
        "worst": _point(judgement, judgement.worst, "largest"),
    }


def _share(judgement: Judgement) -> dict[str, Any] | None:
    share = judgement.share
    if share is None:
        return None
    if share.samples:
        return {"estimate": share.value, "samples": share.samples}
    return {"exact": text(share.value)}


def _point(judgement: Judgement, point: Point | None, best: str) -> dict[str, Any] | None:
    """A point by the names of the coordinates that the merge reads; `best` says whether it was shown to be best."""
    if point is None:
        return None
    names = judgement.layer.names
    axes = used_coordinates([row for _, row in judgement.combination.parts])
    at = {f"{names[i][0]}[{names[i][1]}]": text(point.z[i]) for i in axes}
    return {"at": at, "defect": text(point.defect), best: point.is_best}


def words(judgement: Judgement) -> str:
    """A merge as an equation between values before the activation.

    The neurons are named by their numbers: `n3 = 2*n0 - 1/2*n1`.
    """
    merge = judgement.merge
    parts = []
    for r, v in zip(merge.coefficients, merge.sources, strict=True):
        size = "" if abs(r) == ONE else f"{text(abs(r))}*"
        parts.append(f"{'-' if r < 0 else '+'} {size}n{v}")
    right = " ".join(parts).removeprefix("+ ") if parts else "0"
    return f"n{merge.target} = {right.replace('- ', '-', 1) if right.startswith('- ') else right}"


def cell_words(judgement: Judgement, cell: Cell) -> str:
    """A cell of the region, in signs of neurons before their activation."""
    names = [*(f"n{v}" for v in judgement.merge.sources), f"n{judgement.merge.target}"]
    return ", ".join(
        f"{name} {'>=' if sign > 0 else '<='} 0" for name, sign in zip(names, (*cell.sources, cell.target), strict=True)
    )
