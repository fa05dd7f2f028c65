# SPDX-License-Identifier: Apache-2.0
"""This file is about what has to be shown for a certificate to be right, unit by unit, as SMT-LIB 2 scripts.

Each row of either half of a certificate is a claim about one unit: for all values of the tensors below,

    sigma(P(v)) = ratio * tau(sum of multiples of class forms) + plus,

P(v) being what the unit's node makes of the units below, with their rows put in (docs/certificate-format.md, "The
rules"; T5 of docs/trust.md).  An obligation is the negation of a claim: it must be unsatisfiable.

Forms: `direct` says exactly that, activations as if-then-else.  `decomposed` says the linear identity behind it,
P(v) = ratio * (class form) with the ratio a scaling that the activation commutes with, and the scaling law of each
activation is an obligation of its own, for a symbolic ratio.  Neither uses what the other shows.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby

from exactlump.certificates.certificate import Certificate
from exactlump.network.activations import IDENTITY
from exactlump.network.kinds import Function, Largest
from exactlump.network.program import Network
from exactlump.smt.assertions import Rows, assertion, is_written, law_of, needs_law
from exactlump.smt.blocks import Key
from exactlump.smt.functions import ALLOWED, allowed, definition, factor, function_name, logic, scalings
from exactlump.smt.structure import Claim, Claims

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
        used = {law_of(c.sigma) for c in self.claims if not is_written(c, form) and needs_law(c)}
        self.laws = sorted((s for s in used if scalings(s) != "one" and s != IDENTITY), key=str)
        self.inputs = [self.all.reduced.names(port.name) for port in reduced.inputs]
        self.count = len(self.claims) + len(self.laws) + len(original.inputs)

    def scripts(self) -> Iterator[Script]:
        """The scripts: scaling laws, inputs, the reduced network, the original one, outputs."""
        for number, sigma in enumerate(self.laws):
            yield _law(number, sigma)
        yield from self._inputs()
        numbered: Counter[str] = Counter()
        for (side, tensor, _), group in groupby(self.claims, key=_place):
            for part in _parts(group, self.form):
                number = numbered[f"{side} {tensor}"]
                numbered[f"{side} {tensor}"] += 1
                yield self._script(side, tensor, number, part)

    def _inputs(self) -> Iterator[Script]:
        """That both networks read the same inputs."""
        original, reduced = self.all.original, self.all.reduced
        for ours, theirs in zip(original.network.inputs, reduced.network.inputs, strict=True):
            pairs = zip(original.names(ours.name), reduced.names(theirs.name), strict=True)
            equal = " ".join(f"(= {a} {b})" for a, b in pairs)
            words = f"original {ours.name!a}: every element of this input is that of {theirs.name!a}"
            one = Obligation("original", ours.name, 0, "input", words, f"(assert (not (and true {equal})))")
            yield self._assemble("original", ours.name, 0, "QF_LRA", [original.key(ours.name)], [], (one,))

    def _script(self, side: str, tensor: str, number: int, part: "_Part") -> Script:
        """One script from the claims of one tensor."""
        written = (claim for claim in part.claims if is_written(claim, self.form))
        functions = {sigma for claim in written for sigma in (claim.sigma, claim.tau)}
        obligations = tuple(
            Obligation(side, tensor, c.left.unit, c.rule, c.words, assertion)
            for c, assertion in zip(part.claims, part.assertions, strict=True)
        )
        lines = [line for sigma in sorted(functions, key=str) for line in definition(sigma)]
        lines = list(dict.fromkeys(lines))
        return self._assemble(side, tensor, number, logic(functions), part.needs, lines, obligations)

    def _assemble(
        self,
        side: str,
        tensor: str,
        number: int,
        theory: str,
        needs: Iterable[Key],
        lines: list[str],
        obligations: tuple[Obligation, ...],
    ) -> Script:
        blocks = self.all.blocks.closure(needs)
        head = [*_header(f"{side} {tensor!a}", number, self.form), *options(theory), *lines]
        preamble = "".join(f"{line}\n" for line in head) + "".join(block.text for block in blocks)
        constants = {name: meaning for block in blocks for name, meaning in block.constants.items()}
        return Script(side, tensor, number, self.form, preamble, obligations, constants)


def _place(claim: Claim) -> tuple[str, str, bool]:
    """What the claims of one script have in common."""
    return claim.left.half.side, claim.left.tensor, claim.left.by_name


@dataclass(slots=True)
class _Part:
    """Claims of one script, with their assertions and the blocks that these need."""

    claims: list[Claim] = field(default_factory=list)
    assertions: list[str] = field(default_factory=list)
    needs: set[Key] = field(default_factory=set)


def _parts(claims: Iterable[Claim], form: str) -> Iterator[_Part]:
    """The claims of one tensor, cut where a script is full."""
    part, size = _Part(), 0
    rows: Rows = {}
    for claim in claims:
        text, needs = assertion(claim, form, rows)
        part.claims.append(claim)
        part.assertions.append(text)
        part.needs |= needs
        size += len(text)
        if size >= FULL:
            yield part
            part, size = _Part(), 0
    if part.claims:
        yield part


def _law(number: int, sigma: Function) -> Script:
    """sigma(c y) = h(c) sigma(y) for every y and every c that sigma commutes with; -1 alone where there are two."""
    constants = {"c": "the scaling", "y": "the value before the activation"}
    if scalings(sigma) == "plus or minus one":
        scaling = ["(define-fun c () Real (/ (- 1) 1))"]
        del constants["c"]
    else:
        scaling = ["(declare-const c Real)", f"(assert {allowed(sigma, 'c')})"]
    if isinstance(sigma, Largest):
        title, constants["z"] = "max_pool", "another value"
        words = "max_pool: the larger of two values, and so the largest of many; a scaling before it is one after it"
        sides = "(larger (* c y) (* c z))", "(larger y z)"
    else:
        title, name = str(sigma), function_name(sigma)
        words = f"{sigma}: a scaling before it is one after it"
        sides = f"({name} (* c y))", f"({name} y)"
    variables = [f"(declare-const {name} Real)" for name in constants if name != "c"]
    theory = {"QF_LRA": "QF_NRA", "QF_UFLRA": "QF_UFNRA"}.get(logic([sigma]), logic([sigma]))
    head = [*_header(f"the scaling law of {title}", number, "decomposed"), *options(theory)]
    head += [*scaling, *variables, *definition(sigma)]
    assertion = f"(assert (not (= {sides[0]} (* {factor(sigma, 'c')} {sides[1]}))))"
    words += f", for the scalings {ALLOWED[scalings(sigma)]}"
    one = Obligation("law", title, 0, "law", words, assertion)
    return Script("law", title, 0, "decomposed", "".join(f"{line}\n" for line in head), (one,), constants)


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
