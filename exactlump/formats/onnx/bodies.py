# SPDX-License-Identifier: Apache-2.0
"""This file is about bodies in ONNX files: local functions, and branches whose condition is a constant, put in place.

Names inside become new ones, as docs/certificate-format.md says: what makes the outputs has their names, everything
else that of the first output, a slash, and its own.  What no place is found for, such as a branch with branches inside,
stays, and is an opaque operator or refused.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from onnx import AttributeProto, FunctionProto, GraphProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper

from exactlump.errors import FormatError, UnsupportedLayer
from exactlump.formats.onnx.sparse import made_dense

_STANDARD = ("", "ai.onnx")
_DEPTH, _MOST_NODES = 16, 1 << 17
_SUBGRAPHS = (AttributeProto.GRAPH, AttributeProto.GRAPHS)
# Domain, name and overload of a function.
_Key: TypeAlias = tuple[str, str, str]
# How far a condition is followed, and what is made of constants on the way.
_STEPS = 32
_FOLDED: Mapping[str, Callable[..., Any]] = {
    "Identity": lambda x: x,
    "Equal": np.equal,
    "Less": np.less,
    "Greater": np.greater,
}


def in_place(model: ModelProto) -> ModelProto:
    """The model, changed so that the nodes of bodies are in the place of those that stand for them, and that sparse
    constants are dense (`sparse.py`).

    Raises UnsupportedLayer for functions in ONNX's own domain, or with other versions of operators than the model has,
    with subgraphs, or inside of each other without end; FormatError for calls that fit no body.
    """
    graph = model.graph
    if model.functions or any(node.op_type == "If" for node in graph.node):
        bodies = _Bodies(model)
        nodes = list(bodies.nodes(graph.node, 0))
        del graph.node[:], model.functions[:]
        graph.node.extend(nodes)
        graph.initializer.extend(bodies.initialisers)
    made_dense(graph)
    return model


@dataclass(slots=True)
class _Bodies:
    """The functions of a model, its constants, and the initialisers of branches that were put in place."""

    model: ModelProto
    functions: dict[_Key, FunctionProto] = field(default_factory=dict)
    initialisers: list[TensorProto] = field(default_factory=list)
    constants: dict[str, NodeProto | TensorProto] = field(default_factory=dict)
    count: int = 0

    def __post_init__(self) -> None:
        for function in self.model.functions:
            key = function.domain, function.name, function.overload
            if function.domain in _STANDARD:
                raise UnsupportedLayer(f"found a function {function.name!r} in the domain of ONNX's own operators")
            if key in self.functions:
                raise FormatError(f"found the function {function.name!r} twice")
            self.functions[key] = function
        self.constants |= {tensor.name: tensor for tensor in self.model.graph.initializer}

    def nodes(self, nodes: Sequence[NodeProto], depth: int) -> Iterator[NodeProto]:
        """Nodes in order, those inside of bodies in place."""
        if depth >= _DEPTH:
            raise UnsupportedLayer(f"found functions inside of functions, {_DEPTH} deep, expected fewer")
        for node in nodes:
            self.count += 1
            if self.count > _MOST_NODES:
                raise UnsupportedLayer(f"found more than {_MOST_NODES} nodes in functions")
            function = self.functions.get(_key(node))
            if function is not None:
                yield from self.nodes(list(self._called(node, function)), depth + 1)
                continue
            branch = self._branch(node)
            if branch is not None:
                yield from self.nodes(list(self._branched(node, branch)), depth + 1)
                continue
            self._demand_no_calls(node)
            self.constants |= dict.fromkeys((name for name in node.output if name), node)
            yield node

    def _called(self, node: NodeProto, function: FunctionProto) -> Iterator[NodeProto]:
        """The nodes of a function for a node that calls it."""
        if len(node.input) > len(function.input):
            raise FormatError(f"{node.op_type}: found {len(node.input)} inputs, expected {len(function.input)} at most")
        self._demand_versions(function)
        given = [*node.input] + [""] * (len(function.input) - len(node.input))
        settings = {a.name: a for a in (*function.attribute_proto, *node.attribute)}
        names = dict(zip(function.input, given, strict=True))
        for made in _spliced(function.node, names, function.output, node.output, None):
            attributes = [_given(attribute, settings) for attribute in made.attribute]
            if any(a.type in _SUBGRAPHS for a in made.attribute):
                raise UnsupportedLayer(f"function {function.name!r}: found a subgraph, expected none")
            del made.attribute[:]
            made.attribute.extend(a for a in attributes if a is not None)
            yield made

    def _demand_versions(self, function: FunctionProto) -> None:
        ours = {_domain(entry.domain): entry.version for entry in self.model.opset_import}
        for entry in function.opset_import:
            found = ours.get(_domain(entry.domain), entry.version)
            if entry.version != found:
                raise UnsupportedLayer(
                    f"function {function.name!r}: found operators of version {entry.version}, expected {found} as in "
                    "the model: onnx.inliner.inline_local_functions(MODEL, True) converts it"
                )

    def _branch(self, node: NodeProto) -> GraphProto | None:
        """The branch of an If that a constant condition takes, if it can be put in place."""
        if node.op_type != "If" or node.domain not in _STANDARD or len(node.input) != 1:
            return None
        value = self._value(node.input[0], [_STEPS])
        if value is None or value.dtype != np.bool_ or value.size != 1:
            return None
        word = "then_branch" if bool(value.reshape(-1)[0]) else "else_branch"
        found = [a.g for a in node.attribute if a.name == word]
        if len(found) != 1 or found[0].input or found[0].sparse_initializer:
            return None
        inside = (a.type for inner in found[0].node for a in inner.attribute)
        return None if any(kind in _SUBGRAPHS for kind in inside) else found[0]

    def _branched(self, node: NodeProto, branch: GraphProto) -> Iterator[NodeProto]:
        prefix, names = _prefix(node.output), dict[str, str]()
        for tensor in branch.initializer:
            made = TensorProto()
            made.CopyFrom(tensor)
            made.name = names[tensor.name] = f"{prefix}/{tensor.name}"
            self.initialisers.append(made)
            self.constants[made.name] = made
        results = [value.name for value in branch.output]
        yield from _spliced(branch.node, names, results, node.output, {})

    def _value(self, name: str, steps: list[int]) -> np.ndarray[tuple[int, ...], np.dtype[np.generic]] | None:
        """What a name stands for, where that is a small constant."""
        found = self.constants.get(name)
        steps[0] -= 1
        if found is None or steps[0] < 0:
            return None
        if isinstance(found, TensorProto):
            return _small(found)
        if found.domain in _STANDARD and found.op_type == "Constant" and [a.name for a in found.attribute] == ["value"]:
            return _small(found.attribute[0].t)
        if found.domain not in _STANDARD or found.op_type not in _FOLDED or found.attribute:
            return None
        values = [self._value(source, steps) for source in found.input]
        known = [value for value in values if value is not None]
        if len(known) < len(values) or len({value.dtype for value in known}) != 1:
            return None
        return np.asarray(_FOLDED[found.op_type](*known))

    def _demand_no_calls(self, node: NodeProto) -> None:
        """No subgraph of a node may call a function, which the written file would not have."""
        for graph in _subgraphs(node):
            for inner in graph.node:
                if _key(inner) in self.functions:
                    raise UnsupportedLayer(f"{node.op_type}: found a call of {inner.op_type} in a subgraph")
                self._demand_no_calls(inner)


def _key(node: NodeProto) -> _Key:
    return node.domain, node.op_type, node.overload


def _domain(name: str) -> str:
    return "" if name in _STANDARD else name


def _subgraphs(node: NodeProto) -> Iterator[GraphProto]:
    for attribute in node.attribute:
        if attribute.type == AttributeProto.GRAPH:
            yield attribute.g
        yield from attribute.graphs


def _small(tensor: TensorProto) -> np.ndarray[tuple[int, ...], np.dtype[np.generic]] | None:
    if tensor.data_location == TensorProto.EXTERNAL or tensor.data_type == TensorProto.STRING:
        return None
    if list(tensor.dims) not in ([], [1]):
        return None
    try:
        return numpy_helper.to_array(tensor)
    except (ValueError, TypeError):
        return None


def _prefix(outputs: Sequence[str]) -> str:
    return next(filter(None, outputs), "")


def _given(attribute: AttributeProto, settings: Mapping[str, AttributeProto]) -> AttributeProto | None:
    """An attribute of a node of a function, with the value that the call gives; None: it gives none."""
    if not attribute.ref_attr_name:
        return attribute
    found = settings.get(attribute.ref_attr_name)
    if found is None:
        return None
    made = AttributeProto()
    made.CopyFrom(found)
    made.name = attribute.name
    return made


def _spliced(
    nodes: Sequence[NodeProto],
    inner: Mapping[str, str],
    results: Sequence[str],
    outputs: Sequence[str],
    outer: Mapping[str, str] | None,
) -> Iterator[NodeProto]:
    """Copies of the nodes of a body under new names.

    inner: the names of its inputs and constants; results, outputs: its own names of outputs, and those of the node that
    it is put in place of; outer: None where a body sees nothing around it
    """
    if len(outputs) > len(results) or len({*results}) < len(results):
        raise FormatError(f"found {len(outputs)} outputs, expected at most {len(results)}, each once")
    prefix, made = _prefix(outputs), {name for node in nodes for name in node.output}
    names = dict(inner)
    names |= {r: output for r, output in zip(results, outputs, strict=False) if r in made and output}
    for node in nodes:
        for name in node.output:
            names.setdefault(name, f"{prefix}/{name}" if name else "")
    names[""] = ""
    for node in nodes:
        if outer is None and not {*node.input} <= names.keys():
            raise FormatError(f"{node.op_type}: found an input that nothing in the function defines")
        copy = NodeProto()
        copy.CopyFrom(node)
        del copy.input[:], copy.output[:]
        copy.input.extend(names.get(name, name) for name in node.input)
        copy.output.extend(names[name] for name in node.output)
        yield copy
    for result, output in zip(results, outputs, strict=False):
        if result not in made and output:
            yield helper.make_node("Identity", [names.get(result, result)], [output])
