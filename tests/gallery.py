# SPDX-License-Identifier: Apache-2.0
"""This file is about a gallery: every kind of picture once or more, of small networks, chains and numbers."""

import random
from functools import cache
from itertools import pairwise
from pathlib import Path

import exactlump
from exactlump import Activate, Dense, Matrix, Network, Port, drawing, leaky_relu, maximum_lumping, rational
from exactlump.markov import Chain, maximum_exact
from exactlump.network.kinds import Add, Head, Scale, Select
from exactlump.reduction.loop import reduce
from examples.figures import figure_1, figure_2, figure_3
from examples.paper_chains import ERRATUM, EXAMPLE_2, EXAMPLE_2_CLASSES, EXAMPLE_2_RHO, SUMS_FAIL
from examples.queues import polling, tandem

ROOT = Path(__file__).parents[1]
RELU = leaky_relu(rational(0))
HOSTILE = '<script>alert("1")</script>&amp;]]>\x00\x1b[31m\u202e\ud800' + "long " * 80


def chain(widths, seed=0, *, twins=True, names=None, weight=None):
    """A ReLU chain of small rational weights, in which every second neuron is a multiple of the one before."""
    rng, nodes, source = random.Random(seed), [], names[0] if names else "x"
    first = source
    for depth, (below, units) in enumerate(pairwise(widths)):
        rows = [
            {u: weight or rational(rng.choice([1, -1, 2, -2, 3]), rng.choice([1, 1, 2, 3])) for u in range(below)}
            for _ in range(units)
        ]
        for row in rows:
            for u in [u for u in row if rng.random() < 0.2]:
                del row[u]
        bias = [rational(rng.choice([0, 0, 1, -1])) for _ in range(units)]
        last = depth == len(widths) - 2
        for v in range(1, units, 2) if twins and not last else ():
            ratio = rational(rng.choice([2, 3, 1]), rng.choice([1, 2]))
            rows[v] = {u: ratio * w for u, w in rows[v - 1].items()}
            bias[v] = ratio * bias[v - 1]
        name = names[depth + 1] if names else f"h{depth + 1}"
        before = name if last else f"{name}'"
        nodes.append(Dense(source, before, Matrix.from_rows(rows, below), tuple(bias)))
        nodes += [] if last else [Activate(before, name, (RELU,) * units)]
        source = name
    return Network((Port(first, (widths[0],)),), tuple(nodes), (source,))


def lumped(network):
    return network, maximum_lumping(network, fold=True)


def residual():
    """Two branches that meet, a scaling, a selection and a softmax."""
    rows = [{0: rational(1), 1: rational(-2)}, {1: rational("1/3")}]
    return Network(
        (Port("x", (2,)),),
        (
            Dense("x", "p", Matrix.from_rows(rows, 2), (rational(0), rational(1))),
            Activate("p", "a", (RELU, RELU)),
            Add(("x", "a"), "s", (1, -1)),
            Scale("s", "c", (rational(2), rational(1))),
            Select(("c", "a"), "k", ((0, 1), (1, 0), (0, 0)), (3,)),
            Head("k", "y", "softmax"),
        ),
        ("y",),
    )


