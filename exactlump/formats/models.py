# SPDX-License-Identifier: Apache-2.0
"""This file is about networks that are no files: modules of PyTorch, and ONNX models, in memory.

Neither package is imported to see whether something is one of its objects: it has been imported if something is.
"""

from pathlib import Path
from typing import Any

from exactlump.errors import WrongType
from exactlump.formats.files import MAX_UNPACKED
from exactlump.network.program import Network

_EXPECTED = "a path, a Network, a torch.nn.Module or an onnx.ModelProto"


def network_of(
    model: Any, *, shape: Any = None, max_unpacked: int = MAX_UNPACKED, batchnorm: str | None = None
) -> Network:
    """The network that an object in memory is.

    shape  of one input of a module, without the batch axis; not needed where its first layer is a Linear
    Raises WrongType for any other object, and as `read` does.
    """
    if isinstance(model, Network):
        return model
    if _is(model, "torch.nn.modules.module", "Module"):
        from exactlump.formats import torch

        return torch.from_torch(model, shape, batchnorm)
    if type(model).__name__ == "ModelProto" and hasattr(model, "SerializeToString"):
        from exactlump.formats.onnx import reading

        loaded = reading.load(model.SerializeToString(), "onnx", max_unpacked)
        reading.demand_inside(loaded)
        return reading.parse(loaded, Path(), batchnorm)
    raise WrongType(f"network: found a value of type {type(model).__name__}, expected {_EXPECTED}")


def _is(model: Any, module: str, name: str) -> bool:
    """Whether an object is of a class, or of one derived from it, without importing the class."""
    return any((kind.__module__, kind.__name__) == (module, name) for kind in type(model).__mro__)
