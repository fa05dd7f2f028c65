# SPDX-License-Identifier: Apache-2.0
"""This file is about golden files: `python -m tests.regenerate` rewrites tests/certificates from the cases below.

Each case is two exact networks and a certificate, and says what the checker must answer: the exit code and the
rule.  The line that the checker prints is recorded beside them, so that a change of it is seen in the diff.
Networks and certificates are written by hand here, not by the project's own writer.
"""

import contextlib
import copy
import hashlib
import io
import json
import os
import shutil
from pathlib import Path

from exactlump import check

CORPUS = Path(__file__).parent / "certificates"


# --- Networks and relations in a few words ---------------------------------------------------------


def sparse(row):
    """A row of numbers as [column, text] pairs."""
    return [[u, str(w)] for u, w in enumerate(row) if str(w) != "0"]


def dense(source, target, rows, bias=None):
    """A dense node from rows of numbers or texts."""
    bias = [str(b) for b in bias or [0] * len(rows)]
    rows, columns = [sparse(row) for row in rows], len(rows[0])
    return {"op": "dense", "source": source, "target": target, "columns": columns, "rows": rows, "bias": bias}


def act(source, target, *functions):
    """An activate node; a function is a name, or the slope of a leaky ReLU."""
    listed = [[f] if f in check.FUNCTIONS else ["leaky_relu", str(f)] for f in functions]
    return {"op": "activate", "source": source, "target": target, "functions": listed}


def relu(source, target, units):
    """ReLU on every unit."""
    return act(source, target, *[0] * units)


def scale(source, target, *factor):
    """A scale node."""
    return {"op": "scale", "source": source, "target": target, "factor": list(map(str, factor))}


def shift(source, target, *constant):
    """A shift node."""
    return {"op": "shift", "source": source, "target": target, "constant": list(map(str, constant))}


def reorder(source, target, axes, shape):
    """A reorder node."""
    return {"op": "reorder", "source": source, "target": target, "axes": axes, "shape": shape}


def head(source, target, kind="softmax"):
    """A head."""
    return {"op": "head", "source": source, "target": target, "kind": kind}


def net(*nodes, x=1, inputs=None, outputs=("y",)):
    """A network with the input x, of x elements or of that shape, or with several inputs."""
    shapes = inputs or {"x": x}
    ports = [{"name": name, "shape": n if isinstance(n, list) else [n]} for name, n in shapes.items()]
    top = {"format": "exactlump network", "version": 1, "inputs": ports}
    return {**top, "nodes": list(nodes), "outputs": list(outputs)}


def row(k, h=1):
    """h times class k."""
    return [k, str(h)]


def total(*terms, plus=0):
    """A sum of classes plus a constant."""
    return {"of": [row(k, c) for k, c in terms], "plus": str(plus)}


def same(u, h=1):
    """h times the free unknown of unit u."""
    return ["=", u, str(h)]


def over(tensor, *rows):
    """A relation over a tensor of the reduced network; None for a relation that names no class."""
    return {"over": tensor, "rows": list(rows)} if tensor else {"rows": list(rows)}


def identity(tensor, units):
    """The relation of a tensor with its namesake, unit by unit."""
    return over(tensor, *[row(v) for v in range(units)])


