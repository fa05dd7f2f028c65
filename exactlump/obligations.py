# SPDX-License-Identifier: Apache-2.0
"""This file is about what has to be shown for a certificate to be right, unit by unit, as SMT-LIB 2 scripts.

Each row of either half of a certificate is a claim about one unit: for all values of the tensors below,

    sigma(P(v)) = ratio * tau(sum of multiples of class forms) + plus,

P(v) being what the unit's node makes of the units below, with their rows put in (docs/certificate-format.md, "The
rules"; T5 of docs/obligations.md).  An obligation is the negation of a claim: it must be unsatisfiable.

Forms: `direct` says exactly that, activations as if-then-else.  `decomposed` says the linear identity behind it,
P(v) = ratio * (class form) with the ratio a scaling that the activation commutes with, and the scaling law of each
activation is an obligation of its own, for a symbolic ratio.  Neither uses what the other shows.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from exactlump.activation import IDENTITY, Activation
from exactlump.certificate import Certificate
from exactlump.functions import ALLOWED, allowed, applied, definition, factor, function_name, logic
from exactlump.network import Network
from exactlump.rational import fraction, rational
from exactlump.smtlib import numeral
from exactlump.structure import Claim, Claims, Term
from exactlump.substitution import Linear, times, total

FORMS = ("direct", "decomposed")
# A script is closed when it has this many characters: small enough to share out, large enough to be read quickly.
FULL = 1_000_000


@dataclass(frozen=True, slots=True)
class Obligation:
    """One statement that a solver must find unsatisfiable.

    side, tensor, unit  what it is about: "original" or "reduced", or "law" for the scaling law of an activation
    rule                class, constant, of, same, leader, head, input, output, law
    claim               what is claimed, in words
    assertion           the negated claim
    """

    side: str
    tensor: str
    unit: int
    rule: str
    claim: str
    assertion: str

    @property
    def name(self) -> str:
        """Side, tensor, rule and unit: unique in a proof."""
        return f"{self.side} {self.tensor} {self.rule} {self.unit}"

    @property
    def text(self) -> str:
        """What the script has for it, up to the answer."""
        return f"; {self.claim}\n(push 1)\n(set-info :status unsat)\n{self.assertion}\n(check-sat)\n"


@dataclass(frozen=True, slots=True)
class Script:
    """A text for solvers: definitions, and obligations that use them.

    constants  what each declared constant stands for
    """

    side: str
    tensor: str
    number: int
    form: str
    preamble: str
    obligations: tuple[Obligation, ...]
    constants: Mapping[str, str] = field(repr=False)

    @property
    def text(self) -> str:
        """All of it, byte for byte the same for the same files."""
        return self.preamble + "".join(f"{o.text}(pop 1)\n" for o in self.obligations)

    @property
    def sha256(self) -> str:
        """The hash of the text."""
        return hashlib.sha256(self.text.encode()).hexdigest()


class Obligations:
    """All that a certificate has to show of two networks: `count` obligations, in `scripts()`.

    form: "decomposed" or "direct".  Raises NotALumping when the relations do not fit the networks at all.
    """

    def __init__(self, original: Network, reduced: Network, certificate: Certificate, form: str = "decomposed") -> None:
        assert form in FORMS
        self.form, self.all = form, Claims(original, reduced, certificate)
        self.claims = list(self.all.all())
        used = {c.sigma for c in self.claims if form == "decomposed" and _splits(c) and _needs_law(c)}
        self.laws = sorted((s for s in used if s.scalings != "one" and s != IDENTITY), key=str)
        self.inputs = [self.all.reduced.names(port.name) for port in reduced.inputs]
        self.count = len(self.claims) + len(self.laws) + len(original.inputs)

    def scripts(self) -> Iterator[Script]:
        """The scripts: scaling laws, inputs, the reduced network, the original one, outputs."""
        for number, sigma in enumerate(self.laws):
            yield _law(number, sigma)
        yield from self._inputs()
        numbered: Counter[str] = Counter()
        for (side, tensor, _), group in groupby(self.claims, key=_place):
            for claims, assertions in _parts(group, self.form):
                number = numbered[f"{side} {tensor}"]
                numbered[f"{side} {tensor}"] += 1
                yield self._script(side, tensor, number, claims, assertions)

    def _inputs(self) -> Iterator[Script]:
        """That both networks read the same inputs."""
        original, reduced = self.all.original, self.all.reduced
        for ours, theirs in zip(original.network.inputs, reduced.network.inputs, strict=True):
            pairs = zip(original.names(ours.name), reduced.names(theirs.name), strict=True)
            equal = " ".join(f"(= {a} {b})" for a, b in pairs)
            words = f"original {ours.name!a}: every element of this input is that of {theirs.name!a}"
            one = Obligation("original", ours.name, 0, "input", words, f"(assert (not (and true {equal})))")
            yield self._assemble("original", ours.name, 0, "QF_LRA", [original.key(ours.name)], [], (one,))

    def _script(self, side: str, tensor: str, number: int, claims: list[Claim], assertions: list[str]) -> Script:
        """One script from the claims of one tensor."""
        keys = {term.block for claim in claims for term in (claim.left, *(t for _, t in claim.right))}
        functions = {sigma for claim in claims for sigma in (claim.sigma, claim.tau) if _is_written(claim, self.form)}
        obligations = tuple(
            Obligation(side, tensor, c.left.unit, c.rule, c.words, assertion)
            for c, assertion in zip(claims, assertions, strict=True)
        )
        lines = [line for sigma in sorted(functions, key=str) for line in definition(sigma)]
        return self._assemble(side, tensor, number, logic(functions), keys, lines, obligations)

    def _assemble(
        self,
        side: str,
        tensor: str,
        number: int,
        theory: str,
        keys: Iterable[str],
        lines: list[str],
        obligations: tuple[Obligation, ...],
    ) -> Script:
        blocks = self.all.blocks
        closure = blocks.closure(keys)
        head = [*_header(f"{side} {tensor!a}", number, self.form), *options(theory), *lines]
        preamble = "".join(f"{line}\n" for line in head) + "".join(blocks.text[key] for key in closure)
        constants = {name: meaning for key in closure for name, meaning in blocks.constants[key].items()}
        return Script(side, tensor, number, self.form, preamble, obligations, constants)


def _place(claim: Claim) -> tuple[str, str, bool]:
    """What the claims of one script have in common."""
    return claim.left.half.side, claim.left.tensor, claim.left.by_name


def _parts(claims: Iterable[Claim], form: str) -> Iterator[tuple[list[Claim], list[str]]]:
    """The claims of one tensor with their assertions, cut where a script is full."""
    part: list[Claim] = []
    assertions: list[str] = []
    size = 0
    rows: dict[Term, Linear] = {}
    for claim in claims:
        part.append(claim)
        assertions.append(_assertion(claim, form, rows))
        size += len(assertions[-1])
        if size >= FULL:
            yield part, assertions
            part, assertions, size = [], [], 0
    if part:
        yield part, assertions


# Statements.


def _splits(claim: Claim) -> bool:
    """Whether a claim follows from a linear identity by the scaling law of its activation.

    Not where the ratio does not tell the scaling: then the claim is written as it stands.
    """
    return len(claim.right) == 1 and claim.sigma == claim.tau and not claim.plus and not claim.sigma.is_scale_free


def _needs_law(claim: Claim) -> bool:
    """Whether a scaling other than 1 may have led to the ratio."""
    return bool(claim.ratio != 1 or claim.sigma.ratio == "size")


def _is_written(claim: Claim, form: str) -> bool:
    """Whether the activations of a claim stand in its assertion."""
    return form == "direct" or not _splits(claim)


def _assertion(claim: Claim, form: str, rows: dict[Term, Linear]) -> str:
    """The negated claim; `rows` remembers the class forms, which several members of a class share."""
    for _, term in claim.right:
        if term not in rows:
            rows[term] = term.linear()
    right = [rows[term].scaled(c) for c, term in claim.right]
    left = claim.left.linear()
    statement = _direct(claim, left, right) if _is_written(claim, form) else _identity(claim, left, right[0])
    return f"(assert (not {statement}))"


def _identity(claim: Claim, left: Linear, right: Linear) -> str:
    """The linear identity of a claim, and that its ratio is one that the activation commutes with."""
    ratio, sigma = claim.ratio, claim.sigma
    equal = _equal(left, right.scaled(ratio))
    if sigma == IDENTITY or not _needs_law(claim):
        return equal
    if sigma.ratio == "size":
        equal = f"(and (> {numeral(ratio)} 0) (or {equal} {_equal(left, right.scaled(-ratio))}))"
    return f"(and {allowed(sigma, numeral(ratio))} {equal})"


def _equal(left: Linear, right: Linear) -> str:
    """That two terms are equal, cleared of denominators."""
    p, q = fraction(left.content / right.content)
    return f"(= {times(numeral(rational(p)), left.row)} {times(numeral(rational(q)), right.row)})"


def _direct(claim: Claim, left: Linear, right: Sequence[Linear]) -> str:
    """The claim as it stands."""
    if not claim.right:
        return f"(= {applied(claim.sigma, left.term)} {numeral(claim.plus)})"
    if claim.sigma == claim.tau == IDENTITY and len(right) == 1 and not claim.plus:
        return _equal(left, right[0].scaled(claim.ratio))
    sums = applied(claim.tau, total([linear.term for linear in right]))
    parts = [times(numeral(claim.ratio), sums), *([numeral(claim.plus)] if claim.plus else [])]
    return f"(= {applied(claim.sigma, left.term)} {total(parts)})"


def _law(number: int, sigma: Activation) -> Script:
    """sigma(c y) = h(c) sigma(y) for every y and every c that sigma commutes with; -1 alone where there are two."""
    name, constants = function_name(sigma), {"c": "the scaling", "y": "the value before the activation"}
    if sigma.scalings == "sign twins":
        scaling = ["(define-fun c () Real (/ (- 1) 1))"]
        del constants["c"]
    else:
        scaling = ["(declare-const c Real)", f"(assert {allowed(sigma, 'c')})"]
    lines = [*scaling, "(declare-const y Real)", *definition(sigma)]
    words = f"{sigma}: a scaling before it is one after it, for the scalings {ALLOWED[sigma.scalings]}"
    theory = {"QF_LRA": "QF_NRA", "QF_UFLRA": "QF_UFNRA"}.get(logic([sigma]), logic([sigma]))
    head = [*_header(f"the scaling law of {sigma}", number, "decomposed"), *options(theory), *lines]
    assertion = f"(assert (not (= ({name} (* c y)) (* {factor(sigma, 'c')} ({name} y)))))"
    one = Obligation("law", str(sigma), 0, "law", words, assertion)
    return Script("law", str(sigma), 0, "decomposed", "".join(f"{line}\n" for line in head), (one,), constants)


def _header(what: str, number: int, form: str) -> list[str]:
    return [
        f"; exactlump: {what}, part {number}, {form} form.",
        "; Each check asks for values of the constants at which one unit is not what the certificate says of it, while",
        "; the units below are: unsat proves the claim.  All unsat, for all tensors of both networks: they compute",
        "; the same function (docs/obligations.md).  In the notation of the paper's Definition 6, corrected: for every",
        "; class C of layer l-1, and the bias, rho_l(v) S_v[C] = rho_l(t) S_t[C], where",
        "; S_v[C] is the sum of W_l(u, v) / rho_{l-1}(u) over the u in C.",
    ]


def options(theory: str) -> list[str]:
    """What every script says of itself."""
    return ["(set-info :smt-lib-version 2.6)", "(set-option :produce-models true)", f"(set-logic {theory})"]
