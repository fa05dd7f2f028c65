# SPDX-License-Identifier: Apache-2.0
"""This file is about asking Storm, a model checker, about published models, in rationals: python -m tests.storm NAME

NAME is one of the models of continuous time that come with Storm, most of them PRISM's case studies.  Storm reads the
model's text, builds the chain, and computes with rationals; what it says is printed as one JSON object.  It runs as a
program of its own, so that its libraries meet none of ours.
"""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

INSTALLED = importlib.util.find_spec("stormpy") is not None
MODELS = ("tiny", "tandem5", "polling2", "cluster2", "embedded2")
SOLVED = ("tiny", "tandem5", "polling2")  # exactly; larger ones take long


def ask(name: str) -> dict[str, Any]:
    """What Storm says of a model; rationals are texts.

    states, rates   {(from, to): rate} as a list of triples
    labels          the states of each label; of the first three of them
    stationary      the stationary distribution, for the models that are SOLVED
    lumped          for each label: how many states the quotient by the coarsest strong bisimulation has
    """
    done = subprocess.run(
        [sys.executable, "-m", "tests.storm", name],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).resolve().parents[1],
    )
    return dict(json.loads(done.stdout.splitlines()[-1]))


def answer(name: str) -> dict[str, Any]:
    """The same, in the program that has Storm."""
    import stormpy
    import stormpy.examples
    import stormpy.transformations

    path = Path(stormpy.examples.__file__).parent / "files" / "ctmc" / f"{name}.sm"
    program = stormpy.parse_prism_program(str(path), prism_compatibility=True)
    model = stormpy.build_model[stormpy.Rational](program)
    matrix = model.transition_matrix
    rates = [[u, entry.column, str(entry.value)] for u in range(model.nr_states) for entry in matrix.get_row(u)]
    functions = stormpy.build_model[stormpy.RationalFunction](
        program
    )  # of no parameter: Storm lumps these, not rationals
    labels = sorted(model.labeling.get_labels() - {"init", "deadlock"})[:3]
    lumped = {}
    for label in labels:
        (question,) = stormpy.parse_properties(f'S=? [ "{label}" ]', program)
        lumped[label] = stormpy.transformations.perform_bisimulation(functions, [question]).nr_states
    pi = None
    if name in SOLVED:
        found = stormpy.analysis.compute_steady_state_distribution(model)
        pi = [str(p) for p in found.get_value_vector()]
    return {
        "states": model.nr_states,
        "rates": rates,
        "labels": {label: list(model.labeling.get_states(label)) for label in labels},
        "stationary": pi,
        "lumped": lumped,
    }


if __name__ == "__main__":
    print(json.dumps(answer(sys.argv[1])))
