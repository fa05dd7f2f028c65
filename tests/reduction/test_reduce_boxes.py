# SPDX-License-Identifier: Apache-2.0
"""This file is about reductions on boxes: what never fires there goes, and nothing is claimed of any other input."""

import itertools
import json
import random
from fractions import Fraction

import pytest

import exactlump
from exactlump import check
from exactlump.cli.main import main
from exactlump.errors import CannotWrite, FormatError, ShapeError, UnsupportedLayer
from exactlump.network.program import Network
from exactlump.numbers.rational import rational
from tests import regenerate
from tests.arguing import argue, verdicts
from tests.checker.test_check_kinks import functions_of, outputs
from tests.regenerate import dense, net, over, relu, row
from tests.tools import real_networks

ZERO_ROW, LINE_ROW = "zero on domain", "linear on domain"


@pytest.fixture
def ask(tmp_path):
    """What the checker says of two networks on boxes: pairs of ends for each element of x; and a solver, as there."""

    def asked(original, reduced, relations, *boxes, back=None, seen=False):
        files = [regenerate.text(side).encode() for side in (original, reduced)]
        document = regenerate.certificate(*files, relations, back, ("one", "one"))
        if boxes != (None,):
            named = [{"x": [[end if end is None else str(end) for end in pair] for pair in box]} for box in boxes]
            document["claim"]["domain"] = {"boxes": named}
        paths = [tmp_path / name for name in ("original.json", "reduced.json", "certificate.json")]
        for path, content in zip(paths, [*files, regenerate.text(document).encode()], strict=True):
            path.write_bytes(content)
        answer = check.check(*map(str, paths))
        if not seen:
            argue(paths, answer)
        elif answer.code == 0:
            assert "equivalent" not in verdicts(paths)
        return answer

    return asked


def bent(function, weight=1, bias=0, out=1):
    """x -> sigma(weight*x + bias) -> y."""
    return net(dense("x", "s", [[weight]], [bias]), functions_of("s", "h", [function]), dense("h", "y", [[out]]))


def straight(weight, bias):
    """x -> y."""
    return net(dense("x", "y", [[weight]], [bias]))


RELU = ["leaky_relu", "0"]
DEAD = {"h": over(None, ZERO_ROW)}
ACTIVE = {"h": over(None, LINE_ROW)}


def test_what_never_fires_on_a_box_is_zero_there(ask):
    """ReLU(x - 2) on [0, 2], and on no larger box; the answer says where."""
    found = ask(bent(RELU, 1, -2), straight(0, 0), DEAD, [(0, 2)])
    assert found.code == 0
    assert found.reason.startswith("only on [0, 2], over the reals")
    for box in [(0, "2000001/1000000")], [(-1, 3)]:
        assert ask(bent(RELU, 1, -2), straight(0, 0), DEAD, box).rule == "domain"
    assert ask(bent(RELU, 1, -2), straight(0, 0), DEAD, [(0, 1)], [(0, 3)]).rule == "domain"
    assert ask(bent(RELU, 1, -2), straight(0, 0), DEAD, [(0, 1)], [(-3, 2)]).code == 0


def test_what_always_fires_is_a_line_there(ask):
    assert ask(bent(RELU, 1, 2), straight(1, 2), ACTIVE, [(-2, 5)]).code == 0
    assert ask(bent(RELU, 1, 2), straight(1, 2), ACTIVE, [(-3, 5)]).rule == "domain"


def test_without_a_domain_there_are_no_such_rows(ask):
    assert ask(bent(RELU, 0, -2), straight(0, 0), DEAD, None).rule == "domain"


@pytest.mark.parametrize(
    ("function", "rows", "box"),
    [
        (["clip", "0", "6"], ACTIVE, (7, 8)),
        (["sigmoid"], DEAD, (-1, 0)),
        (["leaky_relu", "1/4"], DEAD, (-1, 0)),
        (["elu", "1"], DEAD, (-1, 0)),
        (["at_least", "1"], ACTIVE, (0, 1)),
        (["clip", "0", "6"], DEAD, (-2, -1)),
    ],
)
def test_only_of_functions_that_are_bent_at_zero_alone(ask, function, rows, box):
    assert ask(bent(function), straight(0 if rows is DEAD else 1, 0), rows, [box]).rule == "activation"


def test_bounds_of_the_original_say_nothing_of_the_reduced_network(ask):
    """h = ReLU(x - 2) is 0 on [0, 1]; h' = ReLU(x), which is compared with it, is not."""
    pair = bent(RELU, 1, -2), bent(RELU, 1, 0)
    assert ask(*pair, DEAD, [(0, 1)], back={"h": {"rows": [ZERO_ROW]}}).rule == "domain"
    assert ask(*pair, {"h": over("h", row(0))}, [(0, 1)]).rule == "affine"
    assert outputs(pair[0], [1]) != outputs(pair[1], [1])


