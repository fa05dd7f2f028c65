# SPDX-License-Identifier: Apache-2.0
"""This file is about files that no runtime takes, and that neither of our readers may take either.

Operators, attributes and inputs that an opset does not have, judged by onnx's own schemas; numbers of a protobuf that
are longer than any parser reads; and indices of Slice, judged by onnxruntime.
"""

import random
from fractions import Fraction

import numpy as np
import onnx
import pytest
from onnx import defs, helper

from exactlump import check, read
from exactlump.errors import FormatError, UnsupportedLayer
from exactlump.formats.onnx.arithmetic import OPERATORS
from exactlump.numbers.rational import rational
from tests.checker.test_check import evaluate as evaluate_checked
from tests.operator_table import sample
from tests.tools import NEWEST, model, node, save, tensor

STANDARD = sorted(set(check.OPERATORS) - set(check.QONNX))
FOLDED = "batch normalisation folded, scales in float32"


def schema(op, opset):
    """What the opset says of an operator; None where it has none."""
    try:
        return defs.get_schema(op, opset, "")
    except defs.SchemaError:
        return None


def taken(path):
    """Whether the engine takes a file, and whether the checker does; nothing else may happen."""
    try:
        read(path)
        engine = True
    except (FormatError, UnsupportedLayer):
        engine = False
    try:
        check.read_network(str(path), FOLDED, check.MAX_UNPACKED)
    except check.Stop:
        return engine, False
    return engine, True


def test_both_readers_know_the_same_operators():
    assert set(STANDARD) == set(OPERATORS)


@pytest.mark.parametrize("op", STANDARD)
def test_the_table_of_first_opsets_is_that_of_onnx(op):
    """Operator by operator and attribute by attribute, at every opset that is read."""
    _, words, attributes = check.OPERATORS[op]
    for opset in check.OPSETS:
        found = schema(op, opset) if opset <= NEWEST else None
        found = None if op == "Upsample" and opset not in (7, 8, 9) else found  # another one then; deprecated
        assert check.has(opset, op) == (found is not None)
        if found is None:
            continue
        assert {
            name for name in attributes if check.has(opset, op, name)
        } == attributes.keys() & found.attributes.keys()
        ports = [(mark, name, opset < int(since or 0)) for _, mark, name, since in check.PORT.findall(words)]
        assert {name for _, name, early in ports if early and name} <= found.attributes.keys()
        inputs = [mark for mark, _, early in ports if not early]
        read_later = op in ("Gemm", "Unsqueeze") and len(inputs) == found.min_input  # that the last one is there
        read_later = found.min_input - 1 if op == "Resize" else read_later  # that scales or sizes are there
        assert sum(mark != "?" for mark in inputs) >= found.min_input - read_later
        assert "*" in inputs or len(inputs) <= found.max_input


# Gemm without a bias, and Resize without what opset 11 demands, which are then unknown functions.
READ_AS_OPAQUE = ("Gemm", "Resize")


@pytest.mark.parametrize("op", [op for op in STANDARD if not check.has(6, op) or op == "Gemm"])
def test_an_operator_is_refused_before_its_first_opset(op, tmp_path):
    first = next(opset for opset in check.OPSETS if check.has(opset, op))
    first = 11 if op == "Gemm" else first  # before, its bias may not be left out
    made = sample("", op)
    for opset in range(6, NEWEST + 1):
        made.opset_import[0].version = opset
        path = save(tmp_path / "m.onnx", made)
        engine, checker = taken(path)
        assert engine == checker or op in READ_AS_OPAQUE, opset
        assert (engine or checker) <= (opset >= first or op in READ_AS_OPAQUE), opset
        assert opset != max(first, 13) or not check.has(opset, op) or (engine and checker)


def later_attributes():
    """For each operator the attributes that came, or went, after opset 6, with a value that says nothing."""
    for op in STANDARD:
        for name in sorted(check.OPERATORS[op][2]):
            if not all(check.has(opset, op, name) for opset in check.OPSETS if check.has(opset, op)):
                yield op, name


