# SPDX-License-Identifier: Apache-2.0
"""This file is about `exactlump inspect` as a library call: what a model file holds."""

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from exactlump import formats
from exactlump.errors import UnsupportedLayer
from exactlump.formats.files import about, external_data, read_bytes
from exactlump.lumping.maximum import Lumping, maximum_lumping
from exactlump.network.kinds import mixing
from exactlump.network.layers import anchors, end_of_layer
from exactlump.network.program import Network
from exactlump.network.views import Shape, StatedShape
from exactlump.verbs.answers import FileUse, answer, file_read, files_beside


@dataclass(frozen=True, slots=True)
class InspectOptions:
    """How to read a file: see `formats.read`.

    profile  a file that names operators (docs/certification.md): what the model has beside them is listed
    """

    raw_nnet: bool = False
    max_unpacked: int = formats.MAX_UNPACKED
    batchnorm: str | None = None
    opaque_domains: tuple[str, ...] = ()
    shapes: Mapping[str, StatedShape] = field(default_factory=dict)
    profile: Path | None = None


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
    """What a model file holds.

    operators  of an ONNX file: how many nodes there are of each
    opaque     the nodes that are taken as given functions: place, operator, why, remedy
    refused    the nodes for which the file cannot be reduced; then there are no layers
    outside    of an ONNX file: how many nodes there are of each operator that the profile does not name; None where
               none was stated
    broadcasts of an ONNX file: the nodes whose inputs are not known to have equal shapes: place, operator, shapes
    """

    inputs: dict[str, list[int | str]]
    outputs: dict[str, list[int | str]]
    dtype: str
    neurons: int
    parameters: int
    nonzeros: int
    layers: tuple[LayerInspection, ...]
    notes: tuple[str, ...]
    specification: str
    operators: dict[str, int]
    opaque: tuple[dict[str, str], ...]
    refused: tuple[dict[str, str], ...]
    outside: dict[str, int] | None
    broadcasts: tuple[dict[str, Any], ...]
    files: tuple[FileUse, ...]
    options: InspectOptions
    seconds: float

    def __repr__(self) -> str:
        return f"{self.neurons} hidden neurons, {self.parameters} parameters, {self.dtype}"

    @property
    def verdict(self) -> None:
        """None: nothing is claimed."""

    def json(self, *, times: bool = True) -> dict[str, Any]:
        """What `--json` prints."""
        names = ("inputs", "outputs", "dtype", "neurons", "parameters", "nonzeros", "layers", "notes", "specification")
        words = {name: getattr(self, name) for name in (*names, "operators", "opaque", "refused", "outside")}
        words |= {"layers": [asdict(layer) for layer in self.layers], "notes": list(self.notes)}
        words |= {name: list(getattr(self, name)) for name in ("opaque", "refused", "broadcasts")}
        return answer("inspect", words, options=self.options, files=self.files, seconds=self.seconds, times=times)


def inspect_file(
    source: str | os.PathLike[str],
    *,
    raw_nnet: bool = False,
    max_unpacked: int = formats.MAX_UNPACKED,
    batchnorm: str | None = None,
    opaque_domains: Sequence[str] = (),
    shapes: Mapping[str, StatedShape] | None = None,
    profile: str | os.PathLike[str] | None = None,
) -> Inspection:
    """What a model file holds, and how the maximum lumping classes its neurons.

    profile: a file that names operators, one a line; `outside` are those of an ONNX model that it does not name.
    An ONNX file that cannot be reduced is described by its operators.
    Raises FormatError; UnsupportedLayer for files of other formats.
    """
    start = time.perf_counter()
    stated = Path(profile) if profile is not None else None
    options = InspectOptions(raw_nnet, max_unpacked, batchnorm, tuple(opaque_domains), dict(shapes or {}), stated)
    with external_data() as beside:
        try:
            how: dict[str, Any] = {"max_unpacked": max_unpacked, "batchnorm": batchnorm, "shapes": options.shapes}
            network = formats.read(Path(source), raw_nnet=raw_nnet, opaque_domains=opaque_domains, **how)
        except UnsupportedLayer as error:
            model = _model(source, max_unpacked)
            if model is None:
                raise
            return _described(model, source, error, options, start)
    lumping, model = maximum_lumping(network, fold=True), _model(source, max_unpacked)
    ends = {end_of_layer(network, name): name for name in network.hidden}
    return Inspection(
        inputs={port.name: _sizes(port.shape) for port in network.inputs},
        outputs={name: _sizes(network.shapes[name]) for name in network.outputs},
        dtype=network.dtype,
        neurons=network.neurons,
        parameters=network.parameters,
        nonzeros=network.nonzeros,
        layers=tuple(_inspect_layer(network, lumping, end, dense) for end, dense in ends.items()),
        notes=network.notes,
        specification=network.specification,
        operators=_operators(model),
        opaque=_opaque(network),
        refused=(),
        outside=_outside(model, stated),
        broadcasts=_broadcasts(model),
        files=(file_read("network", source), *files_beside(beside), *_profile(stated)),
        options=options,
        seconds=time.perf_counter() - start,
    )


