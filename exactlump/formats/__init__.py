# SPDX-License-Identifier: Apache-2.0
"""This file is about choosing a format by the file's suffix: `read`, `write` and `digest` for all of them.

The format modules are imported when they are needed: importing onnx takes longer than reading most networks.
"""

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from exactlump.errors import FormatError
from exactlump.formats.files import (
    MAX_UNPACKED,
    Content,
    ModelFile,
    about,
    read_bytes,
    write_atomically,
    write_together,
)
from exactlump.formats.specification import RAW_NNET, SPECIFICATIONS, batchnorm_of

if TYPE_CHECKING:
    from exactlump.network.program import Network
    from exactlump.network.views import StatedShape
    from exactlump.numbers.rational import Rational

__all__ = ["MAX_UNPACKED", "ModelFile", "digest", "format_of", "from_torch", "read", "write", "write_atomically"]

FORMATS = ("onnx.gz", "onnx", "nnet", "json")
# Bytes of weights in an ONNX file, and in a packed one; protobuf ends at 2 GiB.
_MOST_INLINE = (128 << 20, 1_800_000_000)
# Files of weights, which are no networks by themselves.
WEIGHTS = (".pt", ".pth", ".safetensors")


_REMEDY = "reduce reads them with --activation NAME or --architecture FILE, `read` with arguments of these names"


def format_of(path: str | os.PathLike[str]) -> str:
    """`onnx`, `onnx.gz`, `nnet` or `json`, by suffix; FormatError for any other."""
    name = os.path.basename(os.fspath(path)).lower()
    for known in FORMATS:
        if name.endswith("." + known):
            return known
    suffix = os.path.splitext(name)[1] or "none"
    if suffix in WEIGHTS:
        raise FormatError(f"suffix: found {suffix}, weights without layers; {_REMEDY}")
    raise FormatError(f"suffix: found {suffix}, expected .onnx, .onnx.gz, .nnet or .json")


def read(
    source: Any,
    *,
    shape: Any = None,
    raw_nnet: bool = False,
    max_unpacked: int = MAX_UNPACKED,
    batchnorm: str | None = None,
    opaque_domains: Collection[str] = (),
    architecture: str | os.PathLike[str] | None = None,
    activation: str | None = None,
    shapes: "Mapping[str, StatedShape] | None" = None,
    partial: bool = False,
    dust: "Rational | None" = None,
    given: Collection[str] = (),
) -> "Network":
    """The network that a file holds, or a torch.nn.Module, or an ONNX model; a Network is itself.

    What had to be settled for that is its specification.
    shape         of one input of a module, without the batch axis; not needed where its first layer is a Linear
    raw_nnet      leave out the normalisation in the header of a .nnet file
    max_unpacked  the most bytes that a .onnx.gz file may unpack to
    batchnorm     how batch normalisations are read: their irrational scales rounded to "float32" or "float64", or
                  "exact"; default: rounded to float64 in a file of float64, else to float32
    opaque_domains  domains besides ONNX's own whose operators, which no rule reads, are taken for functions
    architecture, activation  what a file of weights lacks (.safetensors, .pt, .pth; docs/pytorch.md): a file that lists
                  the layers, or the function between each two dense layers: "relu", "leaky_relu:0.01", "identity"
    shapes        of inputs of an ONNX file that leaves sizes free, by name, as {"x": (None, 3, 224, 224)}; None:
                  whatever the file says.  All that is found is about inputs of these shapes only
    dust          numbers in an ONNX file that are smaller in size are read as 0, where they are stored as weights,
                  factors or addends: another network, and the result is about that one
    partial       whether `shapes` may name inputs that the file does not have: those of another one
    given         tensors of an ONNX file whose nodes are taken for unknown functions, though rules may read them
    Raises FormatError (ShapeError) for a file that breaks its format, UnsupportedLayer for what no rule covers.
    """
    if not isinstance(source, str | os.PathLike):
        from exactlump.formats.models import network_of

        return network_of(source, shape=shape, max_unpacked=max_unpacked, batchnorm=batchnorm)
    path = Path(source)
    if (architecture, activation) != (None, None):
        return _of_weights(path, architecture, activation, max_unpacked, batchnorm)
    with about(path):
        kind = format_of(path)
        data = read_bytes(path)
        try:
            if dust and kind not in ("onnx", "onnx.gz"):
                raise FormatError("dust: found another format, expected an ONNX file")
            if shapes and not partial and kind not in ("onnx", "onnx.gz"):
                raise FormatError("shape: found no sizes that are free, as in an ONNX file")
            if kind == "nnet":
                from exactlump.formats import nnet

                return nnet.parse(data, raw=raw_nnet)
            if kind == "json":
                from exactlump.formats import exact

                return exact.parse(data)
            from exactlump.formats.onnx import reading

            model = reading.load(data, kind, max_unpacked)
        except FormatError as error:
            from exactlump.formats.guesses import NETWORKS, clearer

            raise clearer(error, data, NETWORKS[kind]) from error
        del data  # the model has its own copy
        how: dict[str, Any] = {"given": given} if dust is None else {"given": given, "dust": dust}
        network = reading.parse(model, path.parent, batchnorm, opaque_domains, shapes or {}, **how)
        if shapes and not partial:
            from exactlump.formats.stating import demand_inputs

            demand_inputs(shapes, (port.name for port in network.inputs))
        return network


