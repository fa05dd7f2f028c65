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
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from exactlump.certificates.certificate import Certificate
from exactlump.network.activations import IDENTITY
from exactlump.network.kinds import Function
from exactlump.network.program import Network
from exactlump.smt.assertions import Rows, assertion, is_written, law_of, needs_law
from exactlump.smt.blocks import CLASSES, Key
from exactlump.smt.functions import definition, logic, scalings
from exactlump.smt.laws import Law, ordered
from exactlump.smt.premises import Bounds, Premises, bounds_of
from exactlump.smt.structure import AnyClaim, Claim, Claims, Ends, Sign

FORMS = ("direct", "decomposed")
# A script is closed when it has this many characters: small enough to share out, large enough to be read quickly.
FULL = 1_000_000


@dataclass(frozen=True, slots=True)
class Obligation:
    """One statement that a solver must find unsatisfiable.

    side, tensor, unit  what it is about: "original" or "reduced", or "law" for the scaling law of an activation
    rule                class, constant, of, same, twin, mirror, linear, zero, linear-on-box, zero-on-box, bounds,
                        leader, head, input, output, law, or another law
    claim               what is claimed, in words
    assertion           the negated claim
    box                 the number of the box that it is about; None: everywhere
    relaxed             whether its premises say less than is known, so that it may fail where the claim is true
    """

    side: str
    tensor: str
    unit: int
    rule: str
    claim: str
    assertion: str
    box: int | None = None
    relaxed: bool = False

    @property
    def name(self) -> str:
        """Side, tensor, rule, unit and box: unique in a proof."""
        on = f" on box {self.box}" if self.box is not None else ""
        return f"{self.side} {self.tensor} {self.rule} {self.unit}{on}"

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

    form    "decomposed" or "direct"
    bounds  proposes bounds of the classes of the reduced network, for each box of the claim, which are put as well;
            None: rows on a domain are put with all functions below them as they are
    Raises NotALumping when the relations do not fit the networks at all.
    """

    def __init__(
        self,
        original: Network,
        reduced: Network,
        certificate: Certificate,
        form: str = "decomposed",
        bounds: Callable[[Claims], Sequence[Bounds] | None] = lambda _: None,
    ) -> None:
        assert form in FORMS
        self.form, self.all = form, Claims(original, reduced, certificate)
        claims: list[AnyClaim] = [*self.all.all()]
        boxed = [claim for claim in claims if isinstance(claim, Sign) and _is_boxed(claim)]
        found = bounds(self.all) if boxed and form == "decomposed" else None
        self.premises = Premises(self.all, found)
        self.claims = [*self._ends(boxed, found or ()), *claims]
        self.laws = ordered([*self._laws()])
        self.inputs = [self.all.reduced.names(port.name) for port in reduced.inputs]
        self.count = len(self.claims) + len(self.laws) + len(original.inputs)

    def _laws(self) -> Iterator[Law]:
        """The laws that claims and their premises rest on."""
        signs = [claim for claim in self.claims if isinstance(claim, Sign)]
        for claim in self.claims:
            if is_written(claim, self.form) or isinstance(claim, Ends):
                continue
            if isinstance(claim, Sign):
                yield Law("linear" if claim.linear else "zero", claim.sigma)
            elif needs_law(claim) and (sigma := law_of(claim.sigma)) != IDENTITY:
                if claim.law is not None:
                    yield Law("twin", sigma)
                elif scalings(sigma) != "one":
                    yield Law("scaling", sigma)
        yield from self.premises.laws(signs)

    def _ends(self, boxed: Sequence[Sign], bounds: Sequence[Bounds]) -> Iterator[Ends]:
        """The claims that the bounds which those on boxes rest on hold, tensor by tensor."""
        needed = self._tensors_below(boxed) if bounds else []
        self.premises.shown = set(needed)
        for tensor in needed:
            for i, known in enumerate(bounds):
                yield from bounds_of(self.all, i, known, tensor)

    def _tensors_below(self, boxed: Sequence[Sign]) -> list[str]:
        """The tensors of the reduced network with classes that some claims speak of, or those of these, in order."""
        reduced, waiting = self.all.reduced, {key for claim in boxed for key in claim.left.linear().needs}
        found = set[str]()
        while waiting:
            keys = self.all.blocks.closure(waiting)
            tensors = {reduced.tensors[index] for kind, index, _ in keys if kind == CLASSES} & self.all.anchors.keys()
            new, found = tensors - found, found | tensors
            leaders = ((t, v) for t in new for v in self.all.anchors[t].leaders)
            waiting = {key for t, v in leaders for key in reduced.before(t, v).needs}
        return sorted(found, key=reduced.index.__getitem__)

    def scripts(self) -> Iterator[Script]:
        """The scripts: laws, inputs, the reduced network, the original one, outputs."""
        for number, law in enumerate(self.laws):
            yield _law(number, law)
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
        premises, needs = self._premises(part)
        functions = self._functions(part)
        obligations = tuple(
            Obligation(
                side, tensor, c.left.unit, c.rule, c.words, assertion, _box(c), self.premises.relaxed and _is_boxed(c)
            )
            for c, assertion in zip(part.claims, part.assertions, strict=True)
        )
        lines = [line for sigma in sorted(functions, key=str) for line in definition(sigma)]
        lines = list(dict.fromkeys(lines))
        return self._assemble(side, tensor, number, logic(functions), needs, lines, obligations, premises)

    def _premises(self, part: "_Part") -> tuple[list[str], set[Key]]:
        """The premises of the claims of a script, and the blocks that it needs with them."""
        needs, lines = part.needs, list[str]()
        self.premises.begin()
        found = {claim.box for claim in part.claims if not isinstance(claim, Claim)}
        for box in sorted(found, key=lambda box: -1 if box is None else box):
            line, needs = self.premises.signs(needs) if box is None else self.premises.box(box, needs)
            lines.append(line)
        return lines, needs

    def _functions(self, part: "_Part") -> set[Function]:
        """The functions that stand in a script."""
        found = set[Function]()
        for claim in part.claims:
            if isinstance(claim, Claim | Sign) and is_written(claim, self.form):
                found |= {claim.sigma, claim.tau} if isinstance(claim, Claim) else {claim.sigma}
        return found | self.premises.functions

    def _assemble(
        self,
        side: str,
        tensor: str,
        number: int,
        theory: str,
        needs: Iterable[Key],
        lines: list[str],
        obligations: tuple[Obligation, ...],
        premises: Sequence[str] = (),
    ) -> Script:
        blocks = [self.all.blocks.all[key] for key in self.all.blocks.closure(needs)]
        head = [*_header(f"{side} {tensor!a}", number, self.form), *options(theory), *lines]
        preamble = "".join(f"{line}\n" for line in head) + "".join(block.text for block in blocks)
        preamble += "".join(f"{line}\n" for line in premises)
        constants = {name: meaning for block in blocks for name, meaning in block.constants.items()}
        return Script(side, tensor, number, self.form, preamble, obligations, constants)


def _box(claim: AnyClaim) -> int | None:
    """The box that it is about."""
    return None if isinstance(claim, Claim) else claim.box


def _is_boxed(claim: AnyClaim) -> bool:
    return _box(claim) is not None


def _place(claim: AnyClaim) -> tuple[str, str, bool]:
    """What the claims of one script have in common."""
    return claim.left.half.side, claim.left.tensor, claim.left.by_name


@dataclass(slots=True)
class _Part:
    """Claims of one script, with their assertions and the blocks that these need."""

    claims: list[AnyClaim] = field(default_factory=list)
    assertions: list[str] = field(default_factory=list)
    needs: set[Key] = field(default_factory=set)


def _parts(claims: Iterable[AnyClaim], form: str) -> Iterator[_Part]:
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


def _law(number: int, law: Law) -> Script:
    """What is said of a function once: every y and every c that it commutes with."""
    head = [*_header(law.title, number, "decomposed"), *options(law.theory), *law.lines]
    one = Obligation("law", law.name, 0, law.rule, law.words, law.assertion)
    preamble = "".join(f"{line}\n" for line in head)
    return Script("law", law.name, 0, "decomposed", preamble, (one,), law.constants)


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
