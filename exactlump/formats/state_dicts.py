# SPDX-License-Identifier: Apache-2.0
"""This file is about state dicts: tensors by name, as training leaves them, and the parameters that they stand for.

What a name cannot say is refused with what to do: a parametrisation is a function that the file does not hold.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exactlump.errors import FormatError, UnsupportedLayer

# The name of the type of floats that NumPy lacks: the upper halves of float32 numbers.
BFLOAT16 = "bfloat16"
# What wrappers put before every name: for several devices, for a compiler, for a training loop.
WRAPPERS = ("module.", "_orig_mod.", "model.")
_ORIGINAL, _MASK = "_orig", "_mask"


@dataclass(frozen=True, slots=True)
class Weights:
    """The tensors of a file by name, and what is to be said of how they were read."""

    tensors: Mapping[str, NDArray[Any]]
    notes: tuple[str, ...] = field(default=())


def widened(raw: Any, kind: str, order: str = "<") -> NDArray[Any]:
    """The numbers in raw bytes of a type, in either order of bytes; those of bfloat16 as float32, which has them."""
    if kind == BFLOAT16:
        return (np.frombuffer(raw, f"{order}u2").astype(np.uint32) << np.uint32(16)).view(np.float32)
    return np.frombuffer(raw, np.dtype(f"{order}{kind}")).astype(kind)


def parameters(weights: Weights, names: Collection[str] = ()) -> Weights:
    """The parameters that a state dict stands for: without what wrappers put before their names, masks applied.

    names: those that layers are known by; what they begin with is no wrapper's.
    Raises UnsupportedLayer for parametrisations, FormatError for numbers that are no finite floats of one kind.
    """
    tensors, notes = _unwrapped(dict(weights.tensors), names)
    _demand_no_parametrisation(tensors)
    tensors, masked = _masked(tensors)
    if masked:
        notes.append(f"masks of pruning applied to {', '.join(masked)}")
    for name, array in tensors.items():
        if array.dtype.kind != "f":
            raise UnsupportedLayer(f"tensor {name[:80]!r}: found {array.dtype}, expected floats{_remedy(name)}")
        if not np.isfinite(array).all():
            raise FormatError(f"tensor {name[:80]!r}: found nan or infinite numbers, expected finite ones")
    types = sorted({str(array.dtype) for array in tensors.values()}, key=lambda kind: np.dtype(kind).itemsize)
    if len(types) > 1:
        notes.append(f"{' and '.join(types[:-1])} numbers taken as the {types[-1]} numbers that they are")
        tensors = {name: array.astype(types[-1]) for name, array in tensors.items()}
    return Weights(tensors, (*weights.notes, *notes))


def _unwrapped(tensors: dict[str, Any], names: Collection[str]) -> tuple[dict[str, Any], list[str]]:
    """The tensors under names without the prefixes of wrappers, and which these were."""
    gone = ""
    while found := next((word for word in WRAPPERS if all(name.startswith(word) for name in tensors)), ""):
        if not tensors or any(name.startswith(found) for name in names):
            break
        tensors = {name.removeprefix(found): array for name, array in tensors.items()}
        gone += found
    return tensors, [f"the prefix {gone} of all names left out"] if gone else []


def _demand_no_parametrisation(names: Iterable[str]) -> None:
    for name in names:
        if "parametrizations." in name:
            raise UnsupportedLayer(
                f"tensor {name[:80]!r}: found a parametrisation, whose function no file of weights holds; expected "
                "plain weights: torch.nn.utils.parametrize.remove_parametrizations(layer, 'weight') before saving"
            )
        if name.endswith((".weight_g", ".weight_v", ".weight_u")):
            raise UnsupportedLayer(
                f"tensor {name[:80]!r}: found a weight or spectral norm, expected plain weights: "
                "torch.nn.utils.remove_weight_norm(layer), or remove_spectral_norm(layer), before saving"
            )


def _masked(tensors: dict[str, NDArray[Any]]) -> tuple[dict[str, NDArray[Any]], list[str]]:
    """The tensors in which `w_orig` and `w_mask`, of zeros and ones, are w; and the names of these."""
    made: dict[str, NDArray[Any]] = {}
    masked = []
    for name, array in tensors.items():
        if not name.endswith((_ORIGINAL, _MASK)):
            made[name] = array
            continue
        stem = name[: -len(_MASK)]
        mask, original = tensors.get(stem + _MASK), tensors.get(stem + _ORIGINAL)
        if mask is None or original is None or stem in tensors:
            raise FormatError(f"tensor {name[:80]!r}: expected both {stem}{_ORIGINAL} and {stem}{_MASK}, no {stem}")
        if mask.shape != original.shape or not np.isin(mask, (0, 1)).all():
            raise FormatError(f"tensor {stem}{_MASK}: expected a 0 or a 1 for each number of {stem}{_ORIGINAL}")
        if stem not in made:
            made[stem] = np.where(mask.astype(bool), original, np.zeros((), original.dtype))
            masked.append(stem)
    return made, masked


def _remedy(name: str) -> str:
    if name.endswith("num_batches_tracked"):
        return "; batch normalisation: export the module by torch.onnx.export"
    return ""
