# SPDX-License-Identifier: Apache-2.0
"""This file is about the text that the extracted checker reads (proofs/README.md, "The text format").

The text holds both networks as chains of layers, their exact quotient Q, and the two halves of a certificate, in
integers: a layer has one denominator, and a class or a free unit stands for its value divided by a scale.  Q is
read off the reduced network through its half, as every checker of the certificate does.
"""

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from exactlump.activation import IDENTITY, Activation
from exactlump.certificate import Certificate
from exactlump.errors import NotALumping, UnsupportedLayer
from exactlump.network import Activate, Dense, Head, Network, Node, Reorder, Scale, Shift
from exactlump.rational import ONE, ZERO, Rational, SparseRow, fraction
from exactlump.simulation import Affine, Form, Forms, Free, Relation, Row, Same, entry, forms_of, function_of


@dataclass(frozen=True, slots=True)
class Block:
    """One layer of the text: function(W x + b), unit by unit; `target` is the tensor that it defines."""

    target: str
    rows: list[SparseRow]
    bias: list[Rational]
    functions: list[Activation]


def export(original: Network, reduced: Network, certificate: Certificate) -> Iterator[str]:
    """The lines of the text for two networks and their certificate.

    Raises UnsupportedLayer unless both are chains (with a head at most at the end), NotALumping when the
    certificate's relations do not fit them.
    """
    forward, backward = _completed(original, reduced, certificate)
    ours, theirs = _blocks(original, forward), _blocks(reduced, backward)
    anchored = [block.target for block in theirs if block.target in backward]
    q = list(_quotient(reduced, theirs, backward))
    yield "exactlump-export 1"
    yield from _network("original", original, ours)
    yield from _network("reduced", reduced, theirs)
    yield from _network("quotient", reduced, q)
    yield from _half("original", ours, forward, anchored, q)
    yield from _half("reduced", theirs, backward, anchored, q)
    yield "end"


def _completed(
    original: Network, reduced: Network, certificate: Certificate
) -> tuple[dict[str, Relation], dict[str, Relation]]:
    """Both halves with the identities that a certificate leaves out, the outputs' included."""
    forward, backward = dict(certificate.forward), dict(certificate.backward)
    over = {relation.over for relation in forward.values()}
    for node in reduced.nodes:
        if node.target not in backward and (node.target in over or isinstance(node, Activate)):
            backward[node.target] = _identity(reduced, node.target)
    ours, theirs = _end(original), _end(reduced)
    backward.setdefault(theirs, _identity(reduced, theirs))
    forward.setdefault(ours, replace(_identity(original, ours), over=theirs))
    return forward, backward


def _identity(network: Network, tensor: str) -> Relation:
    return Relation(tensor, tuple(entry(k, ONE) for k in range(network.units(tensor))))


def _end(network: Network) -> str:
    """The last tensor of a chain before any head."""
    (output,) = network.outputs
    node = network.producer.get(output)
    return node.source if isinstance(node, Head) else output


def _chain(network: Network) -> tuple[Node, ...]:
    """The nodes of a chain, a head at the end left out."""
    tensors = [port.name for port in network.inputs]
    nodes = [node for node in network.nodes if network.consumers[node.target] or node.target in network.outputs]
    for node in nodes:
        if node.source != tensors[-1] or len(tensors) > len(nodes) or (isinstance(node, Head) and node != nodes[-1]):
            raise UnsupportedLayer(f"tensor {node.target!r}: found a branch, expected a chain of layers")
        tensors.append(node.target)
    if len(network.inputs) != 1 or network.outputs != (tensors[-1],):
        raise UnsupportedLayer("network: found several inputs or outputs, expected a chain of layers")
    return tuple(node for node in nodes if not isinstance(node, Head))


def _blocks(network: Network, anchored: Collection[str]) -> list[Block]:
    """The layers of a chain; scalings, shifts and activations join the layer before them until it is anchored."""
    blocks: list[Block] = []
    closed = True
    for node in _chain(network):
        units = network.units(node.target)
        if closed or isinstance(node, Dense | Reorder):
            unit: list[SparseRow] = [{v: ONE} for v in range(units)]
            blocks.append(Block(node.target, unit, [ZERO] * units, [IDENTITY] * units))
        blocks[-1] = _joined(blocks[-1], node, network)
        closed = node.target in anchored or isinstance(node, Activate)
    return blocks


def _joined(block: Block, node: Node, network: Network) -> Block:
    """A layer followed by one more node."""
    if isinstance(node, Dense):
        rows = [dict(node.weight.row(v)) for v in range(node.weight.shape[0])]
        return replace(block, rows=rows, bias=list(node.bias))
    if isinstance(node, Reorder):
        order = node.order(network.shapes[node.source])
        return replace(block, rows=[{order[v]: ONE} for v in range(len(order))])
    if isinstance(node, Scale):
        rows = [{u: f * w for u, w in row.items() if f} for row, f in zip(block.rows, node.factor, strict=True)]
        bias = [f * b for f, b in zip(node.factor, block.bias, strict=True)]
        return replace(block, target=node.target, rows=rows, bias=bias)
    if isinstance(node, Shift):
        bias = [b + c for b, c in zip(block.bias, node.constant, strict=True)]
        return replace(block, target=node.target, bias=bias)
    assert isinstance(node, Activate)
    return replace(block, target=node.target, functions=list(node.functions))


