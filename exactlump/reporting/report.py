# SPDX-License-Identifier: Apache-2.0
"""This file is about the report: one page for an assessor, without scripts, that opens offline.

The page restates a certificate.  Where both model files are at hand the checker is run on them, as a program of its
own, and the page says what it answered; nowhere else does the page call two networks equivalent.
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exactlump import formats
from exactlump.certificates.certificate import Certificate, read_certificate
from exactlump.errors import NotALumping, UnsupportedLayer
from exactlump.formats.files import ModelFile, about, companions, read_bytes, sha256
from exactlump.network.ports import as_claimed
from exactlump.network.program import Network
from exactlump.reporting.facts import Layer, layers
from exactlump.reporting.figures import Figure, figures
from exactlump.reporting.matrix import Item, Requirement, answered, expected, open_items, quoted, requirements
from exactlump.reporting.measures import Measure, measures, size
from exactlump.reporting.record import Answer, Record, read_record
from exactlump.reporting.scope import limits
from exactlump.smt.evidence import REFUTED
from exactlump.verbs.rechecking import Checked, find_files, run_check

# Nodes that are named in a row.
_MOST_NODES = 8


@dataclass(frozen=True, slots=True)
class File:
    """A model file: what the certificate says of it, and what it holds itself if it is at hand.

    given  the SHA-256 of the file at hand, whether or not it is the one that the certificate names
    about  the network in figures, and the versions of its format
    """

    side: str
    entry: ModelFile
    name: str | None
    given: str | None
    about: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Report:
    """All that the page says.

    sources  the files that were given or found, each with its role
    verdict  "equivalent" only if the checker was run, and accepted, and no evidence speaks against it
    items    the obligations; `listed`: whether they were derived from the model files, not quoted
    strangers  answers of the evidence to other scripts than these
    """

    sources: tuple[tuple[str, Path], ...]
    verdict: str
    reason: str
    name: str
    sha256: str
    claimed: Certificate
    producer: str
    files: tuple[File, File]
    checked: Checked | None
    layers: tuple[Layer, ...]
    record: Record | None
    record_name: str
    items: tuple[Item, ...]
    listed: bool
    unlisted_because: str
    strangers: tuple[Answer, ...]
    requirements: tuple[Requirement, ...]
    measures: tuple[Measure, ...]
    figures: tuple[Figure, ...]

    def __repr__(self) -> str:
        return f"{self.verdict}: {self.reason}"

    @property
    def limits(self) -> tuple[str, ...]:
        """What limits the claim, in words."""
        return limits(self.claimed)

    @property
    def headline(self) -> str:
        """What the first sentence of the page is about: a word of `words.HEADLINES`."""
        return "limited" if self.verdict == "equivalent" and self.limits else self.verdict


def report(
    certificate_path: str | os.PathLike[str],
    *,
    evidence: str | os.PathLike[str] | None = None,
    original: str | os.PathLike[str] | None = None,
    reduced: str | os.PathLike[str] | None = None,
    max_unpacked: int = formats.MAX_UNPACKED,
) -> Report:
    """What there is to say of a certificate.

    max_unpacked: the most bytes that a .onnx.gz file may unpack to.
    Model files that are not given are looked for beside the certificate, by their SHA-256.
    Raises FormatError for files that cannot be read, and for evidence about other files.
    """
    path = Path(certificate_path)
    claimed, producer = read_certificate(path), str(json.loads(read_bytes(path))["producer"])
    ours, theirs = find_files(path, claimed, original, reduced)
    found = (ours, theirs) if ours is not None and theirs is not None else None
    hashes = {"original": claimed.original.sha256, "reduced": claimed.reduced.sha256, "certificate": sha256(path)}
    record = read_record(evidence, hashes) if evidence is not None else None
    checked = run_check(*found, path, max_unpacked) if found is not None else None
    accepted = found is not None and checked is not None and checked.verdict == "equivalent"
    networks = _networks(claimed, *found, max_unpacked) if found is not None and accepted else None
    items, because = _items(claimed, networks, record)
    strangers: tuple[Answer, ...] = ()
    if record is not None and not because:
        items, strangers = answered(items, record)
    verdict, reason = _verdict(checked, items)
    rows = layers(claimed, networks)
    return Report(
        sources=_sources(claimed, ours, theirs, {"certificate": path, "evidence": evidence}),
        verdict=verdict,
        reason=reason,
        name=path.name,
        sha256=hashes["certificate"],
        claimed=claimed,
        producer=producer,
        files=_described(claimed, found, networks, max_unpacked),
        checked=checked,
        layers=rows,
        record=record,
        record_name=Path(evidence).name if evidence is not None else "",
        items=items,
        listed=not because,
        unlisted_because=because,
        strangers=strangers,
        requirements=requirements(items, [layer.name for layer in rows if layer.groups]),
        measures=_measures(claimed, found, networks),
        figures=figures(claimed, *networks) if networks is not None else (),
    )


def _sources(
    claimed: Certificate,
    ours: Path | None,
    theirs: Path | None,
    others: Mapping[str, str | os.PathLike[str] | None],
) -> tuple[tuple[str, Path], ...]:
    """All files that were given or found, and what they keep beside them, each with its role."""
    found = [(role, Path(other)) for role, other in others.items() if other is not None]
    for role, place, entry in (("original", ours, claimed.original), ("reduced", theirs, claimed.reduced)):
        if place is not None:
            found += [(role, place), *(("external data", beside) for beside in companions(place, entry))]
    return tuple(found)


def _networks(claimed: Certificate, original: Path, reduced: Path, max_unpacked: int) -> tuple[Network, Network] | None:
    """The networks in files that the checker has accepted; None where the engine does not read one of them."""
    how: dict[str, Any] = {"max_unpacked": max_unpacked, "opaque_domains": claimed.domains, "shapes": claimed.shapes}
    how["dust"] = claimed.dust
    given = [[tensor for at, tensor, *_ in claimed.assumes if at == side] for side in ("original", "reduced")]
    try:
        ours, theirs = (
            formats.read_as(path, claimed.specification, **how, given=tensors)
            for path, tensors in zip((original, reduced), given, strict=True)
        )
    except UnsupportedLayer:
        return None
    return ours, as_claimed(ours, theirs, claimed.matching)


def _items(
    claimed: Certificate, networks: tuple[Network, Network] | None, record: Record | None
) -> tuple[tuple[Item, ...], str]:
    """The obligations; and why they are only what the evidence names, if they are."""
    because = "that needs model files that are at hand, accepted by the checker, and read by this program"
    if networks is not None:
        forms = sorted({answer.form for answer in record.answers} if record is not None else ()) or ["decomposed"]
        try:
            return expected(*networks, claimed, forms), ""
        except (NotALumping, UnsupportedLayer) as error:
            because = str(error)
    return (quoted(record) if record is not None else ()), because


def _verdict(checked: Checked | None, items: Sequence[Item]) -> tuple[str, str]:
    refuted = open_items(items, REFUTED)
    if checked is None:
        return (
            "unknown",
            "nothing was re-checked: the page restates the certificate, as the model files were not at hand",
        )
    if checked.verdict == "equivalent" and refuted:
        claim = refuted[0][0].claim
        return "unknown", f"the checker accepted, but the evidence has an obligation refuted ({claim}): one is wrong"
    return checked.verdict, checked.reason


def _described(
    claimed: Certificate,
    found: tuple[Path, Path] | None,
    networks: tuple[Network, Network] | None,
    max_unpacked: int,
) -> tuple[File, File]:
    ours, theirs = (
        File(
            side,
            entry,
            found[i].name if found is not None else None,
            sha256(found[i]) if found is not None else None,
            _figures(found[i], entry, networks[i], max_unpacked) if found is not None and networks is not None else (),
        )
        for i, (side, entry) in enumerate((("original", claimed.original), ("reduced", claimed.reduced)))
    )
    return ours, theirs


def _figures(path: Path, entry: ModelFile, network: Network, max_unpacked: int) -> tuple[tuple[str, str], ...]:
    """A network in figures, and the versions of its format."""
    figures = [
        ("hidden neurons", str(network.neurons)),
        ("weights and biases", f"{network.parameters}, of which {network.nonzeros} are not zero"),
        ("numbers", network.dtype),
        *(("note of the reader", note) for note in network.notes),
    ]
    if entry.format.startswith("onnx"):
        from exactlump.formats.onnx import reading

        with about(path):
            model = reading.load(read_bytes(path), entry.format, max_unpacked)
        figures += _operators(model)
        opsets = ", ".join(f"{opset.domain or 'ai.onnx'} {opset.version}" for opset in model.opset_import)
        figures += [("ONNX opset", opsets), ("ONNX IR version", str(model.ir_version))]
    return tuple(figures)


def _operators(model: Any) -> Iterator[tuple[str, str]]:
    """The operators of an ONNX file, and its nodes that broadcast: what profiles for safety ask of."""
    from exactlump.formats.onnx.obstacles import histogram
    from exactlump.formats.onnx.profiles import broadcasts

    yield "operators", ", ".join(f"{name} {count}" for name, count in histogram(model).items())
    found = [f"{entry.operator} {entry.place}" for entry in broadcasts(model)]
    more = f", and {len(found) - _MOST_NODES} more" if len(found) > _MOST_NODES else ""
    yield "nodes that broadcast", f"{len(found)}: {', '.join(found[:_MOST_NODES])}{more}" if found else "none"


def _measures(
    claimed: Certificate, found: tuple[Path, Path] | None, networks: tuple[Network, Network] | None
) -> tuple[Measure, ...]:
    """Both networks in figures, where the checker has accepted them."""
    if found is None or networks is None:
        return ()
    ours, theirs = (
        size(path, tuple(companions(path, entry)))
        for path, entry in zip(found, (claimed.original, claimed.reduced), strict=True)
    )
    return measures(networks, (ours, theirs))
