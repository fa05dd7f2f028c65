# SPDX-License-Identifier: Apache-2.0
"""This file is about texts for the proved checker: a reader that evaluates them, and random ones with certificates.

Functions without rational values are replaced by rational ones that obey the same laws: what is proved of all functions
with these laws holds of them.
"""

import math
import random
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

HEADER = """exactlump-program 1
original {0}
reduced {0}
certificate {0}
criterion exact
domain all reals
specification as stored
assumes 1
Thing of domain test, the same function in both networks
""".format("0" * 64)

ZERO, ONE, HALF = Fraction(0), Fraction(1), Fraction(1, 2)


def clip(low: Fraction, high: Fraction, y: Fraction) -> Fraction:
    return min(max(y, low), high)


def quantized(n: int, s: Fraction, z: Fraction, a: Fraction, b: Fraction) -> Fraction:
    return s * (clip(a, b, n + z) - z)


# For each name how many parameters it has, and what it computes.
FUNCTIONS: dict[str, tuple[int, Callable[..., Fraction]]] = {
    "leaky_relu": (1, lambda y, s: y if y >= 0 else s * y),
    "clip": (2, lambda y, a, b: clip(a, b, y)),
    "at_least": (1, max),
    "at_most": (1, min),
    "hard_sigmoid": (2, lambda y, a, b: clip(ZERO, ONE, a * y + b)),
    "hard_swish": (0, lambda y: y * clip(ZERO, ONE, y / 6 + HALF)),
    "thresholded_relu": (1, lambda y, a: y if y > a else ZERO),
    "sign": (0, lambda y: Fraction((y > 0) - (y < 0))),
    "bipolar_sign": (0, lambda y: ONE if y >= 0 else -ONE),
    "floor": (0, lambda y: Fraction(math.floor(y))),
    "ceil": (0, lambda y: Fraction(math.ceil(y))),
    "round": (0, lambda y: Fraction(round(y))),
    "quantize": (4, lambda y, s, z, a, b: quantized(round(y / s), s, z, a, b)),
    "quantize_floor": (4, lambda y, s, z, a, b: quantized(math.floor(y / s), s, z, a, b)),
    "softsign": (0, lambda y: y / (1 + abs(y))),
    "elu": (1, lambda y, a: y if y >= 0 else a * y / (1 - y)),
    "selu": (2, lambda y, a, g: g * (y if y >= 0 else a * y / (2 - y))),
    "celu": (1, lambda y, a: y if y >= 0 else a * y / (3 - y)),
    "gelu": (0, lambda y: (y + y * y / (1 + abs(y))) / 2),
    "gelu_tanh": (0, lambda y: (y + y * y / (2 + abs(y))) / 2),
    "silu": (0, lambda y: (y + y * y / (3 + abs(y))) / 2),
    "mish": (0, lambda y: y / 3 + y / (2 + y * y)),
    "softplus": (0, lambda y: (y + abs(y) + 1 / (1 + abs(y))) / 2),
    "log_sigmoid": (0, lambda y: (y - abs(y) - 1 / (2 + abs(y))) / 2),
    "tanh": (0, lambda y: y / (1 + y * y)),
    "erf": (0, lambda y: y / (2 + y * y)),
    "sin": (0, lambda y: y / (3 + y * y)),
    "cos": (0, lambda y: 1 / (1 + y * y)),
    "exp": (0, lambda y: 1 + y + y * y / 2),
    "sigmoid": (0, lambda y: (1 + y / (1 + abs(y))) / 2),
    "surd": (1, lambda y, d: y * (1 + d) / 2),
    "hard_gate": (2, lambda y, a, b: y * clip(ZERO, ONE, a * y + b)),
    "erf_gate": (2, lambda y, a, c: c * y * (1 + a * y / (2 + (a * y) ** 2))),
    "softplus_above": (2, lambda y, b, t: y if b * y > t else (b * y + abs(b * y) + 1 / (1 + abs(b * y))) / 2 / b),
}


def operator(name: str, ys: Sequence[Fraction]) -> list[Fraction]:
    """Results of an operator: as many as any node asks for, and never negative for softmax."""
    mixed = sum((y * (i + 2) for i, y in enumerate(ys)), ONE)
    values = {"softmax": abs(mixed), "log_softmax": -abs(mixed), "argmax": mixed, "opaque": mixed * mixed - mixed}
    return [values[name] / (i + 1) for i in range(20)]