@pytest.mark.parametrize(
    ("boxes", "rule"),
    [([], "domain"), ([[(1, 0)]], "domain"), ([[(0, 1), (0, 1)]], "domain"), ([[(None, 1)]], "domain")],
)
def test_domains_that_are_none(ask, boxes, rule):
    assert ask(bent(RELU, 1, -2), straight(0, 0), DEAD, *boxes).rule == rule


def test_an_image_that_is_dead_inside_and_alive_at_the_border(ask):
    """relu(1 - the sum of three ones): 1 - 3 inside, 1 - 2 at the border; and 2.5 - 2 > 0 only there."""
    window = {name: [3] for name in ("source", "target", "kernel")} | {name: [1] for name in ("stride", "dilation")}
    window |= {"begin": [1], "end": [1], "transposed": False}
    for bias, code in ("1", 0), ("5/2", 1):
        image = {"op": "reorder", "source": "x", "target": "i", "axes": None, "shape": [1, 3], "channel": 0}
        conv = {"op": "conv", "source": "i", "target": "c", "columns": 3, "bias": [bias], "window": window}
        nodes = [image, {**conv, "rows": [[[0, "-1"], [1, "-1"], [2, "-1"]]]}]
        nothing = {"op": "scale", "source": "i", "target": "y", "factor": ["0"]}
        pair = net(*nodes, relu("c", "y", 1), x=[1, 3]), net(image, nothing, x=[1, 3])
        found = ask(*pair, {"y": over(None, ZERO_ROW)}, [(1, 1)] * 3)
        assert found.code == code, found


@pytest.mark.parametrize("fault", ["loose", "function"])
def test_planted_faults_are_seen(ask, monkeypatch, fault):
    """Bounds that are not those of the box, or functions that are not 0, would let a false certificate pass."""
    pair = (bent(RELU, 1, 0), DEAD, (0, 1)) if fault == "loose" else (bent(["leaky_relu", "1"]), DEAD, (-1, 0))
    if fault == "loose":
        monkeypatch.setattr(check, "unit_bounds", lambda *_: {"h": ([-1], [0])})
    else:
        monkeypatch.setattr(check, "zero_below", lambda _: True)
    assert ask(pair[0], straight(0, 0), pair[1], [pair[2]], seen=True).code == 0
    monkeypatch.undo()
    assert ask(pair[0], straight(0, 0), pair[1], [pair[2]]).code == 1


# --- The reduction --------------------------------------------------------------------------------------


def drawn(seed, sizes=(3, 12, 10, 2)):
    """A random network of small rationals."""
    rng = random.Random(seed)
    number = lambda: Fraction(rng.randint(-16, 16), 8)  # noqa: E731
    pairs = list(itertools.pairwise(sizes))
    weights = [[[number() for _ in range(n)] for _ in range(m)] for n, m in pairs]
    return Network.chain(weights, [[number() for _ in range(m)] for _, m in pairs])


def test_on_the_box_it_is_exact_and_off_it_is_not(tmp_path):
    smaller = differing = 0
    for seed in range(8):
        rng, network = random.Random(seed), drawn(seed)
        exactlump.write(network, tmp_path / f"{seed}.json")
        done = exactlump.reduce_file(tmp_path / f"{seed}.json", tmp_path / f"{seed}s.json", box=("-1/4", "1/3"))
        reduced = exactlump.read(tmp_path / f"{seed}s.json")
        smaller += reduced.neurons < network.neurons
        for _ in range(20):
            x = [rational(rng.randint(-3, 4), 12) for _ in range(3)]
            assert network.evaluate(x) == reduced.evaluate(x)
        far = [[rational(rng.randint(-40, 40)) for _ in range(3)] for _ in range(20)]
        differing += any(network.evaluate(x) != reduced.evaluate(x) for x in far)
        assert done.where == " only on box [-1/4, 1/3]"
        assert done.json()["domain"] == "box [-1/4, 1/3]"
    assert smaller == 8
    assert differing >= 6