def _quotient(reduced: Network, blocks: Iterable[Block], backward: Mapping[str, Relation]) -> Iterator[Block]:
    """The layers of Q: the form of each class's leader, divided by the leader's factor (certificate format, rule 2)."""
    forms = Forms(reduced)
    for tensor in (block.target for block in blocks if block.target in backward):
        node, relation = reduced.producer[tensor], backward[tensor]
        rows: dict[int, Form] = {}
        functions: dict[int, Activation] = {}
        for v, row in enumerate(relation.rows):
            if isinstance(row, Affine) and len(row.terms) == 1 and not row.plus and row.terms[0][0] not in rows:
                ((k, h),) = row.terms
                sigma = function_of(node, v)
                if not isinstance(sigma, Activation) or not h:
                    raise NotALumping(f"tensor {tensor!r}, unit {v}: found no class that a chain can have")
                rows[k], functions[k] = forms.before(tensor, v).scaled(ONE / h), sigma
        if sorted(rows) != list(range(len(rows))):
            raise NotALumping(f"tensor {tensor!r}: found the classes {sorted(rows)}, expected 0..{len(rows) - 1}")
        ordered = [rows[k] for k in range(len(rows))]
        weights = [{int(atom[1]): w for atom, w in form.terms.items()} for form in ordered]
        yield Block(tensor, weights, [form.constant for form in ordered], [functions[k] for k in range(len(rows))])
        forms.known[tensor] = forms_of(tensor, replace(relation, over=tensor))


# Text.


def _network(name: str, network: Network, blocks: Sequence[Block]) -> Iterator[str]:
    head = network.producer.get(network.outputs[0])
    yield f"network {name} inputs {network.units(network.inputs[0].name)} layers {len(blocks)}"
    width = network.units(network.inputs[0].name)
    for block in blocks:
        yield from _layer(block, width)
        width = len(block.rows)
    yield f"head {head.kind if isinstance(head, Head) else 'none'}"


def _layer(block: Block, width: int) -> Iterator[str]:
    """One layer over its least common denominator."""
    common = _common([*block.bias, *(w for row in block.rows for w in row.values())])
    yield f"layer {len(block.rows)} {common}"
    for row, bias, function in zip(block.rows, block.bias, block.functions, strict=True):
        weights = {u: _over(w, common) for u, w in row.items()}
        if 2 * len(weights) > width:
            edges = "all " + " ".join(str(weights.get(u, 0)) for u in range(width))
        else:
            edges = " ".join([str(len(weights)), *(f"{u} {w}" for u, w in weights.items())])
        yield f"{_function(function)} {_over(bias, common)} {edges}"


def _function(function: Activation) -> str:
    if function.slope is None:
        return function.name
    name = str(function)
    return "leaky {} {}".format(*fraction(function.slope)) if name.startswith("leaky") else name


def _half(
    name: str, blocks: Sequence[Block], relations: Mapping[str, Relation], anchored: Sequence[str], q: Sequence[Block]
) -> Iterator[str]:
    """What one half says of each layer of its network."""
    yield f"half {name} steps {len(blocks)}"
    for block in blocks:
        relation = relations.get(block.target)
        if relation is None:
            yield "derived"
            continue
        unit = _common([row.plus for row in relation.rows if isinstance(row, Affine)])
        if relation.over is None:
            yield f"kept {unit}"
            scales: list[int] = []
        else:
            scales = _scales(relation, len(q[anchored.index(relation.over)].rows))
            yield f"anchored {unit} scales {len(scales)} {' '.join(map(str, scales))}"
        yield f"rows {len(relation.rows)}"
        yield from _rows(relation.rows, unit, scales)


def _scales(relation: Relation, classes: int) -> list[int]:
    """For each class the least common denominator of the factors that rows have for it."""
    scales = [1] * classes
    for row in relation.rows:
        for k, c in row.terms if isinstance(row, Affine) else ():
            if k >= classes:
                raise NotALumping(f"tensor {relation.over!r}: found class {k}, expected 0..{classes - 1}")
            scales[k] = math.lcm(scales[k], fraction(c)[1])
    return scales


def _rows(rows: Sequence[Row], unit: int, scales: Sequence[int]) -> Iterator[str]:
    free = {v: 1 for v, row in enumerate(rows) if isinstance(row, Free)}
    for row in rows:
        if isinstance(row, Same):
            free[row.unit] = math.lcm(free.get(row.unit, 1), fraction(row.factor)[1])
    for v, row in enumerate(rows):
        if isinstance(row, Free):
            yield f"free {free[v]}"
        elif isinstance(row, Same):
            yield f"same {row.unit} {_over(row.factor, free[row.unit])}"
        elif not row.terms:
            yield f"constant {_over(row.plus, unit)}"
        elif len(row.terms) == 1 and not row.plus:
            yield f"class {row.terms[0][0]} {_over(row.terms[0][1], scales[row.terms[0][0]])}"
        else:
            terms = " ".join(f"{k} {_over(c, scales[k])}" for k, c in row.terms)
            yield f"sum {len(row.terms)} {terms} {_over(row.plus, unit)}"


def _common(values: Iterable[Rational]) -> int:
    return math.lcm(*{fraction(value)[1] for value in values})


def _over(value: Rational, common: int) -> int:
    """The numerator of a rational over a denominator that it divides."""
    p, q = fraction(value)
    return p * (common // q)