class Node(NamedTuple):
    """A node as it is written, after its row: its kind, and what follows."""

    kind: str
    start: int
    what: Any
    edges: Sequence[tuple[int, int]] = ()
    bias: int = 0
    denominator: int = 1


class Program(NamedTuple):
    inputs: int
    nodes: list[Node]
    outputs: list[int]

    def registers(self, x: Sequence[Fraction]) -> list[Fraction]:
        """The values of all registers."""
        ys = list(x)
        for node in self.nodes:
            if node.kind == "unit":
                name, parameters = node.what
                total = sum((w * ys[node.start + u] for u, w in node.edges), Fraction(node.bias))
                ys.append(FUNCTIONS[name][1](total / node.denominator, *parameters))
            elif node.kind == "greatest":
                ys.append(max((ys[node.start + u] for u in node.what), default=ZERO))
            else:
                name, results, us = node.what
                ys += operator(name, [ys[u] for u in us])[:results]
        return ys

    def evaluate(self, x: Sequence[Fraction]) -> list[Fraction]:
        ys = self.registers(x)
        return [ys[u] for u in self.outputs]


class Reader:
    """Another reader of the text: the networks in it, without their rows."""

    def __init__(self, text: str) -> None:
        lines = text.split("\n")
        assumed = next(i for i, line in enumerate(lines) if line.startswith("assumes "))
        self.words = iter(" ".join(lines[assumed + 1 + int(lines[assumed][8:]) :]).split())
        self.reduced, self.original = self.network(), self.network()

    def integer(self) -> int:
        return int(Decimal(next(self.words)))  # int() stops at 4,300 digits

    def rational(self) -> Fraction:
        p, _, q = next(self.words).partition("/")
        return Fraction(int(Decimal(p)), int(Decimal(q or 1)))

    def network(self) -> Program:
        for _ in range(3):
            next(self.words)
        inputs = self.integer()
        next(self.words)
        nodes: list[Node] = []
        units: dict[int, Node] = {}
        size = inputs
        for _ in range(self.integer()):
            self.row()
            node = self.node(units)
            if node.kind == "unit":
                units[size] = node
            size += node.what[1] if node.kind == "apply" else 1
            nodes.append(node)
        next(self.words)
        return Program(inputs, nodes, [self.integer() for _ in range(self.integer())])

    def row(self) -> None:
        kind = next(self.words)
        count = {"class": 2, "same": 2, "twin": 2, "mirror": 2, "constant": 1}.get(kind, 0)
        if kind in ("sum", "line", "zero"):
            count = 2 * self.integer() + (kind == "sum")
        for _ in range(count):
            next(self.words)

    def node(self, units: dict[int, Node]) -> Node:
        kind = next(self.words)
        if kind == "as":
            like = units[self.integer()]
            return like._replace(start=self.integer())
        if kind == "greatest":
            start = self.integer()
            return Node(kind, start, [self.integer() for _ in range(self.integer())])
        if kind == "apply":
            name = next(self.words)
            if name == "opaque":
                self.integer()
            results = self.integer()
            return Node(kind, 0, (name, results, [self.integer() for _ in range(self.integer())]))
        start, name = self.integer(), next(self.words)
        parameters = [self.rational() for _ in range(FUNCTIONS[name][0])]
        denominator, bias, how = self.integer(), self.integer(), next(self.words)
        if how == "all":
            edges = [(u, self.integer()) for u in range(self.integer())]
        else:
            edges = [(self.integer(), self.integer()) for _ in range(int(how))]
        return Node("unit", start, (name, parameters), edges, bias, denominator)

    def differ(self, rng: random.Random, points: int = 40) -> bool:
        """Whether some point tells the two networks apart."""
        if self.original.inputs != self.reduced.inputs or len(self.original.outputs) != len(self.reduced.outputs):
            return True
        drawn = (
            [Fraction(rng.randint(-30, 30), rng.randint(1, 6)) for _ in range(self.original.inputs)]
            for _ in range(points)
        )
        return any(self.original.evaluate(x) != self.reduced.evaluate(x) for x in drawn)


