# SPDX-License-Identifier: Apache-2.0
"""This file is about the whole idea on one page: lumping a ReLU network, and checking that nothing was lost.

A network is a list of layers (W, b): W[v][u] is the weight of the edge u -> v, b[v] the bias of neuron v.
Every layer but the last is followed by ReLU(y) = max(y, 0).  Numbers are exact fractions.

ReLU(c * y) = c * ReLU(y) for c > 0.  So if neuron t has c times the weights and the bias of neuron v, its value
is c times the value of v at every input: one of the two is enough.  A *witness* writes that down.  For each layer
it has one row a neuron: (k, c), "c times neuron k of the smaller network", or None, "always 0".
"""

from fractions import Fraction

Layer = tuple[list[list[Fraction]], list[Fraction]]
Rows = list[tuple[int, Fraction] | None]


def evaluate(network: list[Layer], x: list[Fraction]) -> list[Fraction]:
    """The outputs at the input x (Definitions 2 and 3 of the paper)."""
    for depth, (weights, biases) in enumerate(network, start=1):
        x = [sum((w * y for w, y in zip(row, x, strict=True)), b) for row, b in zip(weights, biases, strict=True)]
        if depth < len(network):
            x = [max(y, Fraction(0)) for y in x]
    return x


def class_sums(weights: list[Fraction], bias: Fraction, below: Rows) -> list[Fraction]:
    """The weights of one neuron on the classes of the layer below, and then its bias.

    Neuron u below has c times the value of its class, so its weight w counts c * w.  These are the sums of
    Definition 6, with the factor c = 1/rho(u) that the printed definition lacks.
    """
    classes = 1 + max((k for k, _ in filter(None, below)), default=-1)
    sums = [Fraction(0)] * classes + [bias]
    for w, row in zip(weights, below, strict=True):
        if row is not None:
            k, c = row
            sums[k] += c * w
    return sums


def identity(n: int) -> Rows:
    """Every neuron stands for itself: so it must be at the inputs and at the outputs."""
    return [(k, Fraction(1)) for k in range(n)]


def lump(network: list[Layer]) -> list[Rows]:
    """The witness of the largest lumping (Theorem 2): neurons with proportional class sums share a class."""
    witness = [identity(len(network[0][0][0]))]
    for weights, biases in network[:-1]:
        classes: dict[tuple[Fraction, ...], tuple[int, Fraction]] = {}
        rows: Rows = []
        for row, b in zip(weights, biases, strict=True):
            sums = class_sums(row, b, witness[-1])
            size = next((abs(s) for s in sums if s), None)
            if size is None:
                rows.append(None)
                continue
            direction = tuple(s / size for s in sums)  # equal for two neurons when one is c > 0 times the other
            k, first = classes.setdefault(direction, (len(classes), size))
            rows.append((k, size / first))
        witness.append(rows)
    return [*witness, identity(len(network[-1][1]))]


def quotient(network: list[Layer], witness: list[Rows]) -> list[Layer]:
    """The smaller network (Definition 7): of each class its first member, with its class sums as weights."""
    small = []
    for (weights, biases), below, rows in zip(network, witness, witness[1:], strict=False):
        firsts: dict[int, int] = {}
        for v, row in enumerate(rows):
            if row is not None:
                firsts.setdefault(row[0], v)
        sums = [class_sums(weights[v], biases[v], below) for v in firsts.values()]
        small.append(([s[:-1] for s in sums], [s[-1] for s in sums]))
    return small


def check(network: list[Layer], small: list[Layer], witness: list[Rows]) -> bool:
    """Whether the witness proves that both networks compute the same function, wherever it came from.

    Suppose the rows of the layer below are right.  Then the class sums of neuron v are what it computes from the
    smaller network's values, before ReLU.  If they are c > 0 times the weights and the bias of neuron k there,
    v is c times k after ReLU as well.  The inputs are right, so all layers are, by induction; so are the outputs.
    """
    if not len(network) == len(small) == len(witness) - 1:
        return False
    if witness[0] != identity(len(network[0][0][0])) or witness[-1] != identity(len(small[-1][1])):
        return False
    for (weights, biases), (small_weights, small_biases), below, rows in zip(
        network, small, witness, witness[1:], strict=False
    ):
        if len(rows) != len(weights):
            return False
        for row, b, claim in zip(weights, biases, rows, strict=True):
            sums = class_sums(row, b, below)
            if claim is None:
                right = not any(sums)
            else:
                k, c = claim
                right = c > 0 and 0 <= k < len(small_biases)
                right = right and sums == [c * w for w in [*small_weights[k], small_biases[k]]]
            if not right:
                return False
    return True