def _sizes(shape: Shape) -> list[int | str]:
    return [size if isinstance(size, int) else str(size) for size in shape]


def _model(source: str | os.PathLike[str], max_unpacked: int) -> Any:
    """The model of an ONNX file; None for other formats."""
    kind = formats.format_of(source)
    if not kind.startswith("onnx"):
        return None
    from exactlump.formats.onnx import reading

    with about(source):
        return reading.load(read_bytes(Path(source)), kind, max_unpacked)


def _operators(model: Any) -> dict[str, int]:
    if model is None:
        return {}
    from exactlump.formats.onnx.obstacles import histogram

    return histogram(model)


def _outside(model: Any, profile: Path | None) -> dict[str, int] | None:
    if profile is None:
        return None
    from exactlump.formats.onnx.profiles import outside, read_profile

    allowed = read_profile(profile)
    return outside(model, allowed) if model is not None else {}


def _broadcasts(model: Any) -> tuple[dict[str, Any], ...]:
    if model is None:
        return ()
    from exactlump.formats.onnx.profiles import broadcasts

    return tuple(entry._asdict() for entry in broadcasts(model))


def _profile(profile: Path | None) -> tuple[FileUse, ...]:
    return (file_read("profile", profile),) if profile is not None else ()


def _opaque(network: Network) -> tuple[dict[str, str], ...]:
    if not network.opaque:
        return ()
    from exactlump.formats.onnx.obstacles import obstacles

    return tuple(obstacle._asdict() for obstacle in obstacles(network))


def _described(
    model: Any, source: str | os.PathLike[str], error: UnsupportedLayer, options: InspectOptions, start: float
) -> Inspection:
    """A graph that cannot be reduced: its operators, its ports, and all that is refused."""
    from exactlump.formats.onnx import reading
    from exactlump.formats.onnx.obstacles import refusals

    refused = [o._asdict() for o in refusals(model, reading.KNOWN, options.opaque_domains)]
    dims = [
        {value.name: [d.dim_value or d.dim_param for d in value.type.tensor_type.shape.dim] for value in values}
        for values in (model.graph.input, model.graph.output)
    ]
    return Inspection(
        inputs=dims[0],
        outputs=dims[1],
        dtype="unknown",
        neurons=0,
        parameters=0,
        nonzeros=0,
        layers=(),
        notes=(f"cannot be reduced: {error}",),
        specification="as stored",
        operators=_operators(model),
        opaque=(),
        refused=tuple(refused),
        outside=_outside(model, options.profile),
        broadcasts=_broadcasts(model),
        files=(file_read("network", source), *_profile(options.profile)),
        options=options,
        seconds=time.perf_counter() - start,
    )


def _inspect_layer(network: Network, lumping: Lumping, tensor: str, dense: str) -> LayerInspection:
    functions = set(map(str, network.producer[tensor].functions)) or {"none"}
    weights = mixing(network.producer[dense])
    assert weights is not None
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