class BoxReader(Reader):
    """The same of a text about boxes, and these: for each input its ends, or None."""

    def __init__(self, text: str) -> None:
        head, _, body = text.partition("\nnetwork ")
        lines = [line.split() for line in head.split("\n") if line.startswith("box ")]
        self.boxes = [[*self.ends(iter(line[2:]))] for line in lines]
        self.words = iter(f"network {body}".split())
        self.reduced, self.original = self.network(), self.network()

    @staticmethod
    def ends(found: Iterator[str]) -> Iterator[tuple[Fraction, Fraction] | None]:
        for word in found:
            yield None if word == "all" else (Fraction(word), Fraction(next(found)))

    def differ(self, rng: random.Random, points: int = 40) -> bool:
        """Whether some point of a box tells the two networks apart."""
        drawn = ([self.between(ends, rng) for ends in box] for box in self.boxes for _ in range(points))
        return any(self.original.evaluate(x) != self.reduced.evaluate(x) for x in drawn)

    @staticmethod
    def between(ends: tuple[Fraction, Fraction] | None, rng: random.Random) -> Fraction:
        """A number between two ends, often one of these."""
        low, high = ends or (Fraction(-100), Fraction(100))
        return low + (high - low) * Fraction(rng.choice((0, 0, 64, 64, rng.randint(0, 64), rng.randint(0, 64))), 64)


def random_program(
    rng: random.Random, functions: Sequence[tuple[str, Sequence[Fraction]]], outputs: int = 0
) -> Program:
    """A few nodes, each of which reads any earlier registers; `outputs`: so many."""
    inputs = size = rng.randint(1, 3)
    nodes: list[Node] = []
    for _ in range(rng.randint(1, 6)):
        start = rng.randrange(size)
        us = [rng.randrange(size - start) for _ in range(rng.randint(1, 4))]
        if rng.random() < 0.2:
            nodes.append(Node("greatest", start, us))
        else:
            edges = [(u, rng.randint(-9, 9)) for u in us]
            nodes.append(Node("unit", start, rng.choice(functions), edges, rng.randint(-9, 9), rng.randint(1, 6)))
        size += 1
    return Program(inputs, nodes, [rng.randrange(size) for _ in range(outputs or rng.randint(1, 3))])


EXACT = [
    *(("leaky_relu", [Fraction(x)]) for x in ("0", "1", "-1", "1/3", "-5/2")),
    *(("clip", list(map(Fraction, pair))) for pair in (("-1", "1"), ("0", "6"), ("-1/2", "7/3"))),
    *((name, [Fraction(x)]) for name in ("at_least", "at_most", "thresholded_relu") for x in ("0", "1/2", "-1")),
    *((name, [Fraction(1, 6), Fraction(1, 2)]) for name in ("hard_sigmoid", "hard_gate")),
    *((name, []) for name in ("hard_swish", "sign", "bipolar_sign", "floor", "ceil", "round", "softsign")),
    *((name, list(map(Fraction, ("1/8", "3", "0", "255")))) for name in ("quantize", "quantize_floor")),
]


def node_text(node: Node) -> str:
    """A node without its row."""
    if node.kind == "greatest":
        return " ".join(map(str, ["greatest", node.start, len(node.what), *node.what]))
    if node.kind == "apply":
        name, results, us = node.what
        return " ".join(map(str, ["apply", name, results, len(us), *us]))
    name, parameters = node.what
    edges = [word for edge in node.edges for word in edge]
    words = ["unit", node.start, name, *parameters, node.denominator, node.bias, len(node.edges), *edges]
    return " ".join(map(str, words))


def refutation_text(
    networks: Sequence[Program],
    x: Sequence[Fraction],
    epsilon: Fraction,
    box: Sequence[tuple[Fraction, Fraction]] | None,
) -> str:
    """The text that says: the two networks differ at x by more than epsilon in some output, and x lies in the box."""
    lines = ["exactlump-refutation 1", f"a {'1' * 64}", f"b {'2' * 64}", "criterion different"]
    lines += [f"domain {'all reals' if box is None else 'the box'}", "specification as stored", "assumes 0"]
    for name, network in zip("ab", networks, strict=True):
        lines += [f"network {name} inputs {network.inputs} nodes {len(network.nodes)}", *map(node_text, network.nodes)]
        lines.append(" ".join(map(str, ["outputs", len(network.outputs), *network.outputs])))
    if box is not None:
        lines.append(" ".join(map(str, ["box", len(box), *(end for interval in box for end in interval)])))
    return "\n".join([*lines, f"epsilon {epsilon}", " ".join(map(str, ["input", len(x), *x])), "end\n"])