def test_the_first_line_says_where(tmp_path, capsys):
    exactlump.write(drawn(1), tmp_path / "a.json")
    names = [str(tmp_path / name) for name in ("a.json", "b.json", "b.json.cert.json")]
    with pytest.raises(SystemExit) as ended:
        main(["reduce", *names[:2], "--box", "0", "1/4"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("equivalent only on box [0, 1/4]: 22 -> ")
    with pytest.raises(SystemExit):
        main(["check", *names])
    assert "only on [0, 1/4] x [0, 1/4] x [0, 1/4]" in capsys.readouterr().out.replace("\n", " ")
    with pytest.raises(SystemExit) as ended:
        main(["prove", *names])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("equivalent: only on [0, 1/4] x [0, 1/4] x [0, 1/4]; ")
    for verb in (["prove", *names, "--monolithic"], ["export", *names, "-o", str(tmp_path / "t.v"), "--coq"]):
        with pytest.raises(SystemExit) as ended:
            main(verb)
        assert ended.value.code == 4, verb
    with pytest.raises(UnsupportedLayer, match="about boxes"):
        exactlump.prove_files(*names, form="monolithic")


def test_halved_boxes_are_the_same_domain_with_better_bounds(tmp_path):
    """What is dead stays dead; the certificate names the parts, whose union is the box; both roads accept it."""
    rng, gained = random.Random(4), 0
    for seed in range(4):
        network = drawn(seed)
        exactlump.write(network, tmp_path / "a.json", overwrite=True)
        left = []
        for halvings in range(3):
            box = ("-1/2", "1/2")
            done = exactlump.reduce_file(
                tmp_path / "a.json", tmp_path / "b.json", box=box, halvings=halvings, overwrite=True
            )
            left.append(done.reduction.reduced.neurons)
            boxes = exactlump.read_certificate(done.certificate).domain["boxes"]
            assert len(boxes) == 2**halvings
            assert done.where == " only on box [-1/2, 1/2]"
            for _ in range(8):
                x = [Fraction(rng.randint(-4, 4), 8) for _ in range(3)]
                inside = [
                    all(Fraction(a) <= y <= Fraction(b) for y, (a, b) in zip(x, one["x"], strict=True)) for one in boxes
                ]
                assert any(inside)
                assert network.evaluate([rational(y) for y in x]) == done.reduction.reduced.evaluate(
                    [rational(y) for y in x]
                )
        assert left == sorted(left, reverse=True)
        gained += left[0] - left[2]
        found = exactlump.prove_files(tmp_path / "a.json", tmp_path / "b.json", done.certificate, jobs=1)
        assert found.verdict == "equivalent"
        assert " or one of 2 more boxes" in found.reason
        names = [str(tmp_path / name) for name in ("a.json", "b.json", "b.json.cert.json")]
        assert " or one of 2 more boxes, over the reals" in check.check(*names).reason
    assert gained > 0
    for wrong in (-1, 9):
        with pytest.raises(FormatError, match="halvings: found"):
            exactlump.reduce_file(tmp_path / "a.json", tmp_path / "b.json", box=(0, 1), halvings=wrong)
    with pytest.raises(FormatError, match="found no domain"):
        exactlump.reduce_file(tmp_path / "a.json", tmp_path / "b.json", halvings=1)


def test_domains_that_do_not_fit(tmp_path):
    exactlump.write(drawn(1), tmp_path / "a.json")
    places = tmp_path / "a.json", tmp_path / "b.json"
    with pytest.raises(FormatError, match="expected one of them"):
        exactlump.reduce_file(*places, box=(0, 1), vnnlib=tmp_path / "p.vnnlib")
    with pytest.raises(ShapeError):
        exactlump.reduce_file(*places, box=([0, 0], [1, 1]))
    with pytest.raises(FormatError, match="without an end"):
        exactlump.reduce_file(*places, box=([None, 0, 0], [1, 1, 1]))
    assert not places[1].exists()


def test_the_property_is_named_and_not_replaced(tmp_path):
    exactlump.write(drawn(1), tmp_path / "a.json")
    property_ = tmp_path / "p.json"
    lines = [f"(declare-const X_{i} Real)(assert (<= X_{i} 0.25))(assert (>= X_{i} 0))" for i in range(3)]
    property_.write_text("\n".join(lines))
    with pytest.raises(CannotWrite, match="own name"):
        exactlump.reduce_file(tmp_path / "a.json", property_, vnnlib=property_, overwrite=True)
    done = exactlump.reduce_file(tmp_path / "a.json", tmp_path / "b.json", vnnlib=property_)
    assert done.where == " only on p.json"
    assert "property" in {file["role"] for file in done.json()["files"]}


def test_certificates_on_boxes_are_read_back(tmp_path):
    exactlump.write(drawn(2), tmp_path / "a.json")
    done = exactlump.reduce_file(tmp_path / "a.json", tmp_path / "b.json", box=(0, "1/4"))
    claimed = exactlump.read_certificate(done.certificate)
    assert claimed.domain == {"boxes": [{"x": [["0", "1/4"]] * 3}]}
    rows = json.loads(done.certificate.read_text())["relations"]["original"]["h1"]["rows"]
    assert ZERO_ROW in rows


@pytest.mark.real
@pytest.mark.parametrize("path", real_networks("relusplit/acas_1_1.onnx"))
def test_acas_xu_on_a_property(path, tmp_path):
    """Never more than 171 of 300 on property 3, without bisection."""
    property_ = path.parents[1] / "acasxu" / "vnnlib" / "prop_3.vnnlib"
    done = exactlump.reduce_file(path, tmp_path / "small.onnx", vnnlib=property_)
    assert done.reduction.reduced.neurons <= 171