@pytest.mark.parametrize(("op", "name"), [*later_attributes()])
def test_an_attribute_is_refused_where_the_opset_does_not_have_it(op, name, tmp_path):
    harmless = {"dilations": [1, 1], "seed": 0, "axis": 1, "num_outputs": 2, "end": 4, "value_floats": [1.0]}
    harmless |= {"value_float": 1.0, "value_int": 1, "value_ints": [1], "spatial": 1, "saturate": 1, "output_dtype": 2}
    refused = 0
    for opset in range(6, NEWEST + 1):
        if not check.has(opset, op):
            continue
        made = sample("", op)
        made.opset_import[0].version = opset
        for entry in made.graph.node:
            if entry.op_type == op:
                kept = [a for a in entry.attribute if a.name != name and not (op == "Constant" and a.name == "value")]
                del entry.attribute[:]
                entry.attribute.extend([*kept, helper.make_attribute(name, harmless.get(name, 0))])
        engine, checker = taken(save(tmp_path / "m.onnx", made))
        if not check.has(opset, op, name):
            assert (engine, checker) == (False, False), opset
            refused += 1
    assert refused


def test_scales_of_an_axis_need_opset_13(tmp_path):
    constants = [tensor("q", np.array([[1, 2], [3, 4]], np.int8)), tensor("s", np.array([0.5, 2], np.float32))]
    nodes = [node("DequantizeLinear", "q s", "W"), node("MatMul", "x W", "y")]
    for opset in range(10, NEWEST + 1):
        made = model(nodes, {"x": [1, 2]}, {"y": [1, 2]}, constants, opset=opset)
        assert taken(save(tmp_path / "m.onnx", made)) == (opset >= 13,) * 2


def test_max_and_min_do_not_broadcast_before_opset_8(tmp_path):
    for opset in range(6, 14):
        for values, fits in ((np.float32(1), opset >= 8), (np.ones((1, 2)), True)):
            made = model([node("Max", "x c", "y")], {"x": [1, 2]}, {"y": [1, 2]}, {"c": values}, opset=opset)
            path = save(tmp_path / "m.onnx", made)
            assert taken(path) == (fits, True)  # the checker takes it for an unknown function


# Protocol buffers


def varint(n, more=0):
    """A number, with so many bytes more than it needs."""
    found = [n >> shift & 127 for shift in range(0, max(n.bit_length(), 1), 7)] + [0] * more
    return bytes([byte | 128 for byte in found[:-1]] + found[-1:])


def spelled(data, path, *, key=0, length=0):
    """The message with the field at a path of numbers (the first of each) spelled with longer keys or lengths."""
    parts, done = [], False
    for number, wire, value in check.fields(memoryview(data)):
        here = not done and number == path[0]
        done |= here
        more = (key, length) if here and len(path) == 1 else (0, 0)
        if here and len(path) > 1:
            value = spelled(bytes(value), path[1:], key=key, length=length)
        parts.append(varint(number << 3 | wire, more[0]))
        parts.append(varint(value) if wire == 0 else (varint(len(value), more[1]) if wire == 2 else b"") + bytes(value))
    assert done
    return b"".join(parts)


PLACES = {"ir_version": [1], "graph": [7], "node": [7, 1], "op_type": [7, 1, 4], "initializer": [7, 5]}
PLACES["dims"] = [7, 5, 1]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("what", ["key", "length"])
def test_keys_and_lengths_have_at_most_five_bytes(place, what, tmp_path):
    runtime = pytest.importorskip("onnxruntime")
    runtime.set_default_logger_severity(4)
    data = model([node("MatMul", "x W", "y")], {"x": [1, 2]}, {"y": [1, 2]}, {"W": np.eye(2)}).SerializeToString()
    assert spelled(data, PLACES[place]) == data
    if what == "length" and place in ("ir_version", "dims"):
        pytest.skip("a number, which has no length")
    for more in range(1, 10):
        longer = spelled(data, PLACES[place], **{what: more})
        assert len(longer) >= len(data) + more
        engine, checker = taken(save(tmp_path / "m.onnx", longer))
        try:
            runtime.InferenceSession(longer)
            runs = True
        except Exception:  # noqa: BLE001  # onnxruntime raises bare Exception subclasses of many kinds
            runs = False
        assert engine == checker == runs == (more < 5)


