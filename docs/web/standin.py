# SPDX-License-Identifier: Apache-2.0
"""This file is about the three names of `exactlump` that docs/labs/forge.py uses, for a Python without the package.

In the browser there is the standard library, and check.py.  What these write is what the package writes, byte for byte
(tests/test_web.py); what is true of it, check.py says.
"""

import json
from fractions import Fraction
from pathlib import Path

from exactlump import check

check_files = check.check


class Network:
    """A chain of dense layers with ReLU between them, as the document of a `.json` file."""

    def __init__(self, document):
        self.document = document

    @classmethod
    def chain(cls, weights, biases):
        """weights: a matrix for each layer, a row for each of its neurons; biases: a list for each layer."""
        nodes, source = [], "x"
        for depth, (matrix, bias) in enumerate(zip(weights, biases, strict=True), start=1):
            last = depth == len(weights)
            target = "y" if last else f"s{depth}"
            rows = [[[u, str(Fraction(w))] for u, w in enumerate(row) if Fraction(w)] for row in matrix]
            dense = {"bias": [str(Fraction(b)) for b in bias], "columns": len(matrix[0]), "op": "dense", "rows": rows}
            nodes.append({**dense, "source": source, "target": target})
            if not last:
                source = f"h{depth}"
                functions = [["leaky_relu", "0"]] * len(matrix)
                nodes.append({"functions": functions, "op": "activate", "source": target, "target": source})
        inputs = [{"name": "x", "shape": [len(weights[0][0])]}]
        return cls({"format": "exactlump network", "inputs": inputs, "nodes": nodes, "outputs": ["y"], "version": 1})


def write(network, path, overwrite):
    """Write the file; what stands there is replaced."""
    words = json.dumps(network.document, separators=(",", ":"))
    Path(path).write_text(words + "\n", encoding="utf-8")
