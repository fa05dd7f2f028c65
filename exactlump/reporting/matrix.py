# SPDX-License-Identifier: Apache-2.0
"""This file is about the matrix of an assessor: requirement, obligations, evidence.

Each obligation that a certificate has (docs/obligations.md) belongs to one requirement of the claim; a file of evidence
says what solvers found of it.  Nothing in that file is believed: an answer counts for an obligation only when it names
the very script that the model files give, and where these are not at hand everything stays a quotation.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from exactlump.certificates.certificate import Certificate
from exactlump.network.program import Network
from exactlump.reporting.record import RULES, Answer, Key, Record
from exactlump.smt.bounds import proposed
from exactlump.smt.evidence import DISCHARGED, REFUTED, UNKNOWN
from exactlump.smt.monolithic import Monolithic
from exactlump.smt.obligations import Obligations
from exactlump.smt.prove import Plan


@dataclass(frozen=True, slots=True)
class Item:
    """One obligation, with the answers that count for it."""

    form: str
    name: str
    side: str
    layer: str
    rule: str
    claim: str
    script: str
    answers: tuple[Answer, ...]

    @property
    def key(self) -> Key:
        """Which obligation it is."""
        return self.form, self.name

    @property
    def theorem(self) -> str:
        """The theorem of proofs/ that carries such a statement."""
        return RULES[self.rule][1]


@dataclass(frozen=True, slots=True)
class Requirement:
    """One part of the claim, and the obligations that it rests on.

    own      whether these belong to it, and to no other part
    settled  what settles it where it rests on no obligation of its own
    """

    key: str
    text: str
    items: tuple[Item, ...]
    own: bool = True
    settled: str = ""

    @property
    def theorems(self) -> tuple[str, ...]:
        """The theorems of proofs/ for the rules that occur; for the conclusion, that of the whole."""
        if not self.own:
            return ("theorem_5_simulation",)
        return tuple(dict.fromkeys(item.theorem for item in self.items if item.theorem))

    def tally(self, solver: str) -> str:
        """What a solver (with its version) found of the obligations, in words."""
        found = [answer for item in self.items for answer in item.answers if answer.by == solver]
        counts = {v: sum(a.verdict == v for a in found) for v in (DISCHARGED, REFUTED, UNKNOWN)}
        counts["missing"] = len(self.items) - len(found)
        words = [f"{n} {verdict}" for verdict, n in counts.items() if n]
        return f"{', '.join(words)}; {sum(a.seconds for a in found):.3f} s" if words else ""


def expected(original: Network, reduced: Network, claimed: Certificate, forms: Iterable[str]) -> tuple[Item, ...]:
    """The obligations that two networks and a certificate have in these forms, without answers.

    Raises NotALumping where the certificate does not fit the networks, UnsupportedLayer where no rule covers them.
    """
    items = []
    for form in forms:
        if form == "monolithic":
            plan: Plan = Monolithic(original, reduced)
        else:
            plan = Obligations(original, reduced, claimed, form, proposed)
        for script in plan.scripts():
            script_hash = script.sha256
            for o in script.obligations:
                items.append(Item(form, o.name, o.side, o.tensor, o.rule, o.claim, script_hash, ()))
    return tuple(items)


def answered(items: Sequence[Item], record: Record) -> tuple[tuple[Item, ...], tuple[Answer, ...]]:
    """The obligations with the answers that name their very scripts; and the answers that name none of them."""
    given: dict[Key, list[Answer]] = {}
    scripts = {item.key: item.script for item in items}
    strangers = []
    for answer in record.answers:
        if scripts.get(answer.key) == answer.script:
            given.setdefault(answer.key, []).append(answer)
        else:
            strangers.append(answer)
    return tuple(_with(item, given.get(item.key, [])) for item in items), tuple(strangers)


def quoted(record: Record) -> tuple[Item, ...]:
    """The obligations that a file of evidence names, where the model files are not at hand to say which there are."""
    items: dict[tuple[Key, str], Item] = {}
    given: dict[tuple[Key, str], list[Answer]] = {}
    for a in record.answers:
        side, rule = a.side_and_rule
        items.setdefault((a.key, a.script), Item(a.form, a.name, side, a.layer, rule, a.claim, a.script, ()))
        given.setdefault((a.key, a.script), []).append(a)
    return tuple(_with(item, given[key]) for key, item in items.items())


def _with(item: Item, answers: Iterable[Answer]) -> Item:
    return replace(item, answers=tuple(sorted(answers, key=lambda answer: answer.by)))


_HASHES = "hashes: the checker compares the SHA-256 of both files, of every tensor and of external data"
_LAWLESS = "nothing to show: no activation has to take a multiple to a multiple"
_UNLISTED = "the checker alone: its obligations are not listed on this page"
_SILENT = "nothing to show: what each unit is follows from the file itself"


def requirements(items: Sequence[Item], layers: Sequence[str]) -> tuple[Requirement, ...]:
    """The requirements of the claim, in order, each with its obligations; one for each layer of the original network.

    layers: the tensors that the certificate's rows are about.
    """
    groups: dict[tuple[str, str], list[Item]] = {("original", layer): [] for layer in layers}
    for item in items:
        groups.setdefault(_group(item), []).append(item)

    def group(name: str) -> tuple[Item, ...]:
        return tuple(groups.get((name, ""), ()))

    rows = ((layer, own) for (side, layer), own in groups.items() if side == "original")
    law, silent = (_LAWLESS, _SILENT) if items else (_UNLISTED, _UNLISTED)
    found: list[tuple[str, Sequence[Item], str]] = [
        ("The certificate is about these two files, byte by byte.", (), _HASHES),
        ("Both networks read the same inputs.", group("input"), silent),
        ("Each activation takes the multiples that the rows need to the same multiples.", group("law"), law),
        ("In the reduced network, every unit is what its class says.", group("reduced"), silent),
        *(
            (f"In the original network, every unit of {layer!a} is what its row says.", own, silent)
            for layer, own in rows
        ),
        ("Both networks give the same outputs.", group("output"), silent),
    ]
    rest = [item for item in items if item.rule != "whole"]
    count = len(found)
    if whole := group("whole"):
        asked = "Asked of the whole networks at once, without the certificate: no input tells them apart."
        found.append((asked, whole, ""))
    numbered = [
        Requirement(f"R{i}", text, tuple(own), settled="" if own else settled)
        for i, (text, own, settled) in enumerate(found, 1)
    ]
    conclusion = f"From R1 to R{count} together: at every input the two networks compute the same outputs."
    settled = "" if rest else "R1 to the last one, by the checker"
    return (*numbered, Requirement("conclusion", conclusion, tuple(rest), own=False, settled=settled))


def _group(item: Item) -> tuple[str, str]:
    """Where an obligation belongs: a rule that stands alone, the reduced network, or a layer of the original one."""
    if item.rule in ("input", "output", "whole"):
        return item.rule, ""
    if item.side == "law":
        return "law", ""
    return ("original", item.layer) if item.side == "original" else ("reduced", "")


def open_items(items: Sequence[Item], verdict: str) -> tuple[tuple[Item, Answer], ...]:
    """The obligations with an answer of that verdict."""
    return tuple((item, answer) for item in items for answer in item.answers if answer.verdict == verdict)