def from_torch(module: Any, shape: Any = None, batchnorm: str | None = None) -> "Network":
    """The network that a torch.nn.Sequential of supported layers computes when it does not train (docs/pytorch.md).

    shape      of one input, without the batch axis; not needed where the first layer is a Linear
    batchnorm  as for `read`
    Raises UnsupportedLayer for other modules and layers, ShapeError where layers do not fit the shape.
    """
    from exactlump.formats import torch

    return torch.from_torch(module, shape, batchnorm)


def weights_as_onnx(
    path: str | os.PathLike[str],
    architecture: str | os.PathLike[str] | None,
    activation: str | None = None,
    *,
    max_unpacked: int = MAX_UNPACKED,
) -> tuple[bytes, tuple[str, ...]]:
    """The ONNX file of the network that a file of weights and its layers make, and what is to be said of how.

    Raises as `read` does.
    """
    from exactlump.formats import weights

    demand_weights(path)
    return weights.specification(path, weights.Stated(architecture, activation), max_unpacked)


def demand_weights(path: str | os.PathLike[str]) -> None:
    """Raise FormatError for a file that has layers of its own, and needs to be told of none."""
    if not os.fspath(path).lower().endswith(WEIGHTS):
        raise FormatError(f"{os.fspath(path)}: found layers stated beside it, expected weights: {', '.join(WEIGHTS)}")


def _of_weights(
    path: Path,
    architecture: str | os.PathLike[str] | None,
    activation: str | None,
    max_unpacked: int,
    batchnorm: str | None,
) -> "Network":
    """The network of a file of weights, with what is to be said of how it was read."""
    from dataclasses import replace

    from exactlump.formats.onnx import reading

    content, notes = weights_as_onnx(path, architecture, activation, max_unpacked=max_unpacked)
    network = reading.parse(reading.load(content, "onnx", max_unpacked), path.parent, batchnorm)
    return replace(network, notes=(*network.notes, *notes))


def read_as(
    path: str | os.PathLike[str],
    specification: str,
    *,
    max_unpacked: int = MAX_UNPACKED,
    opaque_domains: Collection[str] = (),
    shapes: "Mapping[str, StatedShape] | None" = None,
    dust: "Rational | None" = None,
    given: Collection[str] = (),
) -> "Network":
    """The network that a file holds under the specification that a certificate claims.  Raises as `read` does."""
    if specification not in SPECIFICATIONS:
        raise FormatError(f"specification: found {specification[:60]!r}, expected one of {', '.join(SPECIFICATIONS)}")
    with about(path):
        raw = specification == RAW_NNET and format_of(path) == "nnet"
    way = batchnorm_of(specification)
    how: dict[str, Any] = {"max_unpacked": max_unpacked, "batchnorm": way, "opaque_domains": opaque_domains}
    return read(path, raw_nnet=raw, **how, shapes=shapes, partial=True, dust=dust, given=given)


def refuse_float64(network: "Network") -> None:
    """Raise UnsupportedLayer for a network that ONNX runtimes cannot compute in float64, though it may be asked for."""
    from exactlump.formats.onnx import writing

    writing.refuse_float64(network)


def digest(path: str | os.PathLike[str], *, max_unpacked: int = MAX_UNPACKED) -> ModelFile:
    """The hashes of a model file, its constants and its external data; raises FormatError, UnsupportedLayer."""
    import hashlib

    path = Path(path)
    with about(path):
        kind = format_of(path)
        data = read_bytes(path)
        whole = hashlib.sha256(data).hexdigest()
        if kind in ("nnet", "json"):
            return ModelFile(kind, whole)
        from exactlump.formats.onnx import reading

        model = reading.load(data, kind, max_unpacked)
        del data  # the model has its own copy
        return ModelFile(kind, whole, *reading.hashes(model, path.parent))


def write(
    network: "Network",
    path: str | os.PathLike[str],
    *,
    dtype: str | None = None,
    like: str | os.PathLike[str] | None = None,
    raw_nnet: bool = False,
    max_inline: int | None = None,
    overwrite: bool = True,
) -> tuple[str, ...]:
    """Write a network, exactly or not at all: CannotWrite when the format cannot hold it or the place is closed.

    Returns what there is to say.  An ONNX file has the opset of the one that the network was read from, or the least
    later one that has what is written; its weights that are integers of 8 bits stay such.

    dtype       the float type of an ONNX file; default: the network's own
    like        a .nnet file whose comments and input bounds a new .nnet file repeats
    raw_nnet    the network leaves out that file's normalisation, so its header is repeated too
    max_inline  an ONNX file with more bytes of weights keeps them beside it, in the file `<path>.data`, of which only
                parts need be in memory; default: 128 MiB, or 1.8 GB in a .onnx.gz file
    overwrite   whether a file with other content may be replaced
    """
    with about(path):
        kind = format_of(path)
        contents: dict[str, Content] = {}
        notes: tuple[str, ...] = ()
        if kind == "nnet":
            from exactlump.formats import nnet

            header = None
            if like is not None:
                with about(like):
                    header = nnet.header(read_bytes(Path(like)), raw=raw_nnet)
            contents[os.fspath(path)] = nnet.render(network, header, raw=raw_nnet)
        elif kind == "json":
            from exactlump.formats import exact

            contents[os.fspath(path)] = exact.render(network)
        else:
            from exactlump.formats.onnx import writing

            packed = kind == "onnx.gz"
            most = _MOST_INLINE[packed] if max_inline is None else max_inline
            contents, notes = writing.render(network, path, dtype, packed=packed, max_inline=most)
    write_together(contents, overwrite=overwrite)
    return notes