# Functions with the factors of further members of a class: what goes in, and what comes out.
POSITIVE = [(Fraction(2), Fraction(2)), (Fraction(1, 3), Fraction(1, 3)), (Fraction(3, 2), Fraction(3, 2))]
TWINS = [(-ONE, -ONE)]
DRAWN: list[tuple[str, list[tuple[Fraction, Fraction]]]] = [
    ("leaky_relu 0", POSITIVE),
    ("leaky_relu 0", POSITIVE),
    ("leaky_relu 1/3", POSITIVE),
    ("leaky_relu 1", [*POSITIVE, (Fraction(-2), Fraction(-2))]),
    ("leaky_relu -1", [*POSITIVE, (Fraction(-2), Fraction(2))]),
    ("clip -1 1", TWINS),
    ("clip 0 6", []),
    ("at_least 0", POSITIVE),
    ("at_most 0", POSITIVE),
    ("at_most 1", []),
    ("thresholded_relu 0", POSITIVE),
    ("hard_sigmoid 1/6 1/2", []),
    ("hard_swish", []),
    ("sign", [(Fraction(5, 7), ONE), (Fraction(-3), -ONE)]),
    ("bipolar_sign", [(Fraction(5, 7), ONE)]),
    ("floor", []),
    ("round", TWINS),
    ("quantize 1/8 3 0 255", []),
    ("quantize_floor 1/8 3 0 255", []),
    ("softsign", TWINS),
    ("elu 1", []),
    ("selu 5/3 21/20", []),
    ("celu 2", []),
    ("gelu", []),
    ("mish", []),
    ("softplus", []),
    ("tanh", TWINS),
    ("sin", TWINS),
    ("cos", [(-ONE, ONE)]),
    ("exp", []),
    ("sigmoid", []),
    ("surd 2", [*POSITIVE, (Fraction(-2), Fraction(-2))]),
    ("hard_gate 1/4 1/2", []),
    ("erf_gate 1/2 3", []),
    ("softplus_above 1 2", []),
]
# Functions with a twin law sigma(y) - sigma(-y) = L*y
LAWS = {"leaky_relu 0": ONE, "leaky_relu 1/3": Fraction(4, 3), "leaky_relu -1": ZERO, "at_most 0": ONE}
LAWS |= dict.fromkeys(("gelu", "gelu_tanh", "silu", "softplus", "log_sigmoid", "hard_swish", "thresholded_relu 0"), ONE)

Atoms = dict[
    Any, Fraction
]  # a sum of multiples of registers of N' (integers), of free ones of N ("free", u), and "one"