def wide(units, classes=True):
    """One hidden layer of so many units, in classes of several sizes."""
    sizes = [size for size in (1, 2, 3, 50) if size <= max(units // 2, 1)]
    rows, k = [], 1
    while len(rows) < units:
        size = sizes[k % len(sizes)] if classes else 1
        rows += [{0: rational(i + 1), 1: rational((i + 1) * k)} for i in range(size)]
        k += 1
    rows = rows[:units]
    out = Matrix.from_rows([{v: rational(1) for v in range(0, units, 7)}], units)
    return Network(
        (Port("x", (2,)),),
        (
            Dense("x", "p", Matrix.from_rows(rows, 2), (rational(0),) * units),
            Activate("p", "h", (RELU,) * units),
            Dense("h", "y", out, (rational(0),)),
        ),
        ("y",),
    )


def split(low, high, depth, rng):
    """A random bisection."""
    if depth == 0 or (depth < 4 and rng.random() < 0.3):
        return [drawing.Leaf(low, high, rng.choice(["right", "wrong", "open"]))]
    axis = depth % 2
    middle = (low[axis] + high[axis]) / 2
    ends = [middle if i == axis else h for i, h in enumerate(high)]
    starts = [middle if i == axis else a for i, a in enumerate(low)]
    return split(low, ends, depth - 1, rng) + split(starts, high, depth - 1, rng)


def gallery():
    """How every kind of picture is made, by name."""
    rng = random.Random(5)
    bundled = exactlump.read(ROOT / "exactlump/networks/tll_small.onnx")
    small = chain([3, 5, 4, 2])
    matrix, lumping = small.nodes[0].weight, maximum_lumping(small, fold=True)
    image = [[rng.randrange(17) for _ in range(12)] for _ in range(9)]
    other = [[v + (rng.random() < 0.2) * rational(rng.choice([3, -2])) for v in row] for row in image]
    cut = split((rational(0), rational(0)), (rational(1), rational(2)), 6, rng)
    savings = [
        drawing.Saving("units", 128, 106, {"merged": 12, "constant": 6, "unobservable": 4}),
        drawing.Saving("bytes", 35880, 28400, unit="bytes"),
        drawing.Saving("copies", 10, 8, {"merged": 5}),
        drawing.Saving("nothing", 0, 0),
        drawing.Saving(HOSTILE, 7, 7),
    ]
    return {
        "one neuron": lambda: drawing.draw(chain([1, 1])),
        "small": lambda: drawing.draw(*lumped(small)),
        "small, without weights": lambda: drawing.draw(*lumped(small), weights=False),
        "denser": lambda: drawing.draw(*lumped(chain([8, 12, 12, 4], 1))),
        "deep": lambda: drawing.draw(*lumped(chain([2, 4, 4, 4, 3, 2, 1], 2))),
        "hostile": lambda: drawing.draw(*lumped(chain([2, 2, 1], names=[HOSTILE, "b<i>", '"'])), title=HOSTILE),
        "residual": lambda: drawing.draw(residual()),
        "erratum": lambda: drawing.draw(*lumped(exactlump.read(ROOT / "exactlump/networks/erratum.json"))),
        "steps": lambda: drawing.draw_steps(*lumped(exactlump.read(ROOT / "exactlump/networks/erratum.json"))),
        "steps of another": lambda: drawing.draw_steps(*lumped(small)),
        "wide": lambda: drawing.draw(*lumped(wide(500))),
        "certificate": lambda: drawing.draw(bundled, reduce(bundled).forward),
        "lumping": lambda: drawing.draw_lumping(lumping),
        "matrix": lambda: drawing.draw_matrix(matrix, lumping.classes["h1"], lumping.rho["h1"]),
        "matrix, scaled": lambda: drawing.draw_matrix(matrix, lumping.classes["h1"], lumping.rho["h1"], scaled=True),
        "matrix of blocks": lambda: drawing.draw_matrix(wide(300).nodes[0].weight),
        "matrix of zeros": lambda: drawing.draw_matrix([[0, 0], [0, 0]]),
        "matrix without rows": lambda: drawing.draw_matrix([]),
        "savings": lambda: drawing.draw_savings(savings),
        "savings of layers": lambda: drawing.draw_savings(savings, together=True),
        "vector": lambda: drawing.draw_vector([1, "-2/3", 0, 0.1, 10**30], ["x", HOSTILE]),
        "long vector": lambda: drawing.draw_vector(range(100), most=20),
        "outputs": lambda: drawing.draw_outputs(
            [1, 2, "1/3", -1], [1, "3/2", "1/3", 3], ["a", "b"], of=("one", HOSTILE)
        ),
        "bounds": lambda: drawing.draw_bounds(
            [drawing.Bound("y0", "1/7", 1), drawing.Bound("y1", 0, 0), drawing.Bound(HOSTILE, 2, None)], allowed=2
        ),
        "image": lambda: drawing.draw_image(image),
        "image of one number": lambda: drawing.draw_image([[3]]),
        "difference": lambda: drawing.draw_difference(image, other),
        "no difference": lambda: drawing.draw_difference(image, image),
        "plane": lambda: drawing.draw_plane(
            (-1, -1),
            (1, 1),
            regions=[drawing.Region(((-1, 0), (0, 0), (0, 1)), "wrong"), drawing.Region(((0, 0), (1, 0), (1, 1)), "A")],
            kinks=[drawing.Kink(1, 2, 0, "v1"), drawing.Kink(1, 0, 5, "outside"), drawing.Kink(0, 1, 0, HOSTILE)],
            dots=[drawing.Dot(-1, 1, "off by 1"), drawing.Dot("1/2", "-1/2", HOSTILE)],
        ),
        "leaves": lambda: drawing.draw_leaves((0, 0), (1, 2), cut, names=("speed", HOSTILE)),
        "pieces": lambda: drawing.draw_pieces(chain([2, 4, 3, 1], 5, twins=False), (-2, -2), (2, 2)),
        "Example 2": lambda: drawing.draw_chain(EXAMPLE_2, EXAMPLE_2_CLASSES, EXAMPLE_2_RHO),
        "star": lambda: drawing.draw_chain(SUMS_FAIL, ((0,), (1, 2))),
        "graph": lambda: drawing.draw_chain(ERRATUM),
        "graph with loops": lambda: drawing.draw_chain(exactlump.markov.Graph.of([[1, 2], [0, -1]], [HOSTILE, "b"])),
        "tandem": lambda: drawing.draw_chain(tandem(2)[0]),
        "polling": lambda: drawing.draw_chain(polling(2)[0], maximum_exact(polling(2)[0])),
        "too many states": lambda: drawing.draw_chain(tandem(5)[0]),
        "no states": lambda: drawing.draw_chain(Chain.of([])),
        "figure 1": lambda: figure_1(),
        "figure 2": lambda: figure_2(),
        "figure 3": lambda: figure_3(),
    }


GALLERY = gallery()


@cache
def picture_of(name):
    """A picture of the gallery."""
    return GALLERY[name]()
