# SPDX-License-Identifier: Apache-2.0
"""This file is about `exactlump inspect` as a library call: what a model file holds."""

import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from exactlump import formats
from exactlump.formats.files import external_data
from exactlump.lumping.maximum import Lumping, maximum_lumping
from exactlump.network.kinds import Activate, Conv, Dense
from exactlump.network.layers import anchors, end_of_layer
from exactlump.network.program import Network
from exactlump.verbs.answers import FileUse, answer, file_read, files_beside


@dataclass(frozen=True, slots=True)
class InspectOptions:
    """How to read a file: see `formats.read`."""

    raw_nnet: bool = False
    max_unpacked: int = formats.MAX_UNPACKED
    batchnorm: str | None = None


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
        words = {name: getattr(self, name) for name in names}
        words |= {"layers": [asdict(layer) for layer in self.layers], "notes": list(self.notes)}
        return answer("inspect", words, options=self.options, files=self.files, seconds=self.seconds, times=times)


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
    start = time.perf_counter()
    options = InspectOptions(raw_nnet, max_unpacked, batchnorm)
    with external_data() as beside:
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
        files=(file_read("network", source), *files_beside(beside)),
        options=options,
        seconds=time.perf_counter() - start,
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