class Planted:
    """A random network N', and a larger one N with a certificate; `terms` says what each register of N is."""

    def __init__(self, rng: random.Random) -> None:
        self.rng, self.inputs = rng, rng.randint(1, 3)
        self.reduced: list[str] = []
        self.original: list[str] = []
        self.size = self.inputs  # registers of N'
        self.terms: list[Atoms] = [{k: ONE} for k in range(self.inputs)]
        self.pairs: list[tuple[int, int]] = [(k, k) for k in range(self.inputs)]  # a register of N', and of N
        for _ in range(rng.randint(2, 7)):
            rng.choice([self.add_class, self.add_class, self.add_class, self.add_greatest, self.add_derived])()
            if rng.random() < 0.7:
                rng.choice(EXTRAS)(self)
        if rng.random() < 0.4:
            self.add_operator()

    def text(self) -> str:
        outputs = self.rng.sample(self.pairs, min(len(self.pairs), self.rng.randint(1, 3)))
        lines = []
        for name, nodes, side in (("reduced", self.reduced, 0), ("original", self.original, 1)):
            lines += [f"network {name} inputs {self.inputs} nodes {len(nodes)}", *nodes]
            lines.append(" ".join(map(str, ["outputs", len(outputs), *(pair[side] for pair in outputs)])))
        return HEADER + "\n".join([*lines, "end\n"])

    # Units of N' and of N

    def row(self) -> tuple[dict[int, Fraction], Fraction]:
        """Weights over registers of N', and a bias."""
        known = sorted({k for k, _ in self.pairs})
        chosen = self.rng.sample(known, min(len(known), self.rng.randint(1, 4)))
        weights = {k: Fraction(self.rng.choice([-3, -2, -1, 1, 2, 5]), self.rng.randint(1, 3)) for k in chosen}
        return weights, Fraction(self.rng.randint(-3, 3), self.rng.randint(1, 2))

    @staticmethod
    def unit(row: str, function: str, weights: dict[int, Fraction], bias: Fraction) -> str:
        d = math.lcm(bias.denominator, *(w.denominator for w in weights.values()))
        kept = {u: int(w * d) for u, w in sorted(weights.items()) if w}
        start = min(kept, default=0)
        edges = " ".join(f"{u - start} {w}" for u, w in kept.items())
        return f"{row} unit {start} {function} {d} {int(bias * d)} {len(kept)} {edges}".rstrip()

    def theirs(self, row: str, function: str, weights: dict[int, Fraction], bias: Fraction) -> int:
        """Add a unit to N'; its register."""
        self.reduced.append(self.unit(row, function, weights, bias))
        self.size += 1
        return self.size - 1

    def ours(self, row: str, function: str, weights: dict[int, Fraction], bias: Fraction, terms: Atoms) -> int:
        """Add a unit to N; its register."""
        self.original.append(self.unit(row, function, *self.solved(weights, bias)))
        self.terms.append(terms)
        return len(self.terms) - 1

    def solved(self, weights: dict[int, Fraction], bias: Fraction) -> tuple[dict[int, Fraction], Fraction]:
        """Weights over registers of N that come to these over N': random but one a register, free ones in pairs."""
        settles = {k: u for k, u in self.pairs if self.terms[u] == {k: ONE}}
        left, found = dict(weights), dict[int, Fraction]()
        for u in self.rng.sample(range(len(self.terms)), min(len(self.terms), 3)):
            if u in settles.values() or self.terms[u] == {("free", u): ONE}:
                continue
            if all(atom == "one" or atom in settles or isinstance(atom, tuple) for atom in self.terms[u]):
                found[u] = w = Fraction(self.rng.randint(-2, 2))
                for atom, c in self.terms[u].items():
                    if isinstance(atom, tuple):
                        found[atom[1]] = found.get(atom[1], ZERO) - w * c
                    elif atom == "one":
                        bias -= w * c
                    else:
                        left[atom] = left.get(atom, ZERO) - w * c
        for k, w in left.items():
            found[settles[k]] = found.get(settles[k], ZERO) + w
        return found, bias

    def add_class(self) -> None:
        """A unit of N', and one or more of N."""
        function, factors = self.rng.choice(DRAWN)
        weights, bias = self.row()
        k = self.theirs("atom", function, weights, bias)
        self.pairs.append((k, self.ours(f"class {k} 1", function, weights, bias, {k: ONE})))
        for c, h in self.rng.sample(factors, self.rng.randint(0, min(2, len(factors)))):
            scaled = {j: c * w for j, w in weights.items()}
            self.ours(f"class {k} {h}", function, scaled, c * bias, {k: h})

    def add_greatest(self) -> None:
        """The greatest of several; and of their triples."""
        chosen = [self.rng.choice(self.pairs) for _ in range(self.rng.randint(1, 3))]
        self.reduced.append(" ".join(map(str, ["atom greatest 0", len(chosen), *(k for k, _ in chosen)])))
        k, self.size = self.size, self.size + 1
        self.original.append(" ".join(map(str, [f"class {k} 1 greatest 0", len(chosen), *(u for _, u in chosen)])))
        self.terms.append({k: ONE})
        self.pairs.append((k, len(self.terms) - 1))

    def add_derived(self) -> None:
        """A sum that both networks have, and only N names."""
        weights, bias = self.row()
        k = self.theirs("derived", "leaky_relu 1", weights, bias)
        self.pairs.append((k, self.ours("derived", "leaky_relu 1", weights, bias, {k: ONE})))

    def add_constant(self) -> None:
        """A unit of N that is constant."""
        function, value = self.rng.choice(
            [("leaky_relu 1/3", -ONE), ("clip 0 6", Fraction(9)), ("sigmoid", ZERO), ("cos", ZERO)]
        )
        name, *parameters = function.split()
        result = FUNCTIONS[name][1](value, *map(Fraction, parameters))
        self.ours(f"constant {result}", function, {}, value, {"one": result} if result else {})

    def add_free(self) -> None:
        """Two units that N' does not have, one a multiple of the other, and whose sum nobody sees."""
        weights, bias = self.row()
        free = len(self.terms)
        self.ours("atom", "leaky_relu 0", weights, bias, {("free", free): ONE})
        c = Fraction(self.rng.randint(1, 3), self.rng.randint(1, 2))
        scaled = {k: c * w for k, w in weights.items()}
        self.ours(f"same {free} {c}", "leaky_relu 0", scaled, c * bias, {("free", free): c})

    def add_twin(self) -> None:
        """A unit of N' and, in N, its twin of the other sign."""
        function = self.rng.choice(list(LAWS))
        weights, bias = self.row()
        k = self.theirs("atom", function, weights, bias)
        self.pairs.append((k, self.ours(f"class {k} 1", function, weights, bias, {k: ONE})))
        law = LAWS[function]
        terms: Atoms = {j: -law * w for j, w in weights.items()}
        terms["one"] = -law * bias
        terms[k] = terms.get(k, ZERO) + 1
        opposite = {j: -w for j, w in weights.items()}
        self.ours(f"twin {k} 1", function, opposite, -bias, {atom: c for atom, c in terms.items() if c})

    def add_mirror(self) -> None:
        """Two units that N' does not have, of opposite signs, and whose difference is linear."""
        function = self.rng.choice(list(LAWS))
        weights, bias = self.row()
        free = len(self.terms)
        self.ours("atom", function, weights, bias, {("free", free): ONE})
        law = LAWS[function]
        terms: Atoms = {j: -law * w for j, w in weights.items()}
        terms |= {"one": -law * bias, ("free", free): ONE}
        opposite = {j: -w for j, w in weights.items()}
        self.ours(f"mirror {free} 1", function, opposite, -bias, {atom: c for atom, c in terms.items() if c})

    def add_bent(self) -> None:
        """Units of N whose sign is known: a + 1, -a, a - x for a = relu(x)."""
        weights, bias = self.row()
        k = self.theirs("atom", "leaky_relu 0", weights, bias)
        self.pairs.append((k, self.ours(f"class {k} 1", "leaky_relu 0", weights, bias, {k: ONE})))
        self.ours(
            "line 0", self.rng.choice(["leaky_relu 0", "leaky_relu 1/3", "elu 1"]), {k: ONE}, ONE, {k: ONE, "one": ONE}
        )
        self.ours("zero 0", self.rng.choice(["leaky_relu 0", "at_least 0"]), {k: -ONE}, ZERO, {})
        less = {**{j: -w for j, w in weights.items()}, k: ONE}
        self.ours(f"line 1 {k} 1", "leaky_relu 0", less, -bias, {**less, "one": -bias} if bias else dict(less))

    def add_sum(self) -> None:
        """Two affine units of N', and in N their sum in their terms."""
        ks = []
        rows = [self.row(), self.row()]
        for weights, bias in rows:
            ks.append(self.theirs("atom", "leaky_relu 1", weights, bias))
            self.pairs.append((ks[-1], self.ours(f"class {ks[-1]} 1", "leaky_relu 1", weights, bias, {ks[-1]: ONE})))
        p, q, e = Fraction(1, 2), Fraction(self.rng.randint(1, 3)), Fraction(self.rng.randint(-2, 2))
        total: dict[int, Fraction] = {}
        for c, (weights, _) in zip((p, q), rows, strict=True):
            for j, w in weights.items():
                total[j] = total.get(j, ZERO) + c * w
        bias = p * rows[0][1] + q * rows[1][1] + e
        terms: Atoms = {ks[0]: p, ks[1]: q, **({"one": e} if e else {})}
        self.ours(f"sum 2 {ks[0]} {p} {ks[1]} {q} {e}", "leaky_relu 1", total, bias, terms)

    def add_operator(self) -> None:
        """Softmax, or an operator of which nothing is known."""
        name = self.rng.choice(["softmax", "log_softmax", "argmax", "opaque 0"])
        results = 1 if name == "argmax" else self.rng.randint(1, 3)
        chosen = [self.rng.choice(self.pairs) for _ in range(self.rng.randint(1, 3))]
        for row, nodes, side in (("atom", self.reduced, 0), (f"class {self.size} 1", self.original, 1)):
            nodes.append(
                " ".join(map(str, [row, "apply", name, results, len(chosen), *(pair[side] for pair in chosen)]))
            )
        for _ in range(results):
            self.terms.append({self.size: ONE})
            self.pairs.append((self.size, len(self.terms) - 1))
            self.size += 1


EXTRAS = [
    *(Planted.add_constant, Planted.add_free, Planted.add_twin),
    *(Planted.add_bent, Planted.add_sum, Planted.add_mirror),
]


def mutants(text: str, rng: random.Random, count: int = 12, begin: str = "network reduced") -> Iterator[str]:
    """The text with one number of a node changed; `begin`: what stands where numbers may change."""
    body = text.index(begin)
    words = text[body:].split(" ")
    numeric = [i for i, word in enumerate(words) if word.lstrip("-").isdigit()]
    for i in rng.sample(numeric, min(count, len(numeric))):
        value = int(words[i])
        other = rng.choice([value + 1, value - 1, -value, 0, 2 * value + 1, value + 1000])
        if other != value:
            yield text[:body] + " ".join([*words[:i], str(other), *words[i + 1 :]])
