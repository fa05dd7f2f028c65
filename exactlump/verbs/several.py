# SPDX-License-Identifier: Apache-2.0
"""This file is about many questions at once, on folders or a list of files: an answer for each, and one for all.

Whatever could not be asked, because a file has no partner or cannot be read, counts as `unknown`: nothing is passed
over in silence.
"""

import csv
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from exactlump.errors import ExactlumpError, FormatError
from exactlump.formats import FORMATS
from exactlump.formats.files import about, read_bytes
from exactlump.verbs.answers import FileUse, answer, failure
from exactlump.verdicts import verdict_of

# The verdict on all is the first of these that one of them has.
_WORST_FIRST = ("rejected", "different", "unknown", "unsupported", "within", "equivalent")
_CERTIFICATE = ".cert.json"


class Single(Protocol):
    """The answer to one question."""

    @property
    def verdict(self) -> str:
        """The word."""

    @property
    def files(self) -> tuple[FileUse, ...]:
        """The files that were read and written."""

    def json(self, *, times: bool) -> dict[str, Any]:
        """The answer as JSON."""


@dataclass(frozen=True, slots=True)
class Question:
    """The files that one question is about, by name; `flaw`: why it cannot be asked, "" where it can."""

    name: str
    paths: tuple[Path, ...] = ()
    flaw: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One question and its answer; None where there is none, and `failed` says why, with an exit code."""

    question: Question
    answer: Single | None
    failed: tuple[str, int] = ("", 0)

    @property
    def verdict(self) -> str:
        """The verdict, `unknown` where there is none."""
        return self.answer.verdict if self.answer is not None else verdict_of(self.failed[1]) or "unknown"

    @property
    def reason(self) -> str:
        """The answer in words, or why there is none."""
        if self.answer is None:
            return self.failed[0]
        return repr(self.answer).removeprefix(f"{self.verdict}: ").removeprefix(f"{self.verdict} ")


@dataclass(frozen=True, slots=True)
class Several:
    """All answers; the verdict is the worst of them."""

    verb: str
    entries: tuple[Entry, ...]
    options: Any
    seconds: float

    def __repr__(self) -> str:
        return f"{self.verdict}: {self.reason}"

    @property
    def verdict(self) -> str:
        """`rejected` or `different` where one is; else `unknown`, `unsupported`, `within`, `equivalent`."""
        found = {entry.verdict for entry in self.entries}
        return next(word for word in _WORST_FIRST if word in found)

    @property
    def reason(self) -> str:
        """How many there are of which verdict."""
        counted = ", ".join(f"{number} {word}" for word, number in self.counts.items())
        return f"{len(self.entries)} in all: {counted}"

    @property
    def counts(self) -> dict[str, int]:
        """How many have which verdict, the worst first."""
        found = Counter(entry.verdict for entry in self.entries)
        return {word: found[word] for word in _WORST_FIRST if found[word]}

    def json(self, *, times: bool = True) -> dict[str, Any]:
        """What `--json` prints: each answer as it would be alone, with its name."""
        several = [{"name": entry.question.name, **self._single(entry, times)} for entry in self.entries]
        files = dict.fromkeys(file for entry in self.entries if entry.answer for file in entry.answer.files)
        words = {"verdict": self.verdict, "reason": self.reason, "counts": self.counts, "several": several}
        return answer(self.verb, words, options=self.options, files=files, seconds=self.seconds, times=times)

    def _single(self, entry: Entry, times: bool) -> dict[str, Any]:
        if entry.answer is None:
            return failure(self.verb, *entry.failed)
        return entry.answer.json(times=times)


def ask_all(
    verb: str, questions: Iterable[Question], ask: Callable[..., Single], options: Any, listen: Callable[[str], None]
) -> Several:
    """The answers to all questions, one after the other; `ask` takes the paths of one, `listen` its name.

    Raises FormatError where there is no question.
    """
    start, entries = time.monotonic(), list[Entry]()
    for question in questions:
        listen(question.name)
        try:
            if question.flaw:
                raise FormatError(question.flaw)
            entries.append(Entry(question, ask(*question.paths)))
        except ExactlumpError as error:
            entries.append(Entry(question, None, (str(error), error.exit_code)))
    if not entries:
        raise FormatError(f"found no model files to {verb}, expected some")
    return Several(verb, tuple(entries), options, time.monotonic() - start)


def pairs_of(one: Path, other: Path) -> list[Question]:
    """The model files of two folders, paired by name; a name that only one of them has is a question with a flaw."""
    ours, theirs = _models(one), _models(other)
    return [
        Question(name, (one / name, other / name), _lonely(name, one if name in ours else other, ours & theirs))
        for name in sorted(ours | theirs)
    ]


def _lonely(name: str, home: Path, both: set[str]) -> str:
    return "" if name in both else f"{home / name}: found no file of this name in the other folder, expected one"


def triples_of(originals: Path, reduced: Path, certificates: Path) -> list[Question]:
    """The model files of a folder of reduced ones, each with its original, of the same name, and its certificate.

    A certificate has the name of the reduced file and `.cert.json`, as `reduce` writes it.
    """
    names = {name for name in _models(reduced) if not name.endswith(_CERTIFICATE)}
    stated = {path.name.removesuffix(_CERTIFICATE) for path in certificates.glob(f"*{_CERTIFICATE}")}
    found = []
    for name in sorted(names | stated):
        paths = originals / name, reduced / name, certificates / f"{name}{_CERTIFICATE}"
        missing = [path for path in paths if not path.is_file()]
        flaw = f"{missing[0]}: found no such file, expected original, reduced and certificate" if missing else ""
        found.append(Question(name, paths, flaw))
    return found


def listed(path: Path, columns: int) -> list[Question]:
    """The lines of a list: paths with commas between, relative to the folder of the list.  Raises FormatError."""
    with about(path):
        try:
            rows = list(csv.reader(read_bytes(path).decode("utf-8-sig").splitlines(), strict=True))
        except (UnicodeDecodeError, csv.Error) as error:
            raise FormatError(f"found no lines of paths ({error}), expected {columns} with commas between") from error
        found = []
        for number, row in enumerate(rows, 1):
            words = [word.strip() for word in row]
            if not any(words):
                continue
            if len(words) != columns or not all(words):
                raise FormatError(f"line {number}: found {len(words)} paths, expected {columns} with commas between")
            found.append(Question(" ".join(words), tuple(path.parent / word for word in words)))
        return found


def _models(folder: Path) -> set[str]:
    """The names of model files in a folder; not of what lies in folders in it."""
    suffixes = tuple(f".{kind}" for kind in FORMATS)
    names = {path.name for path in folder.iterdir() if path.is_file() and path.name.lower().endswith(suffixes)}
    return {name for name in names if not name.endswith(_CERTIFICATE)}


def are_folders(paths: Sequence[Path]) -> bool:
    """Whether all are folders."""
    return all(path.is_dir() for path in paths)
