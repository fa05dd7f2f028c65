# SPDX-License-Identifier: Apache-2.0
"""This file is about reading a file of evidence: strictly, as the words of whoever wrote it."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from exactlump.errors import FormatError
from exactlump.formats.files import about, read_bytes
from exactlump.numbers.rational import parse
from exactlump.smt.evidence import DISCHARGED, FORMAT, REFUTED, UNKNOWN
from exactlump.smt.obligations import FORMS

# Seconds that no run takes.
_LONGEST = 1e12

# What an answer is about: the form of the script, and the name of the obligation.
Key = tuple[str, str]

# What carries twins and signs: that the whole checker, which knows them, is right.
TWINS = "accepted_networks_are_equal"
# Rule of an obligation: what it shows, and the theorem of proofs/ that carries such a statement.
RULES = {
    "input": ("the networks read the same inputs", "theorem_5_simulation"),
    "law": ("the activation takes a multiple before it to one after it", "leaky_homogeneous"),
    "twin-law": ("the activation of minus a multiple is one of the activation and of the value", TWINS),
    "linear-law": ("the activation leaves what is not negative", TWINS),
    "zero-law": ("the activation makes nothing of what is not positive", TWINS),
    "positive-law": ("the activation is nowhere negative", TWINS),
    "above-law": ("the activation is nowhere below its argument", TWINS),
    "chord-law": ("the activation is nowhere above a chord over 0", ""),
    "leader": ("a class depends on no unit that may have any value", "theorem_5_simulation"),
    "class": ("the unit is a multiple of its class", "lumping_is_a_simulation"),
    "same": ("the unit is a multiple of an unobservable one", "remove_preserves_semantics"),
    "twin": ("the unit is a multiple of a class, and of what it is before its activation", TWINS),
    "mirror": ("the unit is a multiple of an unobservable one, and of what it is before its activation", ""),
    "linear": ("the unit is what it is before its activation", TWINS),
    "zero": ("the unit is 0", TWINS),
    "bounds": ("the class lies between its bounds on a box", ""),
    "linear-on-box": ("the unit is what it is before its activation, on a box", ""),
    "zero-on-box": ("the unit is 0 on a box", ""),
    "constant": ("the unit is a constant", "remove_preserves_semantics"),
    "of": ("the unit is a sum of classes", "fuse_preserves_semantics"),
    "head": ("the head reads the same in both networks", "theorem_5_simulation"),
    "output": ("both networks give the same output", "theorem_5_simulation"),
    "whole": ("no input gives the two networks different outputs", ""),
}


@dataclass(frozen=True, slots=True)
class Answer:
    """One line of evidence: what one solver found of one obligation; `values` where it found the claim to be false."""

    name: str
    layer: str
    claim: str
    form: str
    script: str
    solver: str
    version: str
    verdict: str
    seconds: float
    reason: str
    values: tuple[tuple[str, str], ...]
    replayed: bool

    @property
    def key(self) -> Key:
        """Which obligation it is about."""
        return self.form, self.name

    @property
    def by(self) -> str:
        """The solver and its version."""
        return f"{self.solver} {self.version}"

    @property
    def side_and_rule(self) -> tuple[str, str]:
        """Side and rule, as the name of the obligation has them around the layer."""
        side, rest = self.name.split(" ", 1)
        return side, rest.removeprefix(f"{self.layer} ").split(" ")[0]


@dataclass(frozen=True, slots=True)
class Record:
    """A file of evidence: its own words, not ours.

    verdict, obligations  of its last line, if the run came to an end
    """

    sha256: str
    producer: str
    answers: tuple[Answer, ...]
    verdict: str | None
    obligations: int | None

    @property
    def solvers(self) -> tuple[str, ...]:
        """The solvers with their versions."""
        return tuple(sorted({answer.by for answer in self.answers}))


def read_record(path: str | os.PathLike[str], hashes: Mapping[str, str]) -> Record:
    """A file of evidence about files with these hashes ("original", "reduced", "certificate").

    A last line that was not finished is left out.  Raises FormatError for any other file.
    """
    with about(path):
        content = read_bytes(Path(path))
        lines = content[: content.rfind(b"\n") + 1].splitlines()
        documents = []
        for i, line in enumerate(lines, 1):
            with about(f"line {i}"):
                documents.append(_object(line))
        if not documents or documents[0].get("format") != FORMAT or documents[0].get("version") != 1:
            raise FormatError("found another file, expected evidence that `exactlump prove --evidence` wrote")
        for side, expected in hashes.items():
            if documents[0].get(side) != expected:
                raise FormatError(f"found evidence about other files (the {side} differs), expected these files'")
        answers: dict[tuple[Key, str], Answer] = {}
        verdict, obligations = None, None
        for i, document in enumerate(documents[1:], 2):
            with about(f"line {i}"):
                if "id" in document:
                    answer = _answer(document)
                    answers[answer.key, answer.by] = answer
                else:
                    verdict, obligations = _word(document, "verdict"), document.get("obligations")
        count = obligations if type(obligations) is int else None
        producer = _word(documents[0], "producer")
        return Record(sha256(content).hexdigest(), producer, tuple(answers.values()), verdict, count)


def _object(line: bytes) -> dict[str, Any]:
    try:
        found = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise FormatError("found bytes that are no UTF-8, expected one object a line") from error
    except (ValueError, RecursionError) as error:
        raise FormatError(f"found no JSON ({error}), expected one object a line") from error
    if not isinstance(found, dict):
        raise FormatError(f"found {type(found).__name__}, expected an object")
    return found


def _word(document: Mapping[str, Any], key: str) -> str:
    if not isinstance(document.get(key), str):
        raise FormatError(f"found {document.get(key)!r:.40} as {key}, expected a text")
    return str(document[key])


def _seconds(value: object) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < _LONGEST:
        return float(value)
    raise FormatError(f"found {value!r:.40} as seconds, expected a number")


def _answer(document: Mapping[str, Any]) -> Answer:
    keys = ("id", "layer", "claim", "form", "script", "solver", "version", "verdict")
    words = [_word(document, key) for key in keys]
    seconds, values = _seconds(document.get("seconds")), document.get("values", {})
    if words[-1] not in (DISCHARGED, REFUTED, UNKNOWN):
        raise FormatError(f"found the verdict {words[-1]!r:.40}, expected discharged, refuted or unknown")
    if words[3] not in (*FORMS, "monolithic"):
        raise FormatError(f"found the form {words[3]!r:.40}, expected one of {', '.join(FORMS)}, monolithic")
    if not isinstance(values, dict) or not all(isinstance(v, str) and parse(v) is not None for v in values.values()):
        raise FormatError(f"found {values!r:.40} as values, expected rationals by name")
    reason = _word(document, "reason") if "reason" in document else ""
    name, layer, claim, form, script, solver, version, verdict = words
    given, replayed = tuple(values.items()), document.get("replayed") is True
    answer = Answer(name, layer, claim, form, script, solver, version, verdict, seconds, reason, given, replayed)
    side, rule = answer.side_and_rule if " " in answer.name else ("", "")
    if rule not in RULES or not answer.name.startswith(f"{side} {answer.layer} {rule} "):
        raise FormatError(f"found the id {answer.name!r:.80}, expected side, layer, rule and unit")
    return answer
