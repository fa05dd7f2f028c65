# SPDX-License-Identifier: Apache-2.0
"""This file is about the verbs of the command line as library calls, from files to files."""

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from exactlump import certificate, check, fanout, formats
from exactlump.anchors import anchors, end_of_layer
from exactlump.certificate import Certificate
from exactlump.errors import CannotWrite, ExactlumpError, FormatError, NotALumping, Undecided, UnsupportedLayer
from exactlump.extraction.coq import coq
from exactlump.extraction.programs import read_program
from exactlump.extraction.verified import find_checker, run_checker
from exactlump.formats.files import about, companions, demand_apart, write_atomically
from exactlump.lump import Lumping, maximum_lumping
from exactlump.network import Network
from exactlump.nodes import Activate, Conv, Dense
from exactlump.reduce import Reduction, reduce

# The checker's file, which runs by itself.
CHECKER = Path(check.__file__)

# Told what is being done, in words; for progress lines.
Listener = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class FileReduction:
    """A reduction whose files lie on disk and have been accepted by the checker.

    specification  the ONNX file that weights of PyTorch were read as, which the certificate is about; else None
    notes          what was done here, as workers did not do it
    """

    reduction: Reduction
    reduced: Path
    certificate: Path
    weights: str
    seconds: float
    specification: Path | None = None
    notes: tuple[str, ...] = ()


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
    listen: Listener = lambda _: None,
) -> FileReduction:
    """Reduce a model file to another one, and certify it.

    weights: "auto" (the file's own float type; exact for `.json`), "float32", "float64", or "exact" (`.json` only).
    engine: see `reduce`.
    batchnorm: how batch normalisations are read (`formats.read`); the certificate's claim says which way.
    architecture: the layers of weights of PyTorch (docs/pytorch.md); the network that they make is first written as
    ONNX beside the target, and that file is the original of the certificate.
    executor: other processes that help the fast engine (`fanout.executor`).
    The files are written beside their targets, checked there by `exactlump/check.py`, and only then moved to
    their names.
    Raises FormatError, UnsupportedLayer, CannotWrite.
    """
    start = time.perf_counter()
    source, target = Path(source), Path(target)
    proof = Path(certificate_path) if certificate_path else target.with_name(f"{target.name}.cert.json")
    _demand_places((source, architecture), target, proof)
    listen(f"reading {source}")
    made = _specification(source, target, proof, architecture, max_unpacked)
    source = made or source
    network = formats.read(source, raw_nnet=raw_nnet, max_unpacked=max_unpacked, batchnorm=batchnorm)
    raw = raw_nnet and formats.format_of(source) == "nnet"
    room = max(max_unpacked, formats.MAX_UNPACKED)
    dtype = _dtype(network, target, weights)
    listen(f"reducing {network.neurons} hidden neurons")
    reduction, notes = _reduce(network, target, dtype, engine, executor)
    with _staging(proof) as desk:
        with _staging(target) as folder:
            staged, witness = folder / target.name, desk / proof.name
            listen(f"writing {target}")
            _write(reduction.reduced, staged, source, raw)
            claim = _certificate(reduction, source, staged, raw, room)
            for place in (proof, *(target.parent / file.name for file in folder.iterdir())):
                demand_apart(place, companions(source, claim.original))
            write_atomically(witness, certificate.dumps(claim).encode())
            listen("checking")
            _demand_accepted(source, check.check(str(source), str(staged), str(witness), room))
            for file in sorted(folder.iterdir(), key=lambda path: path == staged):
                os.replace(file, target.parent / file.name)
        os.replace(witness, proof)
    return FileReduction(reduction, target, proof, dtype, time.perf_counter() - start, made, notes)


def _reduce(
    network: Network, target: Path, dtype: str, engine: str | None, spec: str | None
) -> tuple[Reduction, tuple[str, ...]]:
    """The reduction, and what there is to say about the executor."""
    if spec is None:
        with about(target):
            return reduce(network, dtype, engine), ()
    with fanout.executor(spec) as workers, about(target):
        shared = fanout.FanOut(workers)
        return reduce(network, dtype, engine, shared), shared.notes


