# SPDX-License-Identifier: Apache-2.0
"""This file is about two roads to one answer: what the checker says of three files, and what a solver says of them."""

import random
from concurrent.futures import ThreadPoolExecutor

from exactlump import read
from exactlump.certificates.certificate import EVERYWHERE, read_certificate
from exactlump.errors import ExactlumpError, NoExactValue, NotALumping
from exactlump.numbers.rational import parse, rational
from exactlump.smt.bounds import proposed
from exactlump.smt.obligations import FORMS, Obligations
from exactlump.smt.prove import prove

_THREADS = ThreadPoolExecutor(1)


def proofs(paths, solvers=("z3",), forms=FORMS):
    """What solvers find of three files, for each form; a word where there is nothing to ask."""
    try:
        claimed = read_certificate(paths[2])
        networks = [read(path) for path in paths[:2]]
        plans = [Obligations(*networks, claimed, form, proposed) for form in forms]
        return [prove(*networks, plan, [s], executor=_THREADS) for plan in plans for s in solvers]
    except NotALumping:
        return ["rejected"]
    except ExactlumpError as error:
        return [{2: "malformed", 4: "unsupported"}[error.exit_code]]


def verdicts(paths, solvers=("z3",), forms=FORMS):
    """The verdicts of solvers."""
    return [found if isinstance(found, str) else found.verdict for found in proofs(paths, solvers, forms)]


def argue(paths, answer):
    """What the checker accepts the solver discharges; what it alone discharges is true at all points that are tried."""
    for verdict in verdicts(paths):
        if answer.code == 0:
            assert verdict in ("equivalent", "unsupported"), (answer, verdict)
        elif verdict == "equivalent":
            assert difference(paths) is None, answer


def difference(paths, count=20):
    """A point of the domain at which two networks differ, where their values are rational; None: not found."""
    networks, rng = [read(path) for path in paths[:2]], random.Random(0)
    domain = read_certificate(paths[2]).domain
    boxes = [{}] if domain == EVERYWHERE else domain["boxes"]
    for _ in range(count):
        point = [drawn(rng, rng.choice(boxes).get(p.name, ()), networks[0].units(p.name)) for p in networks[0].inputs]
        try:
            if networks[0].evaluate(*point) != networks[1].evaluate(*point):
                return point
        except NoExactValue:
            continue
    return None


def drawn(rng, ends, size):
    """A point of a box, whose ends are texts or None."""
    found = []
    for low, high in ends or [(None, None)] * size:
        least = parse(low) if low is not None else (parse(high) if high is not None else rational(4)) - 8
        most = parse(high) if high is not None else least + 8
        found.append(least + (most - least) * rational(rng.randint(0, 8), 8))
    return tuple(found)
