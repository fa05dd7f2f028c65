# SPDX-License-Identifier: Apache-2.0
"""This file is about what a certificate says of each layer, in the words of an assessor.

Counts and classes are read off the certificate.  Where both networks are at hand, and the checker has accepted them,
they add the order of the layers, the units that were written, and why nothing more was removed.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from exactlump.certificates.certificate import Certificate
from exactlump.errors import ExactlumpError
from exactlump.lumping.simulations import (
    KINK_ROWS,
    Affine,
    Elsewhere,
    Free,
    Idle,
    Mirror,
    Relation,
    Row,
    Same,
    Signed,
    Twin,
)
from exactlump.network.kinds import Activate, mixing
from exactlump.network.program import Network
from exactlump.numbers.rational import text
from exactlump.reduction.loop import reduce
from exactlump.reduction.reports import LayerReport

# Reducing a network once more, only to say why nothing more went, is for networks with no more parameters than this.
MOST_PARAMETERS = 1_000_000
NO_FILES = "not known: the certificate alone does not say it"


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of the original network, as its rows have it.

    units               its units: neurons, or channels
    classes             how many classes they are, `merged`: units that another one of their class stands for
    zero, constant      units that are always 0, or another constant
    sums                units that are sums of classes
    unobservable        units that no output depends on
    written, copies     units of the reduced network for it, and those beyond one a class (None: not known)
    groups              each class or kind with its members, in words
    why                 why nothing more was removed
    grid                the axes of one unit, where it is an image
    kinks               units that are written over kinks in several layers of the reduced network (docs/beyond.md)
    """

    name: str
    over: str | None
    units: int
    classes: int
    merged: int
    zero: int
    constant: int
    sums: int
    unobservable: int
    written: int | None
    copies: int | None
    groups: tuple[tuple[str, tuple[str, ...]], ...]
    why: str
    grid: tuple[int, ...] = ()
    kinks: int = 0


def layers(claimed: Certificate, networks: tuple[Network, Network] | None) -> tuple[Layer, ...]:
    """The layers that the certificate has rows for, those put into the layer above, and those that were added.

    networks: the original and the reduced one, if the checker has accepted them with this certificate.
    """
    if networks is None:
        return tuple(_layer(claimed, name, None, NO_FILES) for name in claimed.forward)
    original, reduced = networks
    why = _why(claimed, original, reduced)
    found = []
    for name in original.shapes:
        if name in claimed.forward:
            layer = _layer(claimed, name, reduced, why[name])
            found.append(replace(layer, grid=original.views[name].grid))
        elif name in original.hidden and not _is_covered(original, name, claimed.forward):
            found.append(_derived(original, reduced, name))
    return (*found, *_added(claimed, original, reduced))


def _layer(claimed: Certificate, name: str, reduced: Network | None, why: str) -> Layer:
    relation = claimed.forward[name]
    kinds = [_kind(row) for row in relation.rows]
    classes = {row.single[0] for row in relation.rows if row.single is not None}
    written = _written(claimed, relation, reduced)
    number = _classes(claimed, relation, written)
    return Layer(
        name=name,
        over=relation.over,
        units=len(kinds),
        classes=len(classes),
        merged=kinds.count("class") - len(classes),
        zero=kinds.count("zero"),
        constant=kinds.count("constant"),
        sums=kinds.count("sum"),
        unobservable=kinds.count("free"),
        written=written,
        copies=None if written is None or number is None else written - number,
        groups=_groups(relation),
        why=why,
        kinks=kinds.count("kink"),
    )


def _written(claimed: Certificate, relation: Relation, reduced: Network | None) -> int | None:
    """How many units of the reduced network hold the classes of a layer."""
    if relation.over is None:
        return 0
    if relation.over in claimed.backward:
        return len(claimed.backward[relation.over].rows)
    return reduced.units(relation.over) if reduced is not None else None


def _classes(claimed: Certificate, relation: Relation, written: int | None) -> int | None:
    """How many classes the reduced network has there: one for each unit where the certificate is silent."""
    own = claimed.backward.get(relation.over) if relation.over is not None else None
    if own is None:
        return written
    return len(own.classes)


def _derived(original: Network, reduced: Network, name: str) -> Layer:
    why = "no rows of its own: without an activation, its units are put into what reads them"
    written = reduced.units(name) if name in reduced.producer else None
    return Layer(name, None, original.units(name), 0, 0, 0, 0, 0, 0, written, None, (), why)


def _added(claimed: Certificate, original: Network, reduced: Network) -> Iterator[Layer]:
    """The layers of the reduced network that stand for none of the original one."""
    over = {relation.over for relation in claimed.forward.values()}
    for name in reduced.hidden:
        if name not in original.shapes and not _is_covered(reduced, name, over):
            units, why = reduced.units(name), "only in the reduced network: holds copies, so that the numbers above fit"
            yield Layer(name, None, 0, 0, 0, 0, 0, 0, 0, units, units, (), why)