def _specification(
    source: Path, target: Path, proof: Path, architecture: str | os.PathLike[str] | None, max_unpacked: int
) -> Path | None:
    """Write the network of weights of PyTorch beside the target; None for every other source, which has its layers."""
    if source.suffix.lower() not in formats.WEIGHTS:
        if architecture is not None:
            raise FormatError(f"{source}: found --architecture, expected weights, a .pt or .pth file")
        return None
    made = target.with_name(f"{source.name}.onnx")
    for place in (target, proof):
        _demand_places((source, architecture), made, place)
    write_atomically(made, formats.weights_as_onnx(source, architecture, max_unpacked=max_unpacked))
    return made


def _certificate(reduction: Reduction, source: Path, staged: Path, raw: bool, room: int) -> Certificate:
    """The certificate of a reduction whose files are written; its tensors have the names that the files give them."""
    names: dict[str | None, str] = {}
    if formats.format_of(staged) == "nnet":
        read = formats.read(staged, raw_nnet=raw)
        names = dict(zip(_landmarks(reduction.reduced), _landmarks(read), strict=True))
    return Certificate(
        reduction.original.specification,
        formats.digest(source, max_unpacked=room),
        formats.digest(staged, max_unpacked=room),
        {tensor: replace(r, over=names.get(r.over, r.over)) for tensor, r in reduction.forward.items()},
        {names.get(tensor, tensor): r for tensor, r in reduction.backward.items()},
    )


def _landmarks(network: Network) -> list[str]:
    """The tensors that both a chain of layers and the .nnet file of it have, in order; the outputs last."""
    layers = [node.target for node in network.nodes if isinstance(node, Dense | Activate)]
    return [*(port.name for port in network.inputs), *layers, *network.outputs]


def _demand_accepted(source: Path, verdict: check.Verdict) -> None:
    """Raise unless the checker said `equivalent`: it may refuse a file that the engine reads; else one is wrong."""
    if verdict.verdict != "equivalent":
        refusal = {2: FormatError, 3: Undecided, 4: UnsupportedLayer}.get(verdict.code, ExactlumpError)
        raise refusal(f"{source}: not accepted by the checker ({verdict.reason}); nothing was written")


def _demand_places(sources: Sequence[str | os.PathLike[str] | None], target: Path, proof: Path) -> None:
    """Raise CannotWrite unless both files can be written, over each other as little as over the sources."""
    for place in (target, proof):
        if not place.parent.is_dir():
            raise CannotWrite(f"{place}: found no folder {place.parent}, expected an existing one")
        if place.exists() and not place.is_file():
            raise CannotWrite(f"{place}: found a folder or a device, expected a file")
        demand_apart(place, sources)
    if os.path.realpath(target) == os.path.realpath(proof):
        raise CannotWrite(f"{proof}: found the output's own name, expected another file for the certificate")


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


def _write(network: Network, target: Path, source: Path, raw: bool) -> None:
    if formats.format_of(target) == formats.format_of(source) == "nnet":
        formats.write(network, target, like=source, raw_nnet=raw)
    else:
        formats.write(network, target)


def check_files(
    original: str | os.PathLike[str],
    reduced: str | os.PathLike[str],
    certificate_path: str | os.PathLike[str],
    *,
    max_unpacked: int = formats.MAX_UNPACKED,
    as_json: bool = False,
) -> int:
    """What `python3 -I check.py` does with three files: print the verdict and return its exit code."""
    options = ["--max-unpacked", str(max_unpacked), *["--json"] * as_json]
    return check.main([*options, "--", *(os.fspath(path) for path in (original, reduced, certificate_path))])


def export_files(
    original: str | os.PathLike[str],
    reduced: str | os.PathLike[str],
    certificate_path: str | os.PathLike[str],
    *,
    max_unpacked: int = formats.MAX_UNPACKED,
) -> Iterator[str]:
    """The lines of the text that the extracted checker reads (proofs/README.md), for three files as `check` has them.

    Raises FormatError, UnsupportedLayer, Undecided, or NotALumping, also where the certificate names other files.
    """
    files = [os.fspath(path) for path in (original, reduced, certificate_path)]
    try:
        return read_program(files[0], files[1], files[2], max_unpacked)
    except check.Stop as error:
        kinds: dict[str, type[ExactlumpError]] = {"malformed": FormatError, "unsupported": UnsupportedLayer}
        kinds |= {"unknown": Undecided, "rejected": NotALumping}
        raise kinds[error.verdict](check.one_line(str(error))) from error


def write_lines(path: str | os.PathLike[str], lines: Iterable[str]) -> None:
    """Write a text file, all of it or nothing.  Raises CannotWrite."""
    write_atomically(path, (f"{line}\n".encode() for line in lines))