def test_numbers_may_have_ten_bytes(tmp_path):
    """Values are of 64 bits: a negative one has ten bytes."""
    made = model([node("Softmax", "x", "y", axis=-1)], {"x": [1, 2]}, {"y": [1, 2]})
    assert b"\xff" * 9 + b"\x01" in made.SerializeToString()
    assert taken(save(tmp_path / "m.onnx", made)) == (True, True)


# Slice

BEYOND = [s * (1 << bits) + more for s in (1, -1) for bits in (31, 32, 62) for more in (-1, 0, 1)]
FAR = [0, 1, 2, -1, -2, 5, -5, 6, *BEYOND, (1 << 63) - 1, -(1 << 63), 1 - (1 << 63)]


def index(rng, name, kind):
    """A vector of one index, near or far; at times a number, or of another type."""
    value = rng.choice([0, 0, 0, -1, 1, 1 << 32] if name == "a" else [1, -1, 2, *FAR] if name == "t" else FAR)
    kind = kind if rng.random() < 0.95 else np.int32
    info = np.iinfo(kind)
    value = min(max(value, int(info.min)), int(info.max))
    return np.array([value] if rng.random() < 0.95 else value, kind)


def test_slices_of_constants_are_those_of_onnxruntime_or_refused(tmp_path):
    """Far beyond the sizes, and beyond 32 bits; indices of two types, or numbers where vectors belong, nobody reads."""
    runtime = pytest.importorskip("onnxruntime")
    runtime.set_default_logger_severity(4)
    rng, seen, path = random.Random(7), {True: 0, False: 0}, tmp_path / "m.onnx"
    for _ in range(400):
        names = "seat"[: rng.choice([2, 3, 4])]
        kind = rng.choice([np.int64, np.int64, np.int32])
        constants = [tensor(name, index(rng, name, kind)) for name in names]
        constants += [tensor("C", np.arange(1, 6, dtype=np.float32)), tensor("z", np.array([0]))]
        nodes = [node("Slice", f"C {' '.join(names)}", "c"), node("Gather", "c z", "g"), node("Mul", "x g", "y")]
        made = model(nodes, {"x": [1, 1]}, {"y": [1, 1]}, constants, opset=rng.choice([10, 11, 13, 18]))
        save(path, made)
        try:
            runs = runtime.InferenceSession(made.SerializeToString())
            expected = [Fraction(float(y)) for y in runs.run(None, {"x": np.array([[1]], np.float32)})[0].ravel()]
        except Exception:  # noqa: BLE001
            expected = None
        engine, checker = taken(path)
        assert engine == checker <= (expected is not None), [onnx.numpy_helper.to_array(c) for c in constants[:-2]]
        seen[engine] += 1
        if engine:
            assert [Fraction(int(y)) for y in read(path).evaluate((rational(1),))[0]] == expected
            checked = check.read_network(str(path), FOLDED, check.MAX_UNPACKED)
            assert evaluate_checked(checked, [Fraction(1)]) == [expected]
    assert min(seen.values()) > 80


def test_a_constant_beyond_its_type_is_refused(tmp_path):
    """Sums and products of 64-bit integers that wrap in a runtime."""
    far = [tensor("C", np.arange(5, dtype=np.float32)), tensor("zero", np.array([0])), tensor("all", np.array([9]))]
    sums = (("Add", (1 << 63) - 1, 1, "s all"), ("Sub", -(1 << 63), 1, "zero s"), ("Mul", 1 << 40, 1 << 40, "s all"))
    for op, first, second, part in sums:
        for one, other, fits in ((first, second, False), (0, 0 if op != "Sub" else -9, True)):
            constants = [tensor("a", np.array([one])), tensor("b", np.array([other])), *far]
            nodes = [node(op, "a b", "s"), node("Slice", f"C {part}", "c"), node("Add", "x c", "y")]
            made = model(nodes, {"x": [1, 5]}, {"y": [1, 5]}, constants)
            assert taken(save(tmp_path / "m.onnx", made)) == (fits, fits)
    save(tmp_path / "m.onnx", model([node("Neg", "a", "s"), *nodes[1:]], {"x": [1, 5]}, {"y": [1, 5]}, [
        tensor("a", np.array([-(1 << 63)])), *far
    ]))  # fmt: skip
    with pytest.raises(FormatError, match="INT64"):
        read(tmp_path / "m.onnx")