def text(value):
    """Canonical JSON: what the project writes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")) + "\n"


def entry(data):
    """What a certificate says about a JSON network file."""
    return {"external": {}, "format": "json", "sha256": hashlib.sha256(data).hexdigest(), "tensors": {}}


def certificate(original, reduced, relations, reduced_relations=None, match=None):
    """A certificate about two files, given as bytes; of version 1, or of version 2 with a matching."""
    matching = {"match": dict(zip(("inputs", "outputs"), match, strict=True))} if match else {}
    return {
        "claim": {"criterion": "exact", "domain": "all reals", "specification": "as stored", **matching},
        "format": "exactlump certificate",
        "original": entry(original),
        "producer": "tests.regenerate",
        "reduced": entry(reduced),
        "relations": copy.deepcopy({"original": relations, "reduced": reduced_relations or {}}),
        "version": 2 if match else 1,
    }


# --- Cases -----------------------------------------------------------------------------------------

CASES = {}


def case(name, code, rule, original, reduced, relations, back=None, edit=None, match=None):
    """Keep a case; `edit` changes the certificate, or gives its text, or that of another file by name."""
    files = {"original.json": text(original).encode(), "reduced.json": text(reduced).encode()}
    words = certificate(files["original.json"], files["reduced.json"], relations, back, match)
    changed = edit(words) if edit else None
    files["certificate.json"] = text(words).encode()
    if isinstance(changed, str | bytes):
        changed = {"certificate.json": changed}
    files |= {key: value.encode() if isinstance(value, str) else value for key, value in (changed or {}).items()}
    assert name not in CASES
    CASES[name] = files, code, rule


def valid(name, original, reduced, relations, back=None, edit=None, match=None):
    """A true certificate."""
    case(f"valid/{name}", 0, "", original, reduced, relations, back, edit, match)


def invalid(name, rule, original, reduced, relations, back=None, edit=None, match=None):
    """A well-formed certificate that is false, and the rule that catches it."""
    case(f"invalid/{name}", 1, rule, original, reduced, relations, back, edit, match)


# The example of docs/certificate-format.md, and variations of it.
TWINS = net(dense("x", "p", [[1], [2]]), relu("p", "h", 2), dense("h", "y", [[3, 4]], [5]))
ONE = net(dense("x", "p", [[1]]), relu("p", "h", 1), dense("h", "y", [[11]], [5]))
TWICE = over("h", row(0), row(0, 2))


def hidden(weights, outgoing, function=0, bias=None, name="h"):
    """A network with one hidden layer of units with one function."""
    first = dense("x", "p", weights, bias)
    functions = function if isinstance(function, list) else [function] * len(weights)
    return net(first, act("p", name, *functions), dense(name, "y", outgoing), x=len(weights[0]))


def lumping():
    """T1: classes."""
    valid("scaled_twins", TWINS, ONE, {"h": TWICE})
    valid("identity", TWINS, TWINS, {"h": identity("h", 2)})
    valid("permuted", hidden([[1], [-2]], [[3, 4]]), hidden([[-2], [1]], [[4, 3]]), {"h": over("h", row(1), row(0))})
    valid(
        "ratio_is_a_fraction",
        hidden([[3], [2]], [[1, 1]]),
        hidden([[3]], [["5/3"]]),
        {"h": over("h", row(0), row(0, "2/3"))},
    )
    leaky = [hidden([[1], [2]], [[3, 4]], "-1/3"), hidden([[1]], [[11]], "-1/3")]
    valid("leaky_relu_with_a_negative_slope", *leaky, {"h": TWICE})
    valid("abs_of_a_negative_multiple", hidden([[1], [-2]], [[3, 4]], -1), hidden([[1]], [[11]], -1), {"h": TWICE})
    minus = hidden([[1], [-2]], [[3, 4]], 1), hidden([[1]], [[-5]], 1), {"h": over("h", row(0), row(0, -2))}
    valid("identity_with_a_negative_ratio", *minus)
    prelu = hidden([[1], [2], [1]], [[1, 1, 1]], [0, 0, "1/4"]), hidden([[1], [1]], [[3, 1]], [0, "1/4"])
    valid("slopes_differ_between_classes", *prelu, {"h": over("h", row(0), row(0, 2), row(1))})
    sigmoid = [hidden([[1], [1]], [[3, 4]], "sigmoid"), hidden([[1]], [[7]], "sigmoid")]
    valid("duplicates_under_sigmoid", *sigmoid, {"h": over("h", row(0), row(0))})
    names = sorted({name for name, kind in check.FUNCTIONS.items() if kind[0] == 0} - {*check.HEADS})
    every = hidden([[v + 1] for v in range(len(names))], [[1] * len(names)], names)
    valid("every_named_function", every, every, {"h": identity("h", len(names))})
    zero = hidden([[0], [1]], [[1, 1]]), hidden([[0], [1]], [[1, 1]]), {"h": identity("h", 2)}
    valid("a_class_may_be_zero", *zero)
    long = f"1{'0' * 4999}1/1{'0' * 4000}"
    valid(
        "long_rationals", hidden([[1], [long]], [[0, 0]]), hidden([[1]], [[0]]), {"h": over("h", row(0), row(0, long))}
    )


def constants():
    """T4: constants."""
    dead = hidden([[0], [1]], [[5, 1]], bias=[-3, 0]), hidden([[1]], [[1]]), {"h": over("h", None, row(0))}
    valid("dead_unit", *dead)
    folded = net(dense("x", "p", [[1]]), relu("p", "h", 1), dense("h", "y", [[1]], [15]))
    constant = hidden([[0], [1]], [[5, 1]], bias=[3, 0]), folded, {"h": over("h", total(plus=3), row(0))}
    valid("constant_unit", *constant)
    leaky = hidden([[0], [1]], [[5, 1]], "1/2", bias=[-6, 0])
    one = net(dense("x", "p", [[1]]), act("p", "h", "1/2"), dense("h", "y", [[1]], [-15]))
    valid("negative_constant_under_leaky_relu", leaky, one, {"h": over("h", total(plus=-3), row(0))})
    at_zero = {"tanh": 0, "softsign": 0, "erf": 0, "sin": 0, "cos": 1, "exp": 1, "sigmoid": "1/2"}
    rows = [total(plus=value) if value else None for value in at_zero.values()]
    names = hidden([[0]] * len(rows), [[2] * len(rows)], list(at_zero))
    valid("known_values_at_zero", names, net(dense("x", "y", [[0]], [5])), {"h": over(None, *rows)})
    below = net(
        dense("x", "p", [[1], [0]], [0, 2]),
        relu("p", "h", 2),
        dense("h", "q", [[1, 1], [0, 3]], [0, -6]),
        relu("q", "g", 2),
        dense("g", "y", [[1, 4]]),
    )
    top = net(
        dense("x", "p", [[1]]),
        relu("p", "h", 1),
        dense("h", "q", [[1]], [2]),
        relu("q", "g", 1),
        dense("g", "y", [[1]]),
    )
    valid("a_constant_makes_another", below, top, {"h": over("h", row(0), total(plus=2)), "g": over("g", row(0), None)})


def unknowns():
    """T5: units that nothing depends on."""
    valid("unobservable_unit", hidden([[1], [5]], [[1, 0]]), hidden([[1]], [[1]]), {"h": over("h", row(0), "free")})
    cancel = net(dense("x", "p", [[1], [1], [2]]), relu("p", "h", 3), dense("h", "y", [[1, 1, -1]], [7]))
    relations = {"h": over(None, "free", same(0), same(0, 2))}
    valid("a_class_that_cancels", cancel, net(dense("x", "y", [[0]], [7])), relations)
    carried = net(
        dense("x", "p", [[1], [1]]),
        relu("p", "h", 2),
        dense("h", "q", [[1, 0], [0, 1], [1, -1]], [0, 0, 4]),
        relu("q", "g", 3),
        dense("g", "y", [[1, -1, 2]]),
    )
    below = {"h": over(None, "free", same(0)), "g": over(None, "free", same(0), total(plus=4))}
    valid("an_unknown_is_carried_to_the_next_layer", carried, net(dense("x", "y", [[0]], [8])), below)
    loose = hidden([[1], [5], [10]], [[1, 2, -1]])
    back = {"h": {"rows": [row(0), "free", same(1, 2)]}}
    valid("unknowns_in_the_reduced_network", hidden([[1]], [[1]]), loose, {"h": over("h", row(0))}, back)
    empty = net(
        dense("x", "p", [[0], [1]], [2, 0]),
        relu("p", "h", 2),
        dense("h", "q", [[1, 0]]),
        relu("q", "g", 1),
        dense("g", "y", [[1]]),
    )
    relations = {"h": over(None, total(plus=2), "free"), "g": over(None, total(plus=2))}
    valid("emptied_layers", empty, net(dense("x", "y", [[0]], [2])), relations)


def affine():
    """T5: affine tensors, anchored and derived, in either half."""
    fused = net(dense("x", "p", [[1, 2], [3, 4]], [1, 0]), dense("p", "y", [[1, 1]], [1]), x=2)
    single = net(dense("x", "y", [[4, 6]], [2]), x=2)
    valid("derived_in_the_original", fused, single, {})
    valid("derived_in_the_reduced", single, fused, {})
    rank = net(
        dense("x", "p", [[1, 0], [0, 1], [1, 1]], [0, 0, 3]),
        dense("p", "q", [[1, 1, 1]]),
        relu("q", "h", 1),
        dense("h", "y", [[1]]),
        x=2,
    )
    low = net(
        dense("x", "p", [[1, 0], [0, 1]]),
        dense("p", "q", [[2, 2]], [3]),
        relu("q", "h", 1),
        dense("h", "y", [[1]]),
        x=2,
    )
    rows = over("p", row(0), row(1), total((0, 1), (1, 1), plus=3))
    valid("sum_of_classes", rank, low, {"p": rows, "h": identity("h", 1)})
    back = {"p": {"rows": [row(0), row(1), total((0, 1), (1, 1), plus=3)]}}
    valid("sum_of_classes_in_the_reduced", low, rank, {"p": identity("p", 2), "h": identity("h", 1)}, back)
    mixed = net(dense("x", "p", [[2, 0], [0, 1], [0, 0]], [0, 0, 5]), dense("p", "y", [[1, 1, 1]]), x=2)
    small = net(dense("x", "p", [[1, 0], [0, -1]]), dense("p", "y", [[2, -1]], [5]), x=2)
    valid("constant_and_negative_ratio", mixed, small, {"p": over("p", row(0, 2), row(1, -1), total(plus=5))})
    steps = net(scale("x", "a", 2, "1/3"), shift("a", "b", 1, -1), dense("b", "y", [[1, 3]]), x=2)
    valid("scale_and_shift", steps, net(dense("x", "y", [[2, 1]], [-2]), x=2), {})
    pieces = net(
        dense("x", "p", [[1]]),
        relu("p", "h", 1),
        dense("h", "a", [[1]], [4]),
        shift("a", "b", 1),
        shift("b", "y", "1/8"),
    )
    whole = net(dense("x", "p", [[1]]), relu("p", "h", 1), dense("h", "y", [[1]], ["41/8"]))
    valid("pieces_of_a_bias", whole, pieces, {"h": identity("h", 1)})
    turned = net(reorder("x", "t", [1, 0], [6]), dense("t", "y", [[1, 2, 3, 4, 5, 6]]), x=[2, 3])
    valid("reorder", turned, net(dense("x", "y", [[1, 3, 5, 2, 4, 6]]), x=6), {})
    slope = net(
        dense("x", "p", [[1], [2]]),
        act("p", "h", 1, 1),
        dense("h", "q", [[1, 1]]),
        relu("q", "g", 1),
        dense("g", "y", [[1]]),
    )
    flat = net(dense("x", "p", [[1]]), dense("p", "q", [[3]]), relu("q", "g", 1), dense("g", "y", [[1]]))
    valid("slope_one_is_the_identity", slope, flat, {"h": over("p", row(0), row(0, 2)), "g": identity("g", 1)})


def copies():
    """Units of the reduced network that share a class."""
    back = {"h": {"rows": [row(0), row(0)]}}
    valid(
        "copies",
        ONE,
        net(dense("x", "p", [[1], [1]]), relu("p", "h", 2), dense("h", "y", [[10, 1]], [5])),
        {"h": over("h", row(0))},
        back,
    )
    leader = hidden([[2], [1]], [[1, 1]])
    valid(
        "the_leader_has_a_ratio",
        hidden([[1]], [[3]]),
        leader,
        {"h": over("h", row(0))},
        {"h": {"rows": [row(0, 2), row(0)]}},
    )
    absolute = hidden([[-2], [1]], [[1, 1]], -1)
    valid(
        "the_leader_of_abs",
        hidden([[1]], [[3]], -1),
        absolute,
        {"h": over("h", row(0))},
        {"h": {"rows": [row(0, 2), row(0)]}},
    )
    valid(
        "a_constant_in_the_reduced",
        hidden([[1]], [[3]]),
        hidden([[0], [1]], [[9, 3]], bias=[-1, 0]),
        {"h": over("h", row(0))},
        {"h": {"rows": [None, row(0)]}},
    )
    wide = net(
        dense("x", "c", [[1, 0], [1, 0], [0, 1]]),
        dense("c", "p", [[1, 2, 3]]),
        relu("p", "h", 1),
        dense("h", "y", [[1]]),
        x=2,
    )
    valid(
        "copies_of_inputs",
        net(dense("x", "p", [[3, 3]]), relu("p", "h", 1), dense("h", "y", [[1]]), x=2),
        wide,
        {"h": identity("h", 1)},
    )
    between = {"h": over("h", row(1, 2), row(0))}
    valid(
        "classes_in_any_order",
        hidden([[2], [-1]], [[1, 1]]),
        hidden([[-1], [1]], [[1, 2]]),
        between,
        {"h": {"rows": [row(0), row(1)]}},
    )


def interface():
    """Inputs, outputs and heads."""
    soft = net(dense("x", "p", [[1], [2]]), relu("p", "h", 2), dense("h", "q", [[1, 1], [0, 1]]), head("q", "y"))
    less = net(dense("x", "p", [[1]]), relu("p", "h", 1), dense("h", "q", [[3], [2]]), head("q", "y"))
    valid("softmax", soft, less, {"h": TWICE, "y": identity("y", 2)})
    logs = [copy.deepcopy(one) for one in (soft, less)]
    for one in logs:
        one["nodes"][-1]["kind"] = "log_softmax"
    valid("log_softmax", *logs, {"h": TWICE, "y": identity("y", 2)})
    after = [net(*one["nodes"][:-1], head("q", "s"), dense("s", "y", [[1, 2]])) for one in (soft, less)]
    valid("dense_after_softmax", *after, {"h": TWICE, "s": identity("s", 2)})
    valid("output_is_the_input", net(outputs=["x"]), net(scale("x", "y", 1)), {})
    valid(
        "output_is_an_activation",
        net(relu("x", "y", 1)),
        net(relu("x", "z", 1), outputs=["z"]),
        {"y": over("z", row(0))},
    )
    valid("two_inputs_and_outputs_by_position", two(), two("c", "d", "g", "w"), {"h": over("g", row(0))})
    valid("two_inputs_and_outputs_of_the_same_names", two(), two(), {"h": identity("h", 1)})
    valid(
        "shapes_may_differ", net(reorder("x", "y", None, [4]), x=[2, 2]), net(reorder("x", "y", None, [1, 4]), x=4), {}
    )


def two(a="a", b="b", h="h", z="z", inputs=None, outputs=None):
    """h = relu(a) and z = 2b; inputs and outputs in that order, or as listed."""
    nodes = dense(a, "p", [[1]]), relu("p", h, 1), scale(b, z, 2)
    return net(*nodes, inputs=dict.fromkeys(inputs or (a, b), 1), outputs=outputs or [h, z])


def matchings():
    """Which input and output of one network is which of the other."""
    rows, swapped = {"h": identity("h", 1)}, {"inputs": ("b", "a"), "outputs": ["z", "h"]}
    other = two("b", "a")  # the same by position, and another function of the inputs that it names
    name, position, demanded = (2 * [word] for word in ("name", "position", "position as demanded"))
    valid("matched_one", TWINS, ONE, {"h": TWICE}, match=["one", "one"])
    valid("matched_by_name", two(), two(), rows, match=name)
    valid("matched_by_name_in_another_order", two(), two(**swapped), rows, match=name)
    valid("matched_by_position", two(), two("c", "d", "g", "w"), {"h": over("g", row(0))}, match=position)
    valid("matched_by_position_and_by_name", two(), two("c", "d", outputs=["z", "h"]), rows, match=["position", "name"])
    valid("matched_against_the_names", two(), other, rows, match=["position as demanded", "name"])
    valid("matched_though_some_names_differ", two(), two("a", "c"), rows, match=["position as demanded", "name"])
    invalid("another_function_of_the_same_names", "affine", two(), other, rows, match=name)
    invalid("version_1_of_names_in_another_order", "match", two(), other, rows)
    invalid("version_1_of_the_same_function_in_another_order", "match", two(), two(**swapped), rows)
    invalid("version_1_of_outputs_in_another_order", "match", two(), two(outputs=["z", "h"]), rows)
    invalid("version_1_of_names_of_which_some_differ", "match", two(), two("a", "c"), rows)
    for words, claims in {
        "by_position_though_names_are_equal": [two(), other, position],
        "by_position_though_names_are_equal_and_in_order": [two(), two(), position],
        "by_position_though_some_names_are_equal": [two(), two("a", "c"), ["position", "name"]],
        "by_name_though_some_names_differ": [two(), two("a", "c"), name],
        "by_name_though_all_names_differ": [two(), two("c", "d"), name],
        "as_one_though_there_are_two": [two(), two(), ["one", "one"]],
        "as_demanded_though_names_decide_the_same": [two(), two(), demanded],
        "as_demanded_though_no_name_is_equal": [two(), two("c", "d"), ["position as demanded", "name"]],
    }.items():
        invalid(f"matched_{words}", "match", *claims[:2], rows, match=claims[2])
    invalid("matched_one_by_name", "match", TWINS, ONE, {"h": TWICE}, match=name)
    invalid("matched_one_by_demand", "match", TWINS, ONE, {"h": TWICE}, match=demanded)
    fewer = net(dense("a", "h", [[1]]), scale("a", "z", 1), inputs={"a": 1}, outputs=["h", "z"])
    invalid("matched_with_fewer_inputs", "input", two(), fewer, rows, match=demanded)
    fewer = net(relu("a", "h", 1), inputs={"a": 1, "b": 1}, outputs=["h"])
    invalid("matched_with_fewer_outputs", "output", two(), fewer, rows, match=["name", "position as demanded"])


def false_rows():
    """Certificates whose rows are false."""
    invalid("wrong_ratio", "affine", TWINS, ONE, {"h": over("h", row(0), row(0, 3))})
    invalid("wrong_weight", "affine", hidden([[1], [2]], [[3, 4]]), hidden([["1000001/1000000"]], [[11]]), {"h": TWICE})
    invalid(
        "wrong_bias", "affine", hidden([[1], [2]], [[3, 4]], bias=[1, 1]), hidden([[1]], [[11]], bias=[1]), {"h": TWICE}
    )
    invalid("wrong_output", "output", TWINS, net(*ONE["nodes"][:2], dense("h", "y", [[10]], [5])), {"h": TWICE})
    invalid("wrong_output_bias", "output", TWINS, net(*ONE["nodes"][:2], dense("h", "y", [[11]], [4])), {"h": TWICE})
    invalid("class_that_does_not_exist", "class-exists", TWINS, ONE, {"h": over("h", row(0), row(1, 2))})
    invalid("too_many_rows", "row-count", TWINS, ONE, {"h": over("h", row(0), row(0, 2), row(0))})
    invalid("too_few_rows", "row-count", TWINS, ONE, {"h": over("h", row(0))})
    invalid(
        "negative_ratio_under_relu",
        "ratio",
        hidden([[1], [-2]], [[3, 4]]),
        hidden([[1]], [[-5]]),
        {"h": over("h", row(0), row(0, -2))},
    )
    invalid(
        "ratio_zero", "ratio", hidden([[1], [0]], [[3, 4]]), hidden([[1]], [[3]]), {"h": over("h", row(0), row(0, 0))}
    )
    invalid(
        "negative_ratio_under_abs",
        "ratio",
        hidden([[1], [-2]], [[3, 4]], -1),
        hidden([[1]], [[-5]], -1),
        {"h": over("h", row(0), row(0, -2))},
    )
    invalid(
        "ratio_under_sigmoid",
        "ratio",
        hidden([[1], [2]], [[3, 4]], "sigmoid"),
        hidden([[1]], [[11]], "sigmoid"),
        {"h": TWICE},
    )
    invalid(
        "another_function",
        "activation",
        hidden([[1]], [[1]], "tanh"),
        hidden([[1]], [[1]], "sigmoid"),
        {"h": over("h", row(0))},
    )
    invalid(
        "another_slope",
        "activation",
        hidden([[1]], [[1]], "1/10"),
        hidden([[1]], [[1]], "1/100"),
        {"h": over("h", row(0))},
    )
    invalid(
        "relu_is_not_affine",
        "activation",
        net(dense("x", "p", [[1]]), dense("p", "y", [[1]])),
        hidden([[1]], [[1]]),
        {"p": over("h", row(0))},
    )
    invalid(
        "negative_twin", "affine", hidden([[1], [-1]], [[3, 4]]), hidden([[1]], [[7]]), {"h": over("h", row(0), row(0))}
    )
    invalid("not_a_constant", "constant", TWINS, ONE, {"h": over("h", row(0), None)})
    invalid(
        "another_constant",
        "constant",
        hidden([[0]], [[1]], bias=[2]),
        net(dense("x", "y", [[0]], [3])),
        {"h": over(None, total(plus=3))},
    )
    invalid(
        "not_dead", "constant", hidden([[0]], [[1]], bias=[2]), net(dense("x", "y", [[0]])), {"h": over(None, None)}
    )
    invalid(
        "constant_before_relu",
        "constant",
        hidden([[0]], [[1]], bias=[-2]),
        net(dense("x", "y", [[0]], [-2])),
        {"h": over(None, total(plus=-2))},
    )
    invalid(
        "irrational_constant",
        "constant",
        hidden([[0]], [[1]], "sigmoid", bias=[1]),
        net(dense("x", "y", [[0]], ["731/1000"])),
        {"h": over(None, total(plus="731/1000"))},
    )
    invalid(
        "softplus_at_zero",
        "constant",
        hidden([[0]], [[1]], "softplus"),
        net(dense("x", "y", [[0]])),
        {"h": over(None, None)},
    )
    invalid(
        "sum_under_relu",
        "of",
        hidden([[1], [2], [3]], [[1, 1, 1]]),
        hidden([[1], [2]], [[2, 2]]),
        {"h": over("h", row(0), row(1), total((0, 1), (1, 1)))},
    )
    rank = net(dense("x", "p", [[1, 0], [0, 1], [1, 1]]), dense("p", "y", [[1, 1, 1]]), x=2)
    low = net(dense("x", "p", [[1, 0], [0, 1]]), dense("p", "y", [[2, 2]]), x=2)
    invalid("wrong_sum", "affine", rank, low, {"p": over("p", row(0), row(1), total((0, 1), (1, 2)))})
    invalid(
        "wrong_constant_of_a_sum", "affine", rank, low, {"p": over("p", row(0), row(1), total((0, 1), (1, 1), plus=1))}
    )
    bent = net(dense("x", "p", [[1, 0], [0, 1]]), relu("p", "h", 2), dense("h", "y", [[2, 2]]), x=2)
    invalid(
        "sum_over_relu_classes",
        "activation",
        net(dense("x", "p", [[1, 1]]), dense("p", "y", [[2]]), x=2),
        bent,
        {"p": over("h", total((0, 1), (1, 1)))},
    )
    invalid(
        "sum_of_a_class_that_does_not_exist",
        "class-exists",
        rank,
        low,
        {"p": over("p", row(0), row(1), total((0, 1), (2, 1)))},
    )


def false_unknowns():
    """Certificates that claim too much about free units."""
    invalid(
        "free_but_observable",
        "free",
        hidden([[1], [5]], [[1, 1]]),
        hidden([[1]], [[1]]),
        {"h": over("h", row(0), "free")},
    )
    invalid("free_output", "free", net(relu("x", "y", 1)), net(relu("x", "y", 1)), {"y": over(None, "free")})
    two = net(relu("x", "h", 1), scale("h", "y", 1))
    invalid("free_in_both_outputs", "free", two, two, {"h": over(None, "free")}, {"h": {"rows": ["free"]}})
    invalid("equal_to_a_unit_that_is_not_free", "same", TWINS, ONE, {"h": over("h", row(0), same(0, 2))})
    invalid(
        "equal_to_itself", "same", hidden([[1], [5]], [[1, 0]]), hidden([[1]], [[1]]), {"h": over("h", row(0), same(1))}
    )
    invalid(
        "equal_to_no_unit",
        "same",
        hidden([[1], [5]], [[1, 0]]),
        hidden([[1]], [[1]]),
        {"h": over("h", row(0), same(7))},
    )
    pair = hidden([[1], [1]], [[1, -1]]), net(dense("x", "y", [[0]]))
    invalid("equal_with_a_wrong_ratio", "affine", *pair, {"h": over(None, "free", same(0, 2))})
    invalid("equal_with_a_negative_ratio", "ratio", *pair, {"h": over(None, "free", same(0, -1))})
    invalid(
        "equal_with_another_function",
        "activation",
        hidden([[1], [1]], [[1, -1]], [0, "tanh"]),
        pair[1],
        {"h": over(None, "free", same(0))},
    )
    below = [
        dense("x", "p", [[1], [2]]),
        relu("p", "h", 2),
        dense("h", "q", [[0, 1]]),
        relu("q", "g", 1),
        dense("g", "y", [[1]]),
    ]
    back = {"h": {"rows": ["free", "free"]}}
    invalid(
        "a_class_form_with_an_unknown",
        "free",
        net(*below),
        net(*below),
        {"h": over(None, "free", "free"), "g": identity("g", 1)},
        back,
    )
    lost = net(*below[:2], dense("h", "q", [[0, 0]], [1]), *below[3:])
    invalid(
        "a_constant_of_an_unknown",
        "constant",
        net(*below),
        lost,
        {"h": over(None, "free", "free"), "g": over(None, total(plus=1))},
    )
    named = {"h": over(None, "free", "free"), "g": over(None, "free")}
    invalid("an_unknown_reaches_the_output", "free", net(*below), lost, named)


def false_classes():
    """Certificates whose reduced half is false."""
    pair = hidden([[1], [2]], [[3, 4]])
    good = {"h": over("h", row(0))}
    one = hidden([[1]], [[11]])
    invalid("copies_that_differ", "affine", one, pair, good, {"h": {"rows": [row(0), row(0)]}})
    invalid("classes_with_a_gap", "class-exists", one, pair, good, {"h": {"rows": [row(0), row(2)]}})
    invalid("classes_from_one", "class-exists", one, one, good, {"h": {"rows": [row(1)]}})
    invalid("leader_with_a_bad_ratio", "ratio", one, one, good, {"h": {"rows": [row(0, -1)]}})
    invalid(
        "member_with_a_bad_ratio",
        "ratio",
        one,
        hidden([[1], [-1]], [[11, 0]]),
        good,
        {"h": {"rows": [row(0), row(0, -1)]}},
    )
    invalid("too_few_rows_in_the_reduced", "row-count", one, pair, good, {"h": {"rows": [row(0)]}})
    invalid(
        "copies_with_other_functions",
        "activation",
        one,
        hidden([[1], [1]], [[11, 0]], [0, "tanh"]),
        good,
        {"h": {"rows": [row(0), row(0)]}},
    )
    invalid(
        "class_without_a_leader",
        "class-exists",
        net(dense("x", "p", [[1]]), dense("p", "y", [[1]])),
        net(dense("x", "p", [[1], [1]]), dense("p", "y", [[1, 0]])),
        {},
        {"p": {"rows": [row(0), total((0, 1), (1, 1))]}},
    )
    invalid("constant_in_the_reduced_that_is_none", "constant", one, pair, good, {"h": {"rows": [row(0), None]}})
    invalid(
        "sum_under_relu_in_the_reduced",
        "of",
        one,
        hidden([[1], [1], [2]], [[11, 0, 0]]),
        good,
        {"h": {"rows": [row(0), row(1), total((0, 1), (1, 1))]}},
    )


def false_names():
    """Certificates about other tensors, inputs, outputs or heads."""
    invalid("activation_without_a_relation", "relation", TWINS, ONE, {})
    invalid("unknown_tensor", "relation", TWINS, ONE, {"h": TWICE, "z": over(None, None)})
    invalid("relation_for_an_input", "relation", TWINS, ONE, {"h": TWICE, "x": identity("p", 1)})
    invalid("relation_for_an_input_of_the_reduced", "relation", TWINS, ONE, {"h": TWICE}, {"x": {"rows": [row(0)]}})
    invalid("over_no_tensor", "over", TWINS, ONE, {"h": over("z", row(0), row(0, 2))})
    invalid("over_an_input", "over", TWINS, ONE, {"h": over("x", row(0), row(0, 2))})
    invalid(
        "over_a_tensor_of_the_original",
        "over",
        TWINS,
        net(dense("x", "a", [[1]]), relu("a", "b", 1), dense("b", "y", [[11]], [5])),
        {"h": TWICE},
    )
    invalid("over_without_need", "over", hidden([[0], [0]], [[1, 1]]), ONE, {"h": over("h", None, None)})
    invalid("classes_without_over", "class-exists", TWINS, ONE, {"h": over(None, row(0), row(0, 2))})
    invalid("inputs_of_other_sizes", "input", net(scale("x", "y", 1, 1), x=2), net(scale("x", "y", 1)), {})
    invalid(
        "another_number_of_inputs",
        "input",
        net(scale("x", "y", 1), inputs={"x": 1, "z": 1}),
        net(scale("x", "y", 1)),
        {},
    )
    invalid(
        "inputs_swapped",
        "output",
        net(scale("a", "y", 1), inputs={"a": 1, "b": 1}),
        net(scale("b", "y", 1), inputs={"a": 1, "b": 1}),
        {},
    )
    invalid("outputs_of_other_sizes", "output", net(dense("x", "y", [[1], [1]])), net(dense("x", "y", [[1]])), {})
    invalid(
        "another_number_of_outputs",
        "output",
        net(scale("x", "y", 1), scale("x", "z", 1), outputs=["y", "z"]),
        net(scale("x", "y", 1)),
        {},
    )
    invalid("outputs_swapped", "output", net(dense("x", "y", [[1], [2]])), net(dense("x", "y", [[2], [1]])), {})
    invalid(
        "reordered",
        "output",
        net(reorder("x", "y", [1, 0], [4]), x=[2, 2]),
        net(reorder("x", "y", None, [4]), x=[2, 2]),
        {},
    )
    invalid(
        "another_network_below_the_same_rows",
        "affine",
        hidden([[1], [2]], [[3, 4]]),
        hidden([[2]], [[11]]),
        {"h": TWICE},
    )


def false_heads():
    """Merges below a head, and heads that differ."""
    soft = net(dense("x", "q", [[1], [1]]), head("q", "y"))
    rows = {"y": identity("y", 2)}
    invalid("merge_across_softmax", "head", soft, soft, {"y": over("y", row(0), row(0))})
    invalid("permuted_softmax", "head", soft, soft, {"y": over("y", row(1), row(0))})
    invalid("scaled_softmax", "affine", net(dense("x", "q", [[2], [2]]), head("q", "y")), soft, rows)
    invalid("shifted_softmax", "affine", net(dense("x", "q", [[1], [1]], [1, 1]), head("q", "y")), soft, rows)
    invalid("head_with_equal_rows", "head", soft, soft, {"y": over(None, same(0), same(1))})
    invalid("head_with_free_rows", "head", soft, soft, {"y": over(None, "free", "free")})
    invalid(
        "head_rows_that_look_like_the_identity",
        "head",
        net(dense("x", "q", [[1], [1]]), head("q", "y")),
        soft,
        {"y": over("y", row(0), same(1))},
    )
    invalid(
        "softmax_is_not_log_softmax",
        "head",
        soft,
        net(dense("x", "q", [[1], [1]]), head("q", "y", "log_softmax")),
        rows,
    )
    invalid("head_without_a_relation", "relation", soft, soft, {})
    invalid("head_of_the_reduced_with_a_relation", "head", soft, soft, rows, {"y": {"rows": [row(0), row(1)]}})
    invalid("activation_over_a_head", "head", net(dense("x", "q", [[1], [1]]), relu("q", "y", 2)), soft, rows)
    invalid("affine_over_a_head", "head", net(dense("x", "q", [[1], [1]]), scale("q", "y", 1, 1)), soft, rows)
    invalid("head_over_an_activation", "head", soft, net(dense("x", "q", [[1], [1]]), relu("q", "y", 2)), rows)
    unknown = [dense("x", "p", [[1], [2]]), relu("p", "h", 2), head("h", "y")]
    invalid("head_over_an_unknown", "affine", net(*unknown), net(*unknown), {"h": over("h", row(0), "free"), **rows})
    invalid(
        "head_of_the_reduced_over_an_unknown",
        "free",
        net(*unknown),
        net(*unknown),
        {"h": over("h", row(0), row(1)), **rows},
        {"h": {"rows": [row(0), "free"]}},
    )


def edited(path, value):
    """An edit that sets one entry of the certificate; None deletes it."""

    def edit(words):
        *above, last = path
        for key in above:
            words = words[key]
        if value is None:
            del words[last]
        else:
            words[last] = value

    return edit


def other_files():
    """Certificates that name other files, or another claim."""
    for side in ("original", "reduced"):
        invalid(f"wrong_hash_of_the_{side}", "hash", TWINS, ONE, {"h": TWICE}, edit=edited([side, "sha256"], "0" * 64))
    invalid("wrong_format", "hash", TWINS, ONE, {"h": TWICE}, edit=edited(["original", "format"], "onnx"))
    invalid(
        "constants_in_a_json_network",
        "hash",
        TWINS,
        ONE,
        {"h": TWICE},
        edit=edited(["original", "tensors", "W"], "0" * 64),
    )
    invalid(
        "external_data_of_a_json_network",
        "hash",
        TWINS,
        ONE,
        {"h": TWICE},
        edit=edited(["reduced", "external", "w"], "0" * 64),
    )
    invalid(
        "raw_nnet_without_nnet", "claim", TWINS, ONE, {"h": TWICE}, edit=edited(["claim", "specification"], "raw nnet")
    )

    def swap(words):
        words.update(original=words["reduced"], reduced=words["original"])

    surrogate = replaced('"original":{"h"', '"original":{"\\ud800"')
    invalid("a_name_that_is_no_text", "relation", TWINS, ONE, {"h": TWICE}, edit=surrogate)
    invalid("files_swapped", "hash", TWINS, ONE, {"h": TWICE}, edit=swap)


def malformed(name, edit, code=2, match=None):
    """The certificate of the twins, or one of its files, out of grammar."""
    case(f"malformed/{name}", code, "", TWINS, ONE, {"h": TWICE}, edit=edit, match=match)


def grammar_of_rows():
    """Rows and numbers that are out of grammar."""
    numbers = {
        "ratio_is_a_number": 1,
        "ratio_not_in_lowest_terms": "2/4",
        "ratio_over_one": "2/1",
        "ratio_with_a_plus": "+1",
        "ratio_with_a_blank": " 1",
        "ratio_minus_zero": "-0",
        "ratio_zero_over_two": "0/2",
        "ratio_over_zero": "1/0",
        "ratio_with_a_leading_zero": "01",
        "ratio_is_a_decimal": "0.5",
        "ratio_with_a_negative_denominator": "1/-2",
        "ratio_is_too_long": "1" * 10_001,
        "ratio_is_empty": "",
        "ratio_has_other_digits": "\u0661",
        "ratio_is_a_list": ["1"],
        "ratio_with_a_newline": "1\n",
    }
    for name, value in numbers.items():
        malformed(name, edited(["relations", "original", "h", "rows", 1], [0, value]))
    rows = {
        "class_is_a_text": ["0", "1"],
        "class_is_a_truth_value": [False, "1"],
        "row_too_long": [0, "1", "1"],
        "row_is_another_word": "Free",
        "row_is_a_truth_value": True,
        "row_is_a_number": 0,
        "row_is_empty": [],
        "equal_to_a_text": ["=", "0", "1"],
        "equal_without_a_ratio": ["=", 0],
        "another_sign": ["~", 0, "1"],
        "sum_without_plus": {"of": []},
        "sum_with_another_key": {"of": [], "plus": "1", "minus": "1"},
        "sum_that_is_zero": {"of": [], "plus": "0"},
        "sum_that_is_one_class": {"of": [[0, "1"]], "plus": "0"},
        "sum_not_ascending": {"of": [[1, "1"], [0, "1"]], "plus": "0"},
        "sum_with_a_class_twice": {"of": [[0, "1"], [0, "1"]], "plus": "0"},
        "sum_with_a_zero": {"of": [[0, "0"], [1, "1"]], "plus": "0"},
        "sum_with_a_long_term": {"of": [[0, "1", "2"]], "plus": "1"},
        "sum_is_no_list": {"of": {}, "plus": "1"},
    }
    for name, value in rows.items():
        malformed(name, edited(["relations", "original", "h", "rows", 1], value))


def replaced(old, new):
    """An edit that gives the text of the certificate with one part replaced."""

    def edit(words):
        before = text(words)
        assert old in before
        return before.replace(old, new, 1)

    return edit


def grammar_of_certificates():
    """Certificates that are out of grammar."""
    for key in ("claim", "format", "original", "producer", "reduced", "relations", "version"):
        malformed(f"without_{key}", edited([key], None))
    for path in (
        ["claim", "domain"],
        ["original", "sha256"],
        ["relations", "reduced"],
        ["relations", "original", "h", "rows"],
    ):
        malformed(f"without_{'_'.join(path)}", edited(path, None))
    others = {
        ("format",): "another",
        ("version",): "1",
        ("producer",): 1,
        ("claim", "criterion"): "approximate",
        ("claim", "domain"): "a box",
        ("claim", "specification"): "as folded",
        ("claim", "more"): "",
        ("original", "format"): "torch",
        ("original", "sha256"): "A" * 64,
        ("reduced", "sha256"): "0" * 63,
        ("reduced", "tensors"): [],
        ("original", "external"): {"w": 0},
        ("relations", "original"): [],
        ("relations", "both"): {},
        ("relations", "original", "h", "over"): 0,
        ("relations", "original", "h", "axis"): 0,
        ("relations", "original", "h", "rows"): {},
        ("relations", "reduced", "h"): {"rows": [["0", "1"]], "over": "h"},
        ("more",): 0,
    }
    for path, value in others.items():
        malformed(f"other_{'_'.join(path)}", edited(list(path), value))
    malformed("another_version", edited(["version"], 3), code=4)
    malformed("version_2_without_a_matching", edited(["version"], 2))
    malformed("version_1_with_a_matching", edited(["version"], 1), match=["one", "one"])
    malformed("another_matching", lambda words: None, match=["one", "both"])
    malformed("matching_of_inputs_alone", edited(["claim", "match", "outputs"], None), match=["one", "one"])
    malformed("matching_is_a_word", edited(["claim", "match"], "one"), match=["one", "one"])
    malformed("matching_of_more", edited(["claim", "match", "nodes"], "one"), match=["one", "one"])
    malformed("version_is_a_truth_value", edited(["version"], True))
    malformed("float", replaced('"version":1', '"version":1.0'))
    malformed("exponent", replaced('[0,"2"]', '[0e0,"2"]'))
    malformed("not_a_number", replaced('"version":1', '"version":NaN'))
    malformed("infinity", replaced('[0,"2"]', '[Infinity,"2"]'))
    malformed("negative_class", replaced('[0,"2"]', '[-1,"2"]'))
    malformed("minus_zero", replaced('[0,"2"]', '[-0,"2"]'))
    malformed("huge_class", replaced('[0,"2"]', '[1000000000000001,"2"]'))
    malformed("endless_class", replaced('[0,"2"]', f'[{"9" * 5000},"2"]'))
    malformed("duplicate_key", replaced('"version":1', '"version":1,"version":1'))
    malformed("duplicate_relation", replaced('"reduced":{}', '"reduced":{"h":{"rows":[]},"h":{"rows":[]}}'))
    malformed("trailing_text", lambda words: text(words) + "{}")
    malformed("truncated", lambda words: text(words)[:-20])
    malformed("empty", lambda words: " ")
    malformed("a_list", lambda words: "[]")
    malformed("deep_nesting", lambda words: "[" * 20_000)
    malformed("deep_objects", replaced('"reduced":{}', '"reduced":' + '{"a":' * 5_000))
    malformed("not_utf8", lambda words: text(words).encode().replace(b"tests", b"\xff\xfe"))


def grammar_of_networks():
    """Network files that are out of grammar; the certificate has their hashes."""

    def broken(name, value, code=2):
        data = value if isinstance(value, str | bytes) else text(value)
        data = data.encode() if isinstance(data, str) else data

        def edit(words):
            words["original"] = entry(data)
            return {"original.json": data, "certificate.json": text(words)}

        malformed(f"network_{name}", edit, code)

    first, second, third = TWINS["nodes"]
    broken("empty", b" ")
    broken("truncated", text(TWINS)[:-30])
    broken("with_a_float", text(TWINS).replace('"columns":1', '"columns":1.0'))
    broken("with_a_key_twice", text(TWINS).replace('"columns":1', '"columns":1,"columns":1'))
    broken("of_another_version", {**TWINS, "version": 2})
    broken("with_another_key", {**TWINS, "note": ""})
    broken("reads_before_definition", net(second, first, third))
    broken("reads_itself", net(scale("y", "y", 1)))
    broken("defines_twice", net(first, second, third, scale("x", "h", 1)))
    broken("defines_an_input", net(scale("x", "x", 1), outputs=["x"]))
    broken("without_its_output", net(first, second, third, outputs=["z"]))
    broken("without_outputs", net(first, second, third, outputs=[]))
    broken("with_an_output_twice", net(first, second, third, outputs=["y", "y"]))
    broken("without_elements", net(first, second, third, x=[0]))
    broken("with_a_wrong_width", net(first, second, dense("h", "y", [[1, 2, 3]])))
    broken("with_a_wrong_bias", net({**first, "bias": ["0"]}, second, third))
    broken("without_rows", net({**first, "rows": [], "bias": []}, second, third))
    broken("with_a_column_outside", net({**first, "rows": [[[0, "1"]], [[1, "1"]]]}, second, third))
    broken("with_columns_not_ascending", net(first, second, {**third, "rows": [[[1, "1"], [0, "1"]]]}))
    broken("with_a_zero", net({**first, "rows": [[[0, "1"]], [[0, "0"]]]}, second, third))
    broken("with_a_number", net({**first, "bias": [0, 0]}, second, third))
    broken("with_a_missing_function", net(first, relu("p", "h", 1), third))
    broken("with_another_function", net(first, {**second, "functions": [["swoosh"], ["swoosh"]]}, third))
    broken("with_a_short_vector", net(scale("x", "y", 1, 2)))
    broken("with_a_wrong_shape", net(reorder("x", "y", None, [3]), x=[2]))
    broken("with_wrong_axes", net(reorder("x", "y", [0, 0], [4]), x=[2, 2]))
    broken("with_another_operator", net({**first, "op": "lstm"}, second, third), code=4)
    broken("with_another_head", net(head("x", "y", "hardmax")), code=4)
    broken("without_a_key", net({key: first[key] for key in first if key != "bias"}, second, third))
    broken("as_a_list", "[]")
    broken("with_a_huge_shape", net(scale("x", "y", 1), x=[10**15, 10**15]))


# --- Writing -----------------------------------------------------------------------------------------


def answer(folder):
    """The exit code, the rule and the line that the checker prints, for the files of a folder."""
    names, here = ["original.json", "reduced.json", "certificate.json"], os.getcwd()
    out, err = io.StringIO(), io.StringIO()
    os.chdir(folder)  # so that messages name the files without a path
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = check.main(names)
        if code == check.CODES["malformed"]:
            return code, "", err.getvalue()
        return code, check.check(*names).rule if code == 1 else "", out.getvalue()
    finally:
        os.chdir(here)


def define():
    """All cases."""
    if not CASES:
        for section in (
            lumping,
            constants,
            unknowns,
            affine,
            copies,
            interface,
            matchings,
            false_rows,
            false_unknowns,
            false_classes,
            false_names,
            false_heads,
            other_files,
            grammar_of_rows,
            grammar_of_certificates,
            grammar_of_networks,
        ):
            section()
    return CASES


def main():
    """Rewrite tests/certificates."""
    wrong = 0
    for kind in ("valid", "invalid", "malformed"):
        shutil.rmtree(CORPUS / kind, ignore_errors=True)
    for name, (files, code, rule) in define().items():
        folder = CORPUS / name
        folder.mkdir(parents=True)
        for file, data in files.items():
            (folder / file).write_bytes(data)
        found = answer(folder)
        (folder / "expected.txt").write_text(f"{found[0]} {found[1]}".rstrip() + f"\n{found[2]}")
        if found[:2] != (code, rule):
            wrong += 1
            print(f"{name}: expected {code} {rule}, found {found}")
    print(f"{len(CASES)} cases, {wrong} wrong")
    return int(wrong > 0)


if __name__ == "__main__":
    raise SystemExit(main())
