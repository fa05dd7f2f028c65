# SPDX-License-Identifier: Apache-2.0
"""This file is about `exactlump relax` as a library call: a model file in, merges with their judgements out."""

import os
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from exactlump import formats
from exactlump.errors import CannotWrite
from exactlump.formats.files import about, companions, demand_apart
from exactlump.network import Network
from exactlump.rational import ONE, Vector, text
from exactlump.refutation.domain import Box, cube
from exactlump.refutation.replay import CannotReplay, replay
from exactlump.relaxations.extremes import Point
from exactlump.relaxations.regions import Cell, used_coordinates
from exactlump.relaxations.relaxation import Judgement, Relaxation, RelaxOptions, first_parting, relax, relax_literally


@dataclass(frozen=True, slots=True)
class FileRelaxOptions:
    """box: two bounds for every input, decimals or p/q; write: where the merged network goes, right or not."""

    search: RelaxOptions = field(default_factory=RelaxOptions)
    box: tuple[str, str] | None = None
    write: Path | None = None
    literal: bool = False
    raw_nnet: bool = False
    max_unpacked: int = formats.MAX_UNPACKED


@dataclass(frozen=True, slots=True)
class FileRelaxation:
    """A relaxation of a file; replayed: the float32 outputs of both networks, where a runtime runs both."""

    relaxation: Relaxation
    domain: str
    replayed: tuple[list[float], list[float]] | None
    written: Path | None
    seconds: float

    @property
    def json(self) -> dict[str, Any]:
        """What `--json` prints (docs/relaxation.md)."""
        found = self.relaxation
        return {
            "verdict": found.verdict,
            "reason": found.reason,
            "domain": self.domain,
            "neurons": {"before": found.original.neurons, "after": found.merged.neurons},
            "merges": [judgement_json(judgement) for judgement in found.judgements],
            "counterexample": self._counterexample(),
            "worst": self._worst(),
            "written": str(self.written) if self.written else None,
            "notes": list(found.notes),
            "seconds": round(self.seconds, 3),
        }

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


def relax_file(source: str | os.PathLike[str], options: FileRelaxOptions) -> FileRelaxation:
    """Relax a model file, and write the merged network where asked.

    Raises FormatError, ShapeError, UnsupportedLayer; CannotWrite when the merged weights do not fit the file's numbers.
    """
    start, source = time.perf_counter(), Path(source)
    if options.write is not None:
        demand_apart(options.write, [source])
        with about(options.write):
            formats.format_of(options.write)
        demand_apart(options.write, companions(source, formats.digest(source, max_unpacked=options.max_unpacked)))
    network = formats.read(source, raw_nnet=options.raw_nnet, max_unpacked=options.max_unpacked)
    box: Box | None = None
    with about(source):
        if options.box is not None:
            inputs = sum(network.views[port.name].elements for port in network.inputs)
            box = cube(*options.box, inputs)
        find = relax_literally if options.literal else relax
        found = find(network, options.search, box)
    if options.write is not None:
        formats.write(found.merged, options.write)
    at = found.finding.input if found.finding else None
    replayed = _replayed(source, network, found.merged, at, options.max_unpacked) if at is not None else None
    return FileRelaxation(found, box.name if box else "all reals", replayed, options.write, time.perf_counter() - start)


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
