# SPDX-License-Identifier: Apache-2.0
"""This file is about two other readers of VNN-LIB, both called vnnlib, as trees of words: one for each version.

    python vnnlib_oracles.py < TEXTS > TREES

prints, for a JSON list of texts in version 1.0, the list of their trees, null for a text that vnnlib 0.0.1 refuses; it
needs nothing but that package.  A tree is the list of declared variables, and the assertions, each a word or a list
that begins with an operator.  `tree_2` does the same for version 2.0 with vnnlib 1.0.2.
"""

import importlib.util
import json
import sys
import warnings
from pathlib import Path

OPERATORS = {
    "LessEqual": "<=",
    "LessThan": "<",
    "GreaterEqual": ">=",
    "GreaterThan": ">",
    "Equal": "==",
    "NotEqual": "!=",
    "And": "and",
    "Or": "or",
    "Plus": "+",
    "Multiply": "*",
}


def tree_2(text):
    """Networks and assertions of a text in version 2.0, or None where vnnlib refuses it."""
    import vnnlib

    try:
        query = vnnlib.parse_query_string(text)
    except vnnlib.VNNLibException:
        return None
    networks = [
        [network.name, _ports(network.inputs), _ports(network.outputs), *_relation(network), len(network.hidden)]
        for network in query.networks
    ]
    return networks, [_expression(assertion.expr) for assertion in query.assertions]


def _ports(ports):
    return [[port.name, port.dtype.name, list(port.shape)] for port in ports]


def _relation(network):
    if network.equal_to:
        return ["equal-to", network.equal_to]
    return ["isomorphic-to", network.isometric_to] if network.isometric_to else ["", ""]


def _expression(node):
    kind = type(node).__name__
    if kind == "Var":
        return f"{node.name}[{','.join(map(str, node.indices))}]" if node.indices else node.name
    if kind in ("Float", "Int", "IntExpr", "Literal"):
        return node.lexeme
    if kind == "Negate":
        return ["-", _expression(node.expr)]
    if kind == "Minus":
        return ["-", _expression(node.head), *map(_expression, node.rest)]
    parts = (node.lhs, node.rhs) if hasattr(node, "lhs") else node.args
    return [OPERATORS[kind], *map(_expression, parts)]


def trees_1(texts):
    """Variables and assertions of texts in version 1.0; None where vnnlib refuses one."""
    parser = _pure_parser()
    return [_tree_1(parser, text) for text in texts]


def _tree_1(parser, text):
    errors = sys.modules["vnnlib.errors"]
    try:
        commands = parser.VnnLibParser.parse(text, strict=False).commands
    except (errors.ParserError, errors.TokenizerError, RecursionError, StopIteration):
        return None
    names = [command.symbol for command in commands if hasattr(command, "symbol")]
    return names, [_term(command.term) for command in commands if hasattr(command, "term")]


def _term(term):
    if hasattr(term, "function"):
        return [term.function.value, *map(_term, term.terms)]
    return str(term.value)


def _pure_parser():
    """The parser of vnnlib 0.0.1 from its source, keeping every number as the word that it is."""
    folder = Path(importlib.util.find_spec("vnnlib").submodule_search_locations[0])
    for name in ("errors", "tokenizer", "parser"):
        spec = importlib.util.spec_from_file_location(f"vnnlib.{name}", folder / f"{name}.py")
        sys.modules[spec.name] = module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    module.Real = _number
    module.LITERAL_CONVERTERS.update(DECIMAL=str, NUMERAL=str)
    return module


def _number(word):
    """The word itself where it is a float, as the parser asks."""
    float(word)
    return word


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    json.dump(trees_1(json.load(sys.stdin)), sys.stdout)
