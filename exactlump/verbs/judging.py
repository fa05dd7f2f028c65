# SPDX-License-Identifier: Apache-2.0
"""This file is about certificates that are made and checked by `exactlump/check.py` before they are put in their place.

One that could not be checked in time is written too; the answer says then that it is unchecked.
"""

import itertools
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exactlump import formats
from exactlump.bounding.certifying import dumps
from exactlump.errors import ExactlumpError
from exactlump.formats.files import ModelFile, companions, demand_apart, write_atomically
from exactlump.verbs.checking import CHECKER, check_files
from exactlump.verbs.pairs import Pair
from exactlump.verdicts import EXIT_CODES

# Makes a certificate about two files: those of the networks that are compared, in this order.
Maker = Callable[[ModelFile, ModelFile], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Judged:
    """What the checker said of a certificate."""

    verdict: str
    reason: str


@dataclass(frozen=True)
class Judge:
    """Has certificates about two networks checked: about their files, or temporary ones.

    swapped  whether the second network is the certificate's original
    jobs     how many processes check a tree
    """

    pair: Pair
    max_unpacked: int
    swapped: bool = False
    jobs: int = 1

    def judge(self, make: Maker) -> Judged:
        """What the checker says.  Raises CannotWrite for networks that no file holds."""
        with tempfile.TemporaryDirectory(prefix="exactlump-") as folder:
            paths = self.paths(Path(folder))
            place = Path(folder) / "certificate.json"
            place.write_text(self.made(make, paths), encoding="utf-8")
            if self.jobs > 1:
                return self.apart(*paths, place)
            found = check_files(*paths, place, max_unpacked=self.max_unpacked)
        return Judged(found.verdict, found.reason)

    def apart(self, *places: Path) -> Judged:
        """The checker as a program of its own, with several processes, none of which stays after an interruption."""
        words = [*map(str, places), "--json", f"--max-unpacked={self.max_unpacked}", f"--jobs={self.jobs}"]
        command = [sys.executable, "-I", str(CHECKER), *words]
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        with subprocess.Popen(command, **streams, text=True, encoding="utf-8", start_new_session=True) as child:  # type: ignore[call-overload]
            try:
                out, err = child.communicate()
            except BaseException:
                if hasattr(os, "killpg"):
                    os.killpg(child.pid, signal.SIGKILL)
                child.kill()
                raise
        if child.returncode not in EXIT_CODES.values():
            raise ExactlumpError(f"the checker ended with {child.returncode}: {err.strip()[-300:]}")
        answer = json.loads(out)
        return Judged(answer["verdict"], answer["reason"])

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