def coq_files(
    original: str | os.PathLike[str],
    reduced: str | os.PathLike[str],
    certificate_path: str | os.PathLike[str],
    name: str,
    *,
    max_unpacked: int = formats.MAX_UNPACKED,
) -> Iterator[str]:
    """The lines of a Coq file with the theorem that two networks are equal.  Raises CannotWrite, and as above."""
    return coq(export_files(original, reduced, certificate_path, max_unpacked=max_unpacked), name)


def check_verified(
    original: str | os.PathLike[str],
    reduced: str | os.PathLike[str],
    certificate_path: str | os.PathLike[str],
    *,
    max_unpacked: int = formats.MAX_UNPACKED,
) -> tuple[str, int]:
    """The verdict of the extracted checker on what three files say, once `check` has bound the certificate to them.

    Raises FormatError where a file cannot be read or the extracted checker is not built.
    """
    find_checker()
    files = [os.fspath(path) for path in (original, reduced, certificate_path)]
    verdict = check.check(files[0], files[1], files[2], max_unpacked)
    if verdict.code == 2:
        raise FormatError(verdict.reason)
    if verdict.code:
        return f"{verdict.verdict}: {verdict.reason}", verdict.code
    try:
        return run_checker(export_files(*files, max_unpacked=max_unpacked))
    except UnsupportedLayer as error:
        return f"unsupported: {error}", error.exit_code


@contextmanager
def _staging(target: Path) -> Iterator[Path]:
    """A folder beside the target, gone at the end whatever happens; errors name the target in its place."""
    try:
        folder = Path(tempfile.mkdtemp(prefix=".exactlump-", dir=target.parent))
    except OSError as error:
        raise CannotWrite(f"{target}: found {error.strerror}, expected a folder to write in") from error
    try:
        yield folder
    except OSError as error:
        raise CannotWrite(f"{target}: cannot be written: {error.strerror or error}") from error
    except ExactlumpError as error:
        raise type(error)(str(error).replace(f"{folder.name}{os.sep}", "")) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class LayerInspection:
    """One hidden layer: its size, and the classes that the maximum lumping gives its neurons (Theorem 2)."""

    name: str
    neurons: int
    activation: str
    nonzeros: int
    classes: int
    dead: int
    constant: int
    kept: str | None


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a model file holds."""

    inputs: dict[str, list[int]]
    outputs: dict[str, list[int]]
    dtype: str
    neurons: int
    parameters: int
    nonzeros: int
    layers: tuple[LayerInspection, ...]
    notes: tuple[str, ...]
    specification: str


def inspect_file(
    source: str | os.PathLike[str],
    *,
    raw_nnet: bool = False,
    max_unpacked: int = formats.MAX_UNPACKED,
    batchnorm: str | None = None,
) -> Inspection:
    """What a model file holds, and how the maximum lumping classes its neurons.

    Raises FormatError, UnsupportedLayer.
    """
    network = formats.read(Path(source), raw_nnet=raw_nnet, max_unpacked=max_unpacked, batchnorm=batchnorm)
    lumping = maximum_lumping(network, fold=True)
    ends = {end_of_layer(network, name): name for name in network.hidden}
    return Inspection(
        inputs={port.name: list(port.shape) for port in network.inputs},
        outputs={name: list(network.shapes[name]) for name in network.outputs},
        dtype=network.dtype,
        neurons=network.neurons,
        parameters=network.parameters,
        nonzeros=network.nonzeros,
        layers=tuple(_inspect_layer(network, lumping, end, dense) for end, dense in ends.items()),
        notes=network.notes,
        specification=network.specification,
    )


def _inspect_layer(network: Network, lumping: Lumping, tensor: str, dense: str) -> LayerInspection:
    node, weights = network.producer[tensor], network.producer[dense]
    assert isinstance(weights, Dense | Conv)
    functions = {str(f) for f in node.functions} if isinstance(node, Activate) else {"none"}
    constants = lumping.constants[tensor].values()
    return LayerInspection(
        name=tensor,
        neurons=network.units(tensor),
        activation=", ".join(sorted(functions)),
        nonzeros=weights.weight.nonzeros,
        classes=len(lumping.classes[tensor]),
        dead=sum(not value for value in constants),
        constant=sum(map(bool, constants)),
        kept=anchors(network)[tensor],
    )