def _is_covered(network: Network, name: str, rows: Collection[str | None]) -> bool:
    """Whether one of the tensors with rows follows a hidden layer before the next one mixes its units."""
    while name not in rows:
        readers = network.consumers[name]
        if len(readers) != 1 or mixing(readers[0]) is not None:
            return False
        name = readers[0].target
    return True


# Rows in words.


def _kind(row: Row) -> str:
    """ "class", "zero", "constant", "sum", "kink" or "free"."""
    if isinstance(row, Idle) or (isinstance(row, Signed) and not row.linear):
        return "zero"
    if isinstance(row, KINK_ROWS) and not isinstance(row, Mirror):
        return "kink"
    if row.sum is None:
        return "free"
    if row.constant is not None:
        return "constant" if row.constant else "zero"
    return "sum" if row.single is None else "class"


def _groups(relation: Relation) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The partition: classes with the ratio of each member, then what is in no class."""
    groups: dict[str, list[str]] = {}
    for v, row in enumerate(relation.rows):
        groups.setdefault(_group(row), []).append(_member(v, row))
    last = {"always 0": 1, "constant": 2, "sum of classes": 3, "over kinks": 4, "unobservable": 5}
    ordered = sorted(groups, key=lambda group: last.get(group, 0))
    return tuple((group, tuple(groups[group])) for group in ordered)


def _group(row: Row) -> str:
    kind = _kind(row)
    if row.single is not None:
        return f"class {row.single[0]}"
    words = {"zero": "always 0", "sum": "sum of classes", "kink": "over kinks", "free": "unobservable"}
    return words.get(kind, kind)


def _member(v: int, row: Row) -> str:
    """A unit with the multiple of its class that it is, its constant, its sum."""
    if isinstance(row, Same):
        return f"{v} = {text(row.factor)} * unit {row.unit}"
    if isinstance(row, KINK_ROWS):
        return f"{v} = {_kink(row)}"
    if isinstance(row, Free) or _kind(row) == "zero":
        return str(v)
    if row.single is not None:
        return f"{v} (ratio {text(row.single[1])})"
    assert isinstance(row, Affine)
    parts = [f"{text(c)} * class {k}" for k, c in row.terms] + ([text(row.plus)] if row.plus else [])
    return f"{v} = {' + '.join(parts)}"


def _kink(row: Elsewhere | Twin | Mirror | Signed | Idle) -> str:
    """What a row of a kink says."""
    if isinstance(row, Idle):
        return "0 on the domain"
    if isinstance(row, Signed):
        return "its own form, which is not negative" if row.linear else "0, as its form is not positive"
    if isinstance(row, Mirror):
        return f"{text(row.factor)} * unit {row.unit} + L * its own form"
    of = f" of {row.tensor}" if row.tensor else ""
    return f"{text(row.factor)} * class {row.k}{of}" + (" + L * its own form" if isinstance(row, Twin) else "")


# Why nothing more was removed.


def _why(claimed: Certificate, original: Network, reduced: Network) -> Mapping[str, str]:
    """For each layer with rows: what reducing the reduced network once more, in exact numbers, finds."""
    if reduced.parameters > MOST_PARAMETERS:
        words = f"not examined for this page: more than {MOST_PARAMETERS:,} parameters are left"
        return dict.fromkeys(claimed.forward, words)
    try:
        again = {layer.name: layer for layer in reduce(reduced, "exact").layers}
    except ExactlumpError as error:
        return dict.fromkeys(claimed.forward, f"not known: {error}")
    return {name: _reason(original, name, relation, again) for name, relation in claimed.forward.items()}


def _has_weights(network: Network, name: str) -> bool:
    """Whether a tensor is what a layer with weights computes, activated or not."""
    node = network.producer.get(name)
    while isinstance(node, Activate):
        node = network.producer.get(node.source)
    return node is not None and mixing(node) is not None


def _reason(original: Network, name: str, relation: Relation, again: Mapping[str, LayerReport]) -> str:
    if name in original.outputs:
        return "an output: kept unit by unit"
    if relation.over is None and any(isinstance(row, Elsewhere | Twin) for row in relation.rows):
        return "its kinks are in several layers of the reduced network (docs/beyond.md)"
    if relation.over is None:
        return "nothing is left"
    layer = again.get(relation.over)
    if layer is None:
        if relation.is_identity:
            return "kept unit by unit"
        if not _has_weights(original, name):
            return "as the layers before: it has no weights of its own"
        return "not known: no layer of the reduced network ends in it"
    if layer.fused:
        return "nothing more merges; in exact numbers the layer could be put into the one above"
    classes = len(relation.classes)
    if layer.after < classes:
        return f"{classes - layer.after} more could go: reducing once more, in exact numbers, leaves {layer.after}"
    return layer.why_not_more
