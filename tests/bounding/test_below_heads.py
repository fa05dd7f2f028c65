# SPDX-License-Identifier: Apache-2.0
"""This file is about decisions of networks that end in a softmax: they are those of what is below it."""

import json
from dataclasses import replace
from fractions import Fraction

import pytest

from exactlump import check, formats
from exactlump.errors import UnsupportedLayer
from exactlump.network.kinds import Head
from exactlump.network.program import Network
from exactlump.refutation.comparing import headless
from exactlump.verbs.bounded import bound
from exactlump.verbs.comparing import compare
from tests.bounding.test_bounds import NEAR, TURN
from tests.bounding_tools import as_fraction, certificate, outputs, verdict

HEADS = ["softmax", "log_softmax"]


def headed(network: Network, kind: str = "softmax") -> Network:
    """The network with a head on top."""
    (source,) = network.outputs
    return replace(network, nodes=(*network.nodes, Head(source, "top", kind)), outputs=("top",))


def pair(folder, *networks):
    """Files of networks."""
    places = [folder / f"{side}.json" for side in "ab"]
    for network, place in zip(networks, places, strict=True):
        formats.write(network, place)
    return places


@pytest.mark.parametrize("kind", HEADS)
@pytest.mark.parametrize("both", [True, False])
def test_one_decision_is_shown_below_a_softmax(kind, both, tmp_path):
    """On [0.6, 1] both decide 0; the checker says so of the files, heads included."""
    files = pair(tmp_path, headed(TURN, kind), headed(NEAR, kind) if both else NEAR)
    place = tmp_path / "c.json"
    found = bound(*files, ("3/5", 1), argmax=True, certificate=place, seconds=20)
    assert (found.verdict, found.index) == ("within", 0)
    said = check.check(*map(str, files), str(place))
    assert (said.verdict, said.reason.partition(" on ")[0]) == ("within", "both decide 0")
    document = json.loads(place.read_text())
    for change in ({"index": 1}, {"domain": {"boxes": [{"x": [["0", "1"], ["0", "1"]]}]}}):
        place.write_text(json.dumps({**document, "claim": {**document["claim"], **change}}))
        assert check.check(*map(str, files), str(place)).verdict == "rejected"
    rounded = {**document["claim"], "arithmetic": "float32"}
    place.write_text(json.dumps({**document, "claim": rounded}))
    assert check.check(*map(str, files), str(place)).verdict == "unsupported"


def test_decisions_that_differ_are_shown_below_a_softmax(tmp_path):
    files = pair(tmp_path, headed(TURN), headed(NEAR))
    place = tmp_path / "c.json"
    found = compare(*files, (0, 1), argmax=True, certificate=place, seconds=20)
    assert (found.verdict, found.decisions) == ("different", (1, 0))
    said = check.check(*map(str, files), str(place))
    assert said.verdict == "different"
    assert said.reason.startswith("below softmax output 0 differs by ")
    assert "; the largest output is 1, and 0" in said.reason
    x = [as_fraction(y) for y in found.input]
    assert [y > z for y, z in (outputs(TURN, x), outputs(NEAR, x))] == [False, True]


def test_softmaxes_whose_largest_outputs_agree_are_not_called_different(tmp_path):
    """Below it all outputs differ by the same number, so that the softmaxes are equal."""
    ours = Network.chain([[[1], [2]]], [[0, 0]])
    theirs = Network.chain([[[1], [2]]], [[1, 1]])
    stated = {"original": ["1", "2"], "reduced": ["2", "3"]}
    document = certificate({"criterion": "different"}, trees=None, input={"x": ["1"]}, outputs=stated)
    assert verdict(tmp_path, ours, theirs, document).verdict == "different"
    found = verdict(tmp_path, headed(ours), headed(theirs), document)
    assert (found.verdict, found.rule) == ("rejected", "outputs")


def test_heads_that_are_no_softmax_at_the_output_stay():
    assert headless(TURN) is TURN
    top = headed(TURN, "argmax")
    assert headless(top) is top
    below = headless(headed(TURN))
    assert below.outputs == ("top",)
    x = [Fraction(1, 3), Fraction(2)]
    assert outputs(below, x) == outputs(TURN, x)
    two = replace(headed(TURN), outputs=("top", *TURN.outputs))
    assert headless(two) is two


def test_margins_of_softmaxes_are_not_claimed(tmp_path):
    """What one output is ahead of another is not the same below a softmax."""
    files = pair(tmp_path, headed(TURN), headed(TURN))
    found = bound(*files, (0, 1), argmax=True, inputs=[[1, 1]], seconds=20)
    assert (found.verdict, found.alike) == ("unknown", None)
    assert found.notes[-1].startswith("softmax: margins are bounded of networks without it")
    with pytest.raises(UnsupportedLayer, match="softmax"):
        bound(*files, (0, 1), epsilon=1, seconds=20)
