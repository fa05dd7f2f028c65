# SPDX-License-Identifier: Apache-2.0
"""This file is about `exactlump reduce` as a library call: a model file in, a smaller one and its certificate out."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from exactlump import check, formats
from exactlump.bounding.boxes import Domain
from exactlump.certificates import certificate
from exactlump.certificates.assumptions import operators
from exactlump.certificates.certificate import EVERYWHERE
from exactlump.errors import CannotWrite, FormatError
from exactlump.fast import workers as fanout
from exactlump.formats.files import about, companions, demand_apart, write_atomically
from exactlump.formats.stating import words_of, words_of_size
from exactlump.network.program import Network
from exactlump.network.views import StatedShape
from exactlump.numbers.rational import Rational, text
from exactlump.points.domains import domain_of
from exactlump.points.vnnlib import read_box
from exactlump.reduction.loop import Reduction, reduce
from exactlump.reduction.on_boxes import dead_units, halved, said_of, without
from exactlump.verbs.agreeing import MOST_ROUNDS, Apart, apart, demand_accepted, note_of
from exactlump.verbs.answers import FileUse, answer, file_read, file_written
from exactlump.verbs.claiming import certificate_of
from exactlump.verbs.spaces import number
from exactlump.verbs.staging import demand_places, growth, moved, staging

MOST_HALVINGS = 8
# Told what is being done, in words; for progress lines.
Listener = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class ReduceOptions:
    """How to reduce a file.

    weights       "auto" (the file's own float type; exact for `.json`), "float32", "float64", "exact" (`.json` only)
    engine        what searches, "exact" or "fast"; None: fast for large networks
    raw_nnet      leave out the normalisation in the header of a .nnet file
    max_unpacked  the most bytes that a .onnx.gz file may unpack to
    batchnorm     how batch normalisations are read (`formats.read`); the certificate's claim says which way
    architecture  the layers of a file of weights (docs/pytorch.md)
    activation    or the function between each two of its layers
    dust          numbers of an ONNX file that are smaller are read as 0: the result is exact without them
    shapes        of inputs that an ONNX file leaves free: the result is exact at inputs of these shapes only
    executor      other processes that help the fast engine: "processes[:N]", "dask://HOST:PORT"
    overwrite     whether files with other content may be replaced
    rules         "all": kinks (docs/beyond.md) where these leave fewer neurons; or "lumping" of proportional neurons
                  alone
    skips         whether layers of the result may read any layer below, where that leaves fewer neurons
    opaque_domains  domains besides ONNX's own whose operators are taken for functions
    box, vnnlib   a domain: the result is exact there and nowhere else; None: all reals
    halvings      how often the boxes of a domain are halved in search of better bounds; the certificate names the parts
    """

    weights: str = "auto"
    engine: str | None = None
    raw_nnet: bool = False
    max_unpacked: int = formats.MAX_UNPACKED
    batchnorm: str | None = None
    architecture: Path | None = None
    executor: str | None = None
    overwrite: bool = False
    rules: str = "all"
    opaque_domains: tuple[str, ...] = ()
    box: Any = None
    vnnlib: Path | None = None
    activation: str | None = None
    shapes: Mapping[str, StatedShape] = field(default_factory=dict)
    dust: Rational | None = None
    halvings: int = 0
    skips: bool = False


@dataclass(frozen=True, slots=True)
class FileReduction:
    """A reduction whose files lie on disk and have been accepted by the checker.

    specification  the ONNX file that weights were read as, which the certificate is about; else None
    notes          what there is to say of the files, and of the workers
    """

    reduction: Reduction
    reduced: Path
    certificate: Path
    weights: str
    seconds: float
    specification: Path | None = None
    notes: tuple[str, ...] = ()
    files: tuple[FileUse, ...] = ()
    options: ReduceOptions = field(default_factory=ReduceOptions)
    domain: Domain | None = None

    def __repr__(self) -> str:
        before, after = self.reduction.original.neurons, self.reduction.reduced.neurons
        words = f"{self.given}{before} -> {after} hidden neurons, in {os.fspath(self.reduced)!r}"
        return f"{self.verdict}{self.where}: {words}"

    def _repr_svg_(self) -> str | None:
        """The picture of the reduction, as SVG text for notebooks."""
        return self.reduction._repr_svg_()

    @property
    def verdict(self) -> str:
        """What the checker said."""
        return "equivalent"

    @property
    def where(self) -> str:
        """ " on ..., and nowhere else" for a reduction on a domain; "" for all reals."""
        dust, shapes = self.options.dust, self.options.shapes
        shaped = f" with numbers smaller than {words_of_size(dust)} read as 0" if dust else ""
        shaped += f" only at inputs of the shapes {words_of(shapes)}" if shapes else ""
        return f"{shaped} only on {self.domain.boxes[0].name}" if self.domain is not None else shaped

    @property
    def given(self) -> str:
        """Which opaque operators are taken as given functions, in words; "" where there are none."""
        found = operators(self.reduction.original)
        count, names = sum(found.values()), ", ".join(sorted({name.split(":")[1] for name in found}))
        many = "s" * (count != 1)
        return f"{count} opaque operator{many} taken as given function{many} ({names}), " if found else ""

    @property
    def changed(self) -> bool:
        """Whether the written network has fewer neurons, parameters or weights that are not zero."""
        before, after = (
            (n.neurons, n.parameters, n.nonzeros) for n in (self.reduction.original, self.reduction.reduced)
        )
        return before != after

    def json(self, *, times: bool = True) -> dict[str, Any]:
        """What `--json` prints."""
        original, reduced = self.reduction.original, self.reduction.reduced
        words = {
            "verdict": self.verdict,
            "neurons": {"before": original.neurons, "after": reduced.neurons},
            "quotient_neurons": self.reduction.quotient.neurons,
            "parameters": {"before": original.parameters, "after": reduced.parameters},
            "nonzeros": {"before": original.nonzeros, "after": reduced.nonzeros},
            "changed": self.changed,
            "layers": [asdict(layer) for layer in self.reduction.layers],
            "domain": self.domain.boxes[0].name if self.domain is not None else EVERYWHERE,
            "weights": self.weights,
            "notes": [*original.notes, *self.notes],
            "specification": original.specification,
            "original": str(self.specification) if self.specification else None,
            "opaque": dict(operators(original)),
            "certificate": str(self.certificate),
        }
        return answer("reduce", words, options=self.options, files=self.files, seconds=self.seconds, times=times)


def reduce_file(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    certificate_path: str | os.PathLike[str] | None = None,
    *,
    weights: str = "auto",
    engine: str | None = None,
    raw_nnet: bool = False,
    max_unpacked: int = formats.MAX_UNPACKED,
    batchnorm: str | None = None,
    architecture: str | os.PathLike[str] | None = None,
    executor: str | None = None,
    overwrite: bool = False,
    rules: str = "all",
    opaque_domains: Sequence[str] = (),
    box: Any = None,
    vnnlib: str | os.PathLike[str] | None = None,
    activation: str | None = None,
    shapes: Mapping[str, StatedShape] | None = None,
    dust: Any = None,
    halvings: int = 0,
    skips: bool = False,
    listen: Listener = lambda _: None,
) -> FileReduction:
    """Reduce a model file to another one, and certify it.

    The options are those of `ReduceOptions`; the certificate is OUT.cert.json where no other place is given.
    architecture, activation: what a file of weights lacks, as `read` takes it.  The network that they make is first
    written as ONNX beside the target, and that file is the original of the certificate.
    box, vnnlib: a domain, as `refute` takes it: units that never fire on it go, and the result is exact on it only;
    halvings: its boxes are halved so often, as bounds are better on parts.
    listen: is told what is being done, in words.
    The files are written beside their targets, checked there by `exactlump/check.py`, and only then moved to
    their names.
    Raises FormatError, UnsupportedLayer, CannotWrite.
    """
    start = time.perf_counter()
    layers = Path(architecture) if architecture is not None else None
    options = ReduceOptions(weights, engine, raw_nnet, max_unpacked, batchnorm, layers, executor, overwrite, rules)
    options = replace(options, opaque_domains=tuple(opaque_domains))
    box_of: dict[str, Any] = {"box": box, "vnnlib": Path(vnnlib) if vnnlib is not None else None, "halvings": halvings}
    options = replace(
        options, **box_of, activation=activation, shapes=dict(shapes or {}), dust=_dust(dust), skips=skips
    )
    given, target = Path(source), Path(target)
    proof = Path(certificate_path) if certificate_path else target.with_name(f"{target.name}.cert.json")
    demand_places((given, layers, options.vnnlib), target, proof)
    listen(f"reading {given}")
    made, told = _specification(given, target, proof, options)
    taken, rounds = frozenset[str](), MOST_ROUNDS
    while True:
        work = _Work(made or given, target, proof, options, taken, rounds)
        try:
            done = _certified(work, told, listen)
            break
        except Apart as found:
            listen("reading once more, without rules that the checker does not have")
            taken, rounds = taken | found.tensors, rounds - 1
    used = _used(given, made, options, done.beside, done.written, proof)
    seconds = time.perf_counter() - start
    return FileReduction(
        done.reduction, target, proof, done.dtype, seconds, made, done.notes, used, options, done.domain
    )


@dataclass(frozen=True, slots=True)
class _Work:
    """A file to reduce; taken: tensors whose nodes are taken for opaque; rounds: how often it may be read once more."""

    source: Path
    target: Path
    proof: Path
    options: ReduceOptions
    taken: frozenset[str]
    rounds: int


@dataclass(frozen=True, slots=True)
class _Done:
    """A reduction whose files the checker has accepted."""

    reduction: Reduction
    dtype: str
    notes: tuple[str, ...]
    domain: Domain | None
    beside: Sequence[Path]
    written: Sequence[Path]


def _certified(work: _Work, notes: tuple[str, ...], listen: Listener) -> _Done:
    """The file reduced, its certificate checked.  Raises Apart where it is to be read once more."""
    source, target, proof, options = work.source, work.target, work.proof, work.options
    how: dict[str, Any] = {"max_unpacked": options.max_unpacked, "batchnorm": options.batchnorm}
    how |= {"shapes": options.shapes, "dust": options.dust, "given": work.taken}
    network = formats.read(source, raw_nnet=options.raw_nnet, opaque_domains=options.opaque_domains, **how)
    raw = options.raw_nnet and formats.format_of(source) == "nnet"
    room = max(options.max_unpacked, formats.MAX_UNPACKED)
    dtype = _dtype(network, target, options.weights)
    listen(f"reducing {network.neurons} hidden neurons")
    domain = _domain(network, options)
    dead = dead_units(network, domain) if domain is not None else {}
    reduction, said = _reduce(without(network, dead), target, dtype, options)
    notes = (*notes, *said, *note_of(network))
    if reduction.own:
        notes += (f"by kinks: lumping alone leaves {reduction.lumped} hidden neurons",)
    if domain is not None:
        notes += (f"exact on {domain.boxes[0].name}, and nowhere else",)
        reduction = replace(reduction, original=network, forward=said_of(dead, reduction.forward))
    with staging(proof) as desk:
        with staging(target) as folder:
            staged, witness = folder / target.name, desk / proof.name
            listen(f"writing {target}")
            notes += _write(reduction.reduced, staged, source, raw)
            claim = certificate_of(reduction, source, staged, raw, room)
            claim = replace(claim, shapes=options.shapes, dust=options.dust)
            if domain is not None:
                claim = replace(claim, domain=domain.json(network))
            for place in (proof, *(target.parent / file.name for file in folder.iterdir())):
                demand_apart(place, companions(source, claim.original))
            write_atomically(witness, certificate.dumps(claim).encode())
            listen("checking")
            domains = options.opaque_domains
            verdict = check.check(str(source), str(staged), str(witness), room, domains=domains)
            if verdict.verdict != "equivalent" and work.rounds:
                networks = (network, reduction.reduced)
                if more := apart((source, staged), claim, networks, room, domains) - work.taken:
                    raise Apart(more)
            demand_accepted(source, verdict)
            notes += growth(source, claim.original, staged, claim.reduced)
            written = moved(folder, target, {} if options.overwrite else {proof: witness})
        os.replace(witness, proof)
    return _Done(reduction, dtype, notes, domain, companions(source, claim.original), written)


def _dust(given: Any) -> Rational | None:
    """The size below which numbers are dust; FormatError for a number that is none, or not positive."""
    if given is None:
        return None
    with about("dust"):
        found = number(given)
        if found <= 0:
            raise FormatError(f"found {text(found)[:40]}, expected a positive number")
        return found


def _domain(network: Network, options: ReduceOptions) -> Domain | None:
    """The domain that was asked for; None for all reals."""
    if options.halvings not in range(MOST_HALVINGS + 1):
        raise FormatError(f"halvings: found {options.halvings}, expected 0 to {MOST_HALVINGS}")
    if options.box is None and options.vnnlib is None:
        if options.halvings:
            raise FormatError("halvings: found no domain, expected a box or a VNN-LIB file")
        return None
    if options.box is not None and options.vnnlib is not None:
        raise FormatError("domain: found a box and a VNN-LIB file, expected one of them")
    network.demand_closed("domain")
    inputs = sum(network.views[name].elements for name in network.ports)
    found = Domain((read_box(options.vnnlib).box if options.vnnlib is not None else domain_of(options.box, inputs),))
    return halved(network, found, options.halvings) if options.halvings else found


def _used(
    source: Path,
    made: Path | None,
    options: ReduceOptions,
    beside: Sequence[Path],
    written: Sequence[Path],
    proof: Path,
) -> tuple[FileUse, ...]:
    """The files that a reduction read and wrote; of those written the model itself is last."""
    read = [file_read("original" if made is None else "weights", source)]
    if options.architecture is not None:
        read.append(file_read("architecture", options.architecture))
    read += [file_read("external data", place) for place in beside]
    read += [file_read("property", options.vnnlib)] if options.vnnlib is not None else []
    new = [file_written("original", made)] if made is not None else []
    new += [file_written("external data", place) for place in written[:-1]]
    return (*read, *new, file_written("reduced", written[-1]), file_written("certificate", proof))


def _reduce(network: Network, target: Path, dtype: str, options: ReduceOptions) -> tuple[Reduction, tuple[str, ...]]:
    """The reduction, and what there is to say about the executor."""
    if options.executor is None:
        with about(target):
            return reduce(network, dtype, options.engine, rules=options.rules, skips=options.skips), ()
    with fanout.executor(options.executor) as workers, about(target):
        shared = fanout.FanOut(workers)
        return reduce(network, dtype, options.engine, shared, rules=options.rules, skips=options.skips), shared.notes


def _specification(
    source: Path, target: Path, proof: Path, options: ReduceOptions
) -> tuple[Path | None, tuple[str, ...]]:
    """Write the network of a file of weights beside the target: where it is, and what is to be said of it.

    None for every other source, which has its layers.
    """
    if source.suffix.lower() not in formats.WEIGHTS:
        if options.architecture is not None or options.activation is not None:
            formats.demand_weights(source)
        return None, ()
    made = target.with_name(f"{source.name}.onnx")
    for place in (target, proof):
        demand_places((source, options.architecture), made, place)
    how = (options.architecture, options.activation)
    content, told = formats.weights_as_onnx(source, *how, max_unpacked=options.max_unpacked)
    write_atomically(made, content, overwrite=options.overwrite)
    return made, told


def _dtype(network: Network, target: Path, weights: str) -> str:
    """The type of number that a target is written in."""
    with about(target):
        kind = formats.format_of(target)
    if kind == "json":
        if weights not in ("auto", "exact"):
            raise CannotWrite(f"{target}: found --weights {weights}, expected exact for a .json file")
        return "exact"
    if weights == "exact":
        raise CannotWrite(f"{target}: found --weights exact, expected a .json file for exact weights")
    if kind == "nnet":
        if weights != "auto":
            raise CannotWrite(f"{target}: found --weights {weights}, expected auto for a .nnet file of decimals")
        return "decimal"
    if weights == "float64" and network.dtype != "float64":
        with about(target):
            formats.refuse_float64(network)
    if weights != "auto":
        return weights
    return "float32" if network.dtype == "exact" else network.dtype


def _write(network: Network, target: Path, source: Path, raw: bool) -> tuple[str, ...]:
    """Write the target; what there is to say of it."""
    if formats.format_of(target) == formats.format_of(source) == "nnet":
        return formats.write(network, target, like=source, raw_nnet=raw)
    return formats.write(network, target)
