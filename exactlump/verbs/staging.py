# SPDX-License-Identifier: Apache-2.0
"""This file is about files that are written all or not at all: beside their places, and moved there at the end."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from exactlump.errors import CannotWrite, ExactlumpError
from exactlump.formats.files import ModelFile, companions, demand_apart, demand_free


def demand_places(sources: Sequence[str | os.PathLike[str] | None], target: Path, proof: Path) -> None:
    """Raise CannotWrite unless both files can be written, over each other as little as over the sources."""
    for place in (target, proof):
        if not place.parent.is_dir():
            raise CannotWrite(f"{place}: found no folder {place.parent}, expected an existing one")
        if place.exists() and not place.is_file():
            raise CannotWrite(f"{place}: found a folder or a device, expected a file")
        demand_apart(place, sources)
    if os.path.realpath(target) == os.path.realpath(proof):
        raise CannotWrite(f"{proof}: found the output's own name, expected another file for the certificate")


@contextmanager
def staging(target: Path) -> Iterator[Path]:
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


def moved(folder: Path, target: Path, kept: Mapping[Path, Path]) -> list[Path]:
    """Move the files of a folder beside the target, the target last, once nothing of other content is in their places.

    kept: another place that must have no other content than a file; empty where files may be replaced.
    """
    files = {target.parent / file.name: file for file in sorted(folder.iterdir(), key=lambda f: f.name == target.name)}
    for place, file in {**files, **kept}.items() if kept else ():
        demand_free(place, file)
    for place, file in files.items():
        os.replace(file, place)
    return list(files)


def growth(source: Path, original: ModelFile, staged: Path, reduced: ModelFile) -> tuple[str, ...]:
    """That a file, with all that lies beside it, became larger than one of the same format, if it did."""
    if original.format != reduced.format:
        return ()
    files = ((source, *companions(source, original)), (staged, *companions(staged, reduced)))
    before, after = (sum(path.stat().st_size for path in group) for group in files)
    return (f"{staged.name} has {after} bytes, more than the {before} of {source.name}",) if after > before else ()
