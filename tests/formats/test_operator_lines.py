# SPDX-License-Identifier: Apache-2.0
"""This file is about the table of ONNX operators: each line against ONNX's own schemas, at every opset."""

from dataclasses import replace
from pathlib import Path

import pytest
from onnx import AttributeProto, defs, helper

from exactlump import read
from exactlump.errors import FormatError, UnsupportedLayer
from exactlump.formats.onnx.arithmetic import OPERATORS
from exactlump.formats.onnx.graph import Reader
from exactlump.formats.onnx.operators import Operator
from exactlump.formats.onnx.rules import NAME, Rule, flag, integer, number, word
from exactlump.numbers.rational import rational
from tests.tools import NEWEST, model, node, save

# What files before opset 6 say about memory; it means nothing.
SILENT = {"consumed_inputs"}


def schema(op, opset):
    try:
        found = defs.get_schema(op, opset, "")
    except defs.SchemaError:
        return None
    return None if found.deprecated else found


def flaws(op, rule):
    """Where a line says something else than the schemas."""
    for opset in range(1, NEWEST + 1):
        stated = schema(op, opset)
        if stated is None:
            continue
        ports = [port for port in rule.ports if port.since <= opset]
        required = sum(not port.optional for port in ports)
        several = any(port.several for port in ports)
        if op == "Split" and 2 <= opset < 13:  # its second input went, and came again
            ports = ports[:1]
        if several != (stated.max_input > 1 << 20) or not (several or len(ports) == stated.max_input):
            yield f"opset {opset}: {len(ports)} inputs, {stated.max_input}"
        if required > stated.min_input:
            yield f"opset {opset}: {required} required, {stated.min_input}"
        known = {
            name: one
            for name, one in rule.attributes.items()
            if one.since <= opset and not (one.until and one.until <= opset)
        }
        if known.keys() != stated.attributes.keys() - SILENT:
            yield f"opset {opset}: {sorted(known)}, {sorted(stated.attributes)}"
        for name, one in known.items():
            entry = stated.attributes.get(name)
            if entry is not None and one.kind not in (0, int(entry.type.value)):
                yield f"opset {opset}: type of {name}"
            elif (
                entry is not None
                and entry.default_value.type != AttributeProto.UNDEFINED
                and one.default(1) is not None
            ):
                if one.default(opset) != one.read(name, helper.get_attribute_value(entry.default_value)):
                    yield f"opset {opset}: default of {name}"


@pytest.mark.parametrize("op", sorted(OPERATORS))
def test_every_line_says_what_the_schemas_say(op):
    assert [*flaws(op, OPERATORS[op])] == []


@pytest.mark.parametrize(
    ("op", "changed"),
    [
        ("LeakyRelu", {"alpha": number(0.02)}),
        ("Softmax", {"axis": integer(1)}),
        ("Clip", {}),
        ("Gelu", {"approximate": integer(0)}),
        ("ArgMax", {"axis": integer(0), "keepdims": flag(True), "select_last_index": flag(False)}),
        ("Relu", {"alpha": number(1.0)}),
    ],
)
def test_a_wrong_line_is_seen(op, changed):
    assert [*flaws(op, replace(OPERATORS[op], attributes=changed))]


@pytest.mark.parametrize(("op", "ports"), [("Relu", []), ("Relu", [NAME, NAME]), ("Add", [NAME]), ("Max", [NAME])])
def test_a_wrong_number_of_inputs_is_seen(op, ports):
    assert [*flaws(op, replace(OPERATORS[op], ports=ports))]


# What a rule gets.

SEEN = []
RULE = Rule(
    lambda reader, op, *inputs, **given: SEEN.append((inputs, given)),
    [NAME, NAME.or_none(since=11)],
    {"size": number(0.1), "mode": word("near"), "keep": flag(True), "axis": integer(1).then(13, -1)},
)


def ruled(node, opset=13):
    reader = Reader(opset, Path(), {}, {}, set())
    SEEN.clear()
    RULE(reader, Operator(node))
    return SEEN[0]


def test_a_rule_gets_ready_arguments():
    tenth = rational(float.fromhex("0x1.99999ap-4"))
    assert ruled(helper.make_node("Any", ["x"], ["y"])) == (
        ("x", None),
        {"size": tenth, "mode": "near", "keep": True, "axis": -1},
    )
    assert ruled(helper.make_node("Any", ["x"], ["y"]), 12)[1]["axis"] == 1
    full = helper.make_node("Any", ["x", "z"], ["y"], size=0.5, mode="far", keep=0, axis=2)
    assert ruled(full) == (("x", "z"), {"size": rational(1, 2), "mode": "far", "keep": False, "axis": 2})


@pytest.mark.parametrize(
    ("inputs", "attributes", "opset", "error", "words"),
    [
        ([], {}, 13, FormatError, "input 0: found none"),
        ([""], {}, 13, FormatError, "input 0: found none"),
        (["x", "z", "w"], {}, 13, FormatError, "found 3 inputs, expected at most 2"),
        (["x", "z"], {}, 10, FormatError, "opsets before 11"),
        (["x"], {"size": 1}, 13, FormatError, "attribute size: found INT, expected FLOAT"),
        (["x"], {"size": float("inf")}, 13, FormatError, "attribute size: found inf"),
        (["x"], {"other": 1}, 13, UnsupportedLayer, "attribute other"),
        (["x"], {"keep": 2}, 13, UnsupportedLayer, "keep: found 2, expected 0 or 1"),
    ],
)
def test_what_is_not_as_the_line_says_is_refused(inputs, attributes, opset, error, words):
    with pytest.raises(error, match=words):
        ruled(helper.make_node("Any", inputs, ["y"], **attributes), opset)


@pytest.mark.skipif(NEWEST < 28, reason="SpaceToDepth has its mode since opset 28")
def test_blocks_in_another_order_are_not_read_as_the_usual_ones(tmp_path):
    for mode, opaque in (("DCR", 0), ("CRD", 1)):
        blocks = node("SpaceToDepth", "x", "y", blocksize=2, mode=mode)
        made = model([blocks], {"x": [1, 2, 2, 2]}, {"y": [1, 8, 1, 1]}, [], opset=28)
        assert len(read(save(tmp_path / f"{mode}.onnx", made)).opaque) == opaque
