# SPDX-License-Identifier: Apache-2.0
"""This file is about small files of many kinds in the checker: each is read, and equivalent to itself.

The files are public data beside the project; where they are absent the tests are skipped.
"""

from pathlib import Path

import pytest

from exactlump import check
from tests.claims import claim, judge

CASES = Path(__file__).parents[3] / "shared" / "cases"
pytestmark = [pytest.mark.real, pytest.mark.skipif(not CASES.exists(), reason="the small cases are not here")]

FOLDED = "batch normalisation folded, scales in float32"
# What is opaque in each file that is read
READ = {
    "argmax-and-zipmapless": {},
    "argmax-then-cast": {},
    "batch-minus1": {},
    "bias-dq-scale1-zero0": {},
    "bn-plain": {},
    "clip-infinite-bound": {},
    "constant-output": {"ai.onnx:Identity": 1},
    "dense-on-positions": {},
    "dueling": {"ai.onnx:Add": 1},
    "embedding": {"ai.onnx:Gather": 1},
    "exp-of-constant": {"ai.onnx:Exp": 1, "ai.onnx:Mul": 1},
    "ffn3d": {},
    "gather-scalar-of-constant": {},
    "input-without-batch": {},
    "layernorm": {"ai.onnx:LayerNormalization": 1},
    "linear-view-convtranspose": {},
    "logsigmoid": {},
    "opset-twice": {},
    "pad-then-pool": {},
    "pad-with-one": {"ai.onnx:Pad": 1},
    "qconv-int8-per-channel": {},
    "qonnx-ceil": {"qonnx.custom_op.general:Quant": 1},
    "qonnx-up": {"qonnx.custom_op.general:Quant": 1},
    "quant-0": {},
    "reducemax-end": {"ai.onnx:ReduceMax": 1},
    "resize-nearest": {},
    "se-gate": {"ai.onnx:Mul": 1},
    "shape-chain-symbolic-batch": {},
    "silu": {},
    "silu-new-exporter": {},
    "silu-old-exporter": {},
    "size0-view": {},
    "slice-int32-indices": {},
    "softmax-opset11-axis1-image": {},
    "softmax-per-pixel": {"ai.onnx:Softmax": 1},
    "stack-inputs": {},
    "symbolic-hw": {},
    "threshold-output": {"ai.onnx:Greater": 1},
    "uint8-input": {},
    "sound/add_of_sums": {"ai.onnx:ReduceSum": 2},
    "sound/bn_on_time": {},
    "sound/gridsample_2x3": {"ai.onnx:GridSample": 1},
    "sound/if_Neg": {"ai.onnx:Greater": 1, "ai.onnx:If": 1, "ai.onnx:ReduceSum": 1},
    "sound/int32_wrap": {"ai.onnx:Add": 1},
    "sound/intdiv": {"ai.onnx:Div": 1, "ai.onnx:Mul": 1},
    "sound/intdiv_neg": {"ai.onnx:Mod": 1},
    "sound/local_Erf": {},
    "sound/resize_1.1": {"ai.onnx:Resize": 1},
    "sound/softplus_threshold": {},
    "sound/x_plus_xT": {},
}
APART = [
    ("sound/gridsample_2x3", "sound/gridsample_3x2"),
    ("sound/if_Neg", "sound/if_Abs"),
    ("sound/local_Erf", "sound/local_Sin"),
    ("sound/sum_of_add", "sound/add_of_sums"),
    ("sigmoid-original", "sigmoid-pruned"),
]


@pytest.mark.parametrize("name", READ)
def test_a_case_is_read_and_is_itself(name, tmp_path):
    path = CASES / f"{name}.onnx"
    specification = FOLDED if "bn" in name else "as stored"
    assert claim(path, path, specification=specification)["opaque"]["operators"] == READ[name]
    found = judge(path, path, tmp_path, specification=specification)
    assert found.verdict == "equivalent", found.reason


@pytest.mark.parametrize("pair", APART)
def test_cases_that_differ_are_not_equivalent(pair, tmp_path):
    assert judge(*(CASES / f"{name}.onnx" for name in pair), tmp_path).verdict == "rejected"


@pytest.mark.parametrize("name", ["hardswish-opset8", "sound/local_relu_is_neg"])
def test_a_case_is_refused(name):
    with pytest.raises(check.Stop):
        check.read_network(str(CASES / f"{name}.onnx"), "as stored", check.MAX_UNPACKED)


def test_names_say_which_input_is_which(tmp_path):
    assert judge(CASES / "names-two.onnx", CASES / "names-swapped.onnx", tmp_path).verdict == "equivalent"
