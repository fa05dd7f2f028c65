# SPDX-License-Identifier: Apache-2.0
"""This file is about two networks that are compared: read from whatever holds them, and what is to be said of that."""

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exactlump import formats
from exactlump.formats.files import external_data, read_bytes
from exactlump.formats.specification import AS_STORED
from exactlump.formats.stating import NOTHING_STATED, Stated, demand_inputs
from exactlump.network.ports import UNNAMED
from exactlump.network.program import Network
from exactlump.verbs.answers import FileUse, file_read, files_beside


@dataclass(frozen=True, slots=True)
class Pair:
    """Two networks a and b.

    given          what they were read from; names: what that is called
    specification  how files are read that alone do not say all (docs/certificate-format.md, "claim")
    demanded       how inputs and outputs are matched (`network/ports.py`)
    beside         files of external data that were read
    """

    given: tuple[Any, Any]
    networks: tuple[Network, Network]
    names: tuple[str, str]
    specification: str
    demanded: str | None
    notes: tuple[str, ...]
    beside: tuple[Path, ...]

    @property
    def are_files(self) -> bool:
        """Whether both were read from files."""
        return all(map(is_path, self.given))

    @property
    def paths(self) -> tuple[Path, Path]:
        """The files, where they are some."""
        return Path(self.names[0]), Path(self.names[1])

    @property
    def inputs(self) -> int:
        """How many elements the inputs of a have."""
        return sum(self.networks[0].units(port.name) for port in self.networks[0].inputs)

    def files(self) -> tuple[FileUse, ...]:
        """The files that were read."""
        sides = zip("ab", self.given, self.names, strict=True)
        read = [file_read(side, path) for side, model, path in sides if is_path(model)]
        return (*read, *files_beside(self.beside))


def read_pair(
    a: Any,
    b: Any,
    *,
    match: str | None,
    raw_nnet: bool,
    max_unpacked: int,
    opaque_domains: Sequence[str] = (),
    shapes: Stated = NOTHING_STATED,
    given: Collection[str] = (),
) -> Pair:
    """Two networks, from whatever `read` takes; raises as it does.

    shapes: of inputs that have sizes which a file leaves free, each of at least one of the two
    given: tensors whose nodes are taken for opaque in files
    """
    names = _name(a, "a"), _name(b, "b")
    with external_data() as beside:
        how: dict[str, Any] = {"max_unpacked": max_unpacked, "opaque_domains": opaque_domains}
        how |= {"shapes": shapes, "partial": True, "given": given}
        one, other = (formats.read(model, raw_nnet=raw_nnet, **how) for model in (a, b))
    demand_inputs(shapes, dict.fromkeys(port.name for network in (one, other) for port in network.inputs))
    notes = tuple[str, ...]()
    for name, network in zip(names, (one, other), strict=True):
        notes += tuple(f"{name}: {note}" for note in network.notes)
        notes += (f"{name}: {network.specification}",) if network.specification != AS_STORED else ()
    unnamed = any(is_path(model) and formats.format_of(model) == "nnet" for model in (a, b))
    demanded = match or (UNNAMED if unnamed else None)
    return Pair((a, b), (one, other), names, _specification((one, other)), demanded, notes, tuple(beside))


def is_path(model: Any) -> bool:
    """Whether something names a file."""
    return isinstance(model, str | os.PathLike)


def same_bytes(paths: tuple[Path, Path], max_unpacked: int) -> bool:
    """Whether two files are the same, and whatever they keep beside them: weights in a file of their own."""
    if read_bytes(paths[0]) != read_bytes(paths[1]):
        return False
    one, other = (formats.digest(path, max_unpacked=max_unpacked) for path in paths)
    return one == other


def _name(model: Any, side: str) -> str:
    return os.fspath(model) if is_path(model) else side


def _specification(networks: Sequence[Network]) -> str:
    """How both files are read: what one of them needs more than being read as stored."""
    others = sorted({network.specification for network in networks} - {AS_STORED})
    return others[0] if others else AS_STORED
