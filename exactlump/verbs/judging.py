# SPDX-License-Identifier: Apache-2.0
"""This file is about certificates that are made, checked by `exactlump/check.py`, and only then put in their place."""

import itertools
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exactlump import formats
from exactlump.bounding.certifying import dumps
from exactlump.formats.files import ModelFile, companions, demand_apart, write_atomically
from exactlump.verbs.checking import check_files
from exactlump.verbs.pairs import Pair

# Makes a certificate about two files: those of the networks that are compared, in this order.
Maker = Callable[[ModelFile, ModelFile], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Judged:
    """What the checker said of a certificate."""

    verdict: str
    reason: str


@dataclass(frozen=True)
class Judge:
    """Has certificates about two networks checked: about their files, or, where there are none, about files of theirs.

    swapped: whether the second network is the certificate's original
    """

    pair: Pair
    max_unpacked: int
    swapped: bool = False

    def judge(self, make: Maker) -> Judged:
        """What the checker says.  Raises CannotWrite for networks that no file holds."""
        with tempfile.TemporaryDirectory(prefix="exactlump-") as folder:
            paths = self.paths(Path(folder))
            place = Path(folder) / "certificate.json"
            place.write_text(self.made(make, paths), encoding="utf-8")
            found = check_files(*paths, place, max_unpacked=self.max_unpacked)
        return Judged(found.verdict, found.reason)

    def write(self, make: Maker, place: Path, overwrite: bool) -> None:
        """Write the certificate, over no file that the networks are read from."""
        paths = self.paths(Path())
        files = [formats.digest(path, max_unpacked=self.max_unpacked) for path in paths]
        beside = [companions(path, file) for path, file in zip(paths, files, strict=True)]
        demand_apart(place, itertools.chain(*beside))
        write_atomically(place, self.made(make, paths).encode(), overwrite=overwrite)

    def paths(self, folder: Path) -> tuple[Path, Path]:
        """The files, the certificate's original first."""
        if self.pair.are_files:
            paths = self.pair.paths
        else:
            paths = folder / "a.json", folder / "b.json"
            for network, path in zip(self.pair.networks, paths, strict=True):
                formats.write(network, path)
        return (paths[1], paths[0]) if self.swapped else paths

    def made(self, make: Maker, paths: tuple[Path, ...]) -> str:
        """The certificate's text."""
        one, other = (formats.digest(path, max_unpacked=self.max_unpacked) for path in paths)
        return dumps(make(one, other))
