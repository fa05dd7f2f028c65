# SPDX-License-Identifier: Apache-2.0
"""This file is about files of weights: safetensors and PyTorch's, read without PyTorch, with masks and prefixes.

Where PyTorch is installed, the two readers, ours and PyTorch's, must find the same numbers bit for bit.
"""

import contextlib
import json
import os
import pickle
import struct
import zipfile
from collections import OrderedDict

import numpy as np
import pytest
from click.testing import CliRunner

import exactlump
from exactlump import check
from exactlump.cli.main import cli
from exactlump.errors import ExactlumpError, FormatError, UnsupportedLayer
from exactlump.formats import weights
from exactlump.formats.pickles import Made, Named, Stored, loads
from exactlump.numbers.rational import rational
from exactlump.verdicts import SCOPE
from tests.tools import DATA, numbers, run

CASES = DATA.parent / "cases"
TYPES = {"F64": np.float64, "F32": np.float32, "F16": np.float16, "BF16": np.uint16, "I64": np.int64, "BOOL": np.bool_}
# A network whose second hidden neuron is twice its first.
TWINS = {
    "0.weight": np.array([[1, 2, 3], [2, 4, 6]], np.float32),
    "0.bias": np.array([1, 2], np.float32),
    "2.weight": np.array([[1, 1]], np.float32),
}


def safetensors(path, tensors, *, kinds=(), **changes):
    """Write a file in this format; `changes` replace entries of the header."""
    header, body = {}, b""
    for name, array in tensors.items():
        kind = dict(kinds).get(name) or next(k for k, dtype in TYPES.items() if dtype == array.dtype)
        start, body = len(body), body + array.tobytes()
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [start, len(body)]}
    text = json.dumps({**header, **changes}).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)
    return path


def value(network, point):
    return numbers(network.evaluate([rational(x) for x in point])[0]).tolist()


# A stated function


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("relu", 21.0),
        ("ReLU", 21.0),
        ("leaky_relu:0.5", 21.0),
        ("LeakyReLU:0.5", 21.0),
        ("hardtanh:-1:1", 2.0),
        ("identity", 21.0),
        ("relu6", 12.0),
    ],
)
def test_a_function_is_stated_for_weights_whose_names_are_numbered(words, expected, tmp_path):
    path = safetensors(tmp_path / "a.safetensors", TWINS)
    network = exactlump.read(path, activation=words)
    assert value(network, [1, 1, 1]) == [expected]
    assert any(note.startswith("layers in the order 0, 2, ") and "as stated" in note for note in network.notes)


def test_the_slope_of_a_stated_function_counts(tmp_path):
    path = safetensors(tmp_path / "a.safetensors", TWINS)
    assert value(exactlump.read(path, activation="leaky_relu:0.5"), [-1, -1, -1]) == [-7.5]
    assert value(exactlump.read(path, activation="identity"), [-1, -1, -1]) == [-15]
    assert value(exactlump.read(path, activation="relu"), [-1, -1, -1]) == [0]


@pytest.mark.parametrize(
    "words", ["", "relu:1", "leaky_relu", "leaky_relu:x", "elu:nan", "elu:1e40", "linear", "dropout"]
)
def test_a_function_that_is_none_is_refused_with_the_choice(words, tmp_path):
    path = safetensors(tmp_path / "a.safetensors", TWINS)
    with pytest.raises(FormatError, match=r"activation: found .* expected"):
        exactlump.read(path, activation=words)


def named(names):
    """A chain of dense layers, 2 to 2, under these names."""
    return {f"{name}.weight": np.eye(2, dtype=np.float32) * (i + 1) for i, name in enumerate(names)}


@pytest.mark.parametrize(
    ("names", "order"),
    [
        (["0", "2", "10"], "0, 2, 10"),
        (["net.4", "net.0"], "net.0, net.4"),
        (["fc2", "fc1", "fc10"], "fc1, fc2, fc10"),
        (["out"], "out"),
        (["body.layer.7"], "body.layer.7"),
    ],
)
def test_layers_stand_in_the_order_of_their_numbers(names, order, tmp_path):
    path = safetensors(tmp_path / "a.safetensors", named(names))
    network = exactlump.read(path, activation="relu")
    assert [node.target for node in network.nodes if hasattr(node, "weight")] == order.split(", ")
    assert order in network.notes[-1]


@pytest.mark.parametrize(
    "names", [["fc_in", "fc_out"], ["fc1", "out"], ["enc.0", "dec.0"], ["a.1", "b.2"], ["0", "00"]]
)
def test_names_that_tell_no_order_are_refused_with_the_remedy(names, tmp_path):
    path = safetensors(tmp_path / "a.safetensors", named(names))
    with pytest.raises(UnsupportedLayer, match=r"do not tell their order; expected --architecture"):
        exactlump.read(path, activation="relu")


def test_layers_that_are_not_dense_are_refused_with_the_remedy(tmp_path):
    conv = {"0.weight": np.zeros((2, 1, 3, 3), np.float32), "0.bias": np.zeros(2, np.float32)}
    norm = {**TWINS, "1.weight": np.ones(2, np.float32), "1.running_mean": np.zeros(2, np.float32)}
    for tensors in (conv, norm, {**TWINS, "scale": np.ones((), np.float32)}):
        path = safetensors(tmp_path / "a.safetensors", tensors)
        with pytest.raises(UnsupportedLayer, match=r"torch\.onnx\.export"):
            exactlump.read(path, activation="relu")


@pytest.mark.parametrize("how", [{}, {"activation": "relu", "architecture": "plan.json"}])
def test_weights_say_what_must_be_stated(how, tmp_path):
    path = safetensors(tmp_path / "a.safetensors", TWINS)
    with pytest.raises(FormatError, match=r"--activation NAME or --architecture FILE"):
        exactlump.read(path, **how)
    with pytest.raises(FormatError, match=r"--activation NAME or --architecture FILE"):
        exactlump.reduce_file(path, tmp_path / "b.onnx", **how)


def test_networks_need_to_be_told_nothing(tmp_path):
    exactlump.write(exactlump.Network.chain([[[1, 2]], [[3]]]), tmp_path / "a.json")
    for call in (exactlump.read, lambda path, **how: exactlump.reduce_file(path, tmp_path / "b.json", **how)):
        with pytest.raises(FormatError, match="expected weights"):
            call(tmp_path / "a.json", activation="relu")


# What names stand for


def test_wrappers_and_masks_are_read_and_said(tmp_path):
    tensors = {
        "module._orig_mod.0.weight_orig": np.array([[1, 2, 3], [2, 4, 6]], np.float32),
        "module._orig_mod.0.weight_mask": np.array([[1, 1, 1], [0, 0, 1]], np.float32),
        "module._orig_mod.2.weight": np.array([[1, 1]], np.float32),
    }
    network = exactlump.read(safetensors(tmp_path / "a.safetensors", tensors), activation="relu")
    assert value(network, [1, 1, 1]) == [12]
    assert network.notes[0] == "the prefix module._orig_mod. of all names left out"
    assert network.notes[1] == "masks of pruning applied to 0.weight"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"0.weight_mask": np.full((2, 3), 0.5, np.float32)}, "a 0 or a 1"),
        ({"0.weight_mask": np.ones((3, 2), np.float32)}, "a 0 or a 1"),
        ({"0.weight": np.ones((2, 3), np.float32)}, "no 0.weight"),
        ({"2.bias_mask": np.ones(1, np.float32)}, "expected both"),
    ],
)
def test_masks_that_do_not_fit_are_refused(changes, words, tmp_path):
    tensors = {"0.weight_orig": TWINS["0.weight"], "0.weight_mask": np.ones((2, 3), np.float32), **changes}
    with pytest.raises(FormatError, match=words):
        exactlump.read(safetensors(tmp_path / "a.safetensors", tensors), activation="relu")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("0.parametrizations.weight.original", "remove_parametrizations"),
        ("0.parametrizations.weight.original0", "remove_parametrizations"),
        ("0.weight_g", "remove_weight_norm"),
        ("0.weight_u", "remove_spectral_norm"),
    ],
)
def test_parametrisations_are_functions_that_no_file_holds(name, words, tmp_path):
    tensors = {"0.bias": np.ones(2, np.float32), name: np.ones((2, 2), np.float32)}
    with pytest.raises(UnsupportedLayer, match=words):
        exactlump.read(safetensors(tmp_path / "a.safetensors", tensors), activation="relu")


def test_bfloat16_numbers_are_float32_numbers(tmp_path):
    numbers16 = np.array([[0x3F80, 0xC040]], np.uint16)  # 1 and -3
    path = safetensors(tmp_path / "a.safetensors", {"0.weight": numbers16}, kinds={"0.weight": "BF16"})
    network = exactlump.read(path, activation="relu")
    assert network.dtype == "float32"
    assert value(network, [1, 2]) == [-5]


def test_floats_of_several_types_are_taken_as_the_widest(tmp_path):
    tensors = {"0.weight": np.array([[0.1]], np.float16), "0.bias": np.array([0.1], np.float64)}
    network = exactlump.read(safetensors(tmp_path / "a.safetensors", tensors), activation="relu")
    assert network.dtype == "float64"
    assert list(network.evaluate([1])[0]) == [rational(float(np.float16(0.1))) + rational(0.1)]
    assert "float16 numbers taken as the float64 numbers that they are" in network.notes


# Formats


@pytest.mark.parametrize(
    "entry",
    [
        {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]},
        {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]},
        {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]},
        {"dtype": "F32", "shape": [True], "data_offsets": [0, 4]},
        {"dtype": "F32", "shape": [1.0], "data_offsets": [0, 4]},
        {"dtype": "F32", "shape": [1], "data_offsets": [0, 4, 4]},
        {"dtype": "F32", "shape": [1]},
        {"dtype": "F8_E4M3", "shape": [4], "data_offsets": [0, 4]},
        {"dtype": ["F32"], "shape": [1], "data_offsets": [0, 4]},
        {"dtype": "F32", "shape": [0, 1 << 60], "data_offsets": [4, 4]},
        [],
    ],
)
def test_headers_that_do_not_fit_are_refused(entry, tmp_path):
    path = safetensors(tmp_path / "a.safetensors", {"0.weight": np.ones(1, np.float32)}, **{"0.weight": entry})
    with pytest.raises(FormatError):
        weights.load(path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x02",
        struct.pack("<Q", 2) + b"[]",
        struct.pack("<Q", 1 << 60) + b"{}",
        struct.pack("<Q", 100_000) + b"[" * 100_000,
        struct.pack("<Q", 4) + b"\xff\xfe{}",
        struct.pack("<Q", 2) + b"{}trailing",
        struct.pack("<Q", 16) + b'{"a": 1, "a": 2}',
    ],
)
def test_damaged_safetensors_are_errors_of_one_line(content, tmp_path):
    path = tmp_path / "a.safetensors"
    path.write_bytes(content)
    with pytest.raises(FormatError) as caught:
        weights.specification(path, weights.Stated(activation="relu"))
    assert "\n" not in str(caught.value)


def test_damage_anywhere_in_safetensors_is_an_error_of_ours(tmp_path):
    path = safetensors(tmp_path / "a.safetensors", TWINS)
    good, rng, read = path.read_bytes(), np.random.default_rng(0), 0
    for _ in range(300):
        bad = bytearray(good)
        bad[rng.integers(len(bad))] ^= 1 << int(rng.integers(8))
        path.write_bytes(bytes(bad[: rng.integers(1, len(bad))] if rng.integers(3) == 0 else bad))
        try:
            weights.specification(path, weights.Stated(activation="relu"))
            read += 1
        except ExactlumpError:
            continue
    assert 0 < read < 200  # numbers may change, the form may not


class Harm:
    """A pickle that would end the process."""

    def __reduce__(self):
        return os._exit, (3,)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_a_pickle_is_data_in_every_protocol(protocol):
    plain = {
        "a": [1, -(2**70), 2.5, None, True],
        "b": ("x", b"y" if protocol > 2 else 7, ()),
        3: {"deep": [[]]},
        "long": "z" * 300,
    }
    assert loads(pickle.dumps(plain, protocol)).value == plain
    assert loads(pickle.dumps(OrderedDict(a=1, b=2), protocol)).value == {"a": 1, "b": 2}
    made = loads(pickle.dumps([Harm()], protocol)).value[0]
    assert isinstance(made, Made)
    assert made.maker.name == "_exit"
    assert made.arguments == (3,)


def test_what_pickles_make_stays_as_it_was_made():
    """State, items and elements given to what is not made are left out; nothing of them is looked at."""
    assert loads(b"\x80\x02cmine\nThing\n)\x81}X\x01\x00\x00\x00aK\x01sb.").value.maker == Named("mine", "Thing")
    assert loads(b"\x80\x02cmine\nThing\n)RX\x01\x00\x00\x00aK\x01s.").value.maker == Named("mine", "Thing")
    found = loads(b"\x80\x02X\x01\x00\x00\x00aQ.")
    assert found.value == Stored("a")
    assert found.outside == ["a"]


@pytest.mark.parametrize(
    "data",
    [
        b"\x80\x02",
        b".",
        b"\x80\x02R.",
        b"\x80\x02X\xff\xff\xff\xff.",
        b"\x80\x02t.",
        b"\x80\x02K\x01}s.",
        b"\x80\x02K\x01K\x02K\x03s.",
        b"\x80\x02](e.K",
        b"\x80\x02]K\x01K\x02a" + b"s.",
        b"\x80\x02h\x05.",
        b"\x80\x02}((tK\x01s.",
        b"\x80\x02cno newline",
        b"\x80\x02\x8b\xff\xff\xff\xff.",
        b"\x80\x02\x86.",
        b"I1\n.",
        b"P1\n.",
        b"ios\nsystem\n.",
        b"\x82\x01.",
        b"\x80\x02b.",
        b"(" * 10 + b"\x85" * 10 + b".",
    ],
)
def test_damaged_pickles_are_errors_or_plain_values(data):
    with contextlib.suppress(FormatError):
        loads(data)


def test_keys_may_not_be_nested():
    """Python would walk down such a key to hash it, deeper than its stack."""
    deep = b"\x80\x02})" + b"\x85" * 2_000_000 + b"K\x01s."
    with pytest.raises(FormatError, match="a key of type tuple"):
        loads(deep)


@pytest.mark.parametrize("name", ["state-dict-with-masks.pt", "state-dict-module-prefix.pt"])
@pytest.mark.real
@pytest.mark.skipif(not CASES.exists(), reason=f"{CASES} is absent")
def test_the_shared_state_dicts(name, tmp_path):
    plan = CASES / "state-dict-architecture.json"
    one, two = exactlump.read(CASES / name, architecture=plan), exactlump.read(CASES / name, activation="relu")
    points = [[rational(x, 4), rational(y, 4)] for x in range(-9, 10, 3) for y in range(-9, 10, 3)]
    assert [one.evaluate(p) for p in points] == [two.evaluate(p) for p in points]
    assert any("masks" in note or "prefix" in note for note in one.notes)
    done = exactlump.reduce_file(CASES / name, tmp_path / "b.onnx", architecture=plan)
    assert check.main([str(done.specification), str(done.reduced), str(done.certificate)]) == 0


# Reducing


def test_safetensors_are_reduced_checked_and_run(tmp_path):
    path = safetensors(tmp_path / "a.safetensors", TWINS, __metadata__={"format": "pt"})
    done = CliRunner().invoke(cli, ["reduce", str(path), str(tmp_path / "b.onnx"), "--activation", "relu"])
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith(f"equivalent to a.safetensors.onnx: 2 -> 1 hidden neurons, {SCOPE}\n")
    assert "layers in the order 0, 2, ReLU between each two and none after the last, as stated" in done.stderr
    arguments = [str(tmp_path / name) for name in ("a.safetensors.onnx", "b.onnx", "b.onnx.cert.json")]
    assert check.main(arguments) == 0
    assert run(tmp_path / "a.safetensors.onnx", np.ones(3, np.float32))[0] == [21]
    assert run(tmp_path / "b.onnx", np.ones(3, np.float32))[0] == [21]


def test_equal_weights_make_equal_files(tmp_path):
    one = safetensors(tmp_path / "a.safetensors", TWINS)
    two = safetensors(tmp_path / "b.safetensors", dict(reversed(TWINS.items())))
    assert len({weights.specification(path, weights.Stated(activation="relu")).content for path in (one, two)}) == 1


def test_a_layer_may_be_called_input(tmp_path):
    tensors = named(["input", "output"])
    plan = tmp_path / "plan.json"
    layers = [{"kind": "Linear", "name": "input"}, "ReLU", {"kind": "Linear", "name": "output"}]
    plan.write_text(json.dumps({"format": "exactlump architecture", "version": 1, "input": [2], "layers": layers}))
    network = exactlump.read(safetensors(tmp_path / "a.safetensors", tensors), architecture=plan)
    assert value(network, [3, -1]) == [6, 0]


# PyTorch's own reader


def saved(torch, path, content, old):
    torch.save(content, path, _use_new_zipfile_serialization=not old)
    return path


@pytest.mark.parametrize("old", [False, True])
def test_pytorch_finds_the_same_numbers(old, tmp_path):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    torch.manual_seed(1)
    base = torch.randn(7, 6)
    state = {
        "plain": base.clone(),
        "transposed": base.t(),
        "sliced": base[2:6:2, 1:],
        "shared": base,
        "scalar": torch.tensor(1.5),
        "empty": torch.zeros(0, 3),
        "half": torch.randn(3).half(),
        "double": torch.randn(3).double(),
        "brain": torch.randn(3, 2).bfloat16(),
        "parameter": torch.nn.Parameter(torch.randn(2, 2)),
        "whole": torch.arange(-3, 3),
        "bytes": torch.arange(5, dtype=torch.uint8),
        "truth": torch.tensor([True, False]),
    }
    path = saved(torch, tmp_path / "a.pt", state, old)
    theirs = torch.load(path, map_location="cpu", weights_only=True)
    ours = weights.load(path).tensors
    assert list(ours) == list(theirs)
    for name, tensor in theirs.items():
        array = (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).detach().numpy()
        assert ours[name].dtype == array.dtype, name
        assert ours[name].shape == array.shape, name
        assert ours[name].tobytes() == array.tobytes(), name


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("key", ["state_dict", "model_state_dict", "model"])
def test_checkpoints_of_training_are_read_past_what_they_hold_besides(key, old, tmp_path):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    module = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2))
    optimiser = torch.optim.Adam(module.parameters())
    module(torch.ones(1, 3)).sum().backward()
    optimiser.step()
    content = {key: module.state_dict(), "optimizer": optimiser.state_dict(), "epoch": 3, "hyper": Harm}
    network = exactlump.read(saved(torch, tmp_path / "a.ckpt.pt", content, old), activation="tanh")
    assert network.neurons == 4
    content["model" if key != "model" else "state_dict"] = module.state_dict()
    with pytest.raises(UnsupportedLayer, match="expected one state dict"):
        exactlump.read(saved(torch, tmp_path / "a.ckpt.pt", content, old), activation="tanh")


def test_pruned_modules_are_what_pytorch_computes(tmp_path):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    from torch.nn.utils import prune

    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Linear(4, 6), torch.nn.ReLU(), torch.nn.Linear(6, 2))
    prune.ln_structured(module[0], "weight", amount=0.5, n=2, dim=0)
    prune.random_unstructured(module[0], "bias", amount=3)
    path = saved(torch, tmp_path / "a.pt", torch.nn.DataParallel(module).state_dict(), False)
    done = exactlump.reduce_file(path, tmp_path / "b.onnx", activation="relu")
    assert done.reduction.reduced.neurons <= 3
    x = torch.randn(4)
    assert np.allclose(run(done.reduced, x.numpy())[0], module(x[None])[0].detach().numpy(), rtol=1e-5, atol=1e-6)


def test_zip_archives_that_name_a_file_twice_are_refused(tmp_path):
    path = tmp_path / "a.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/data.pkl", pickle.dumps({}, 2))
        archive.writestr("a/datb.pkl", pickle.dumps({}, 2))
    path.write_bytes(path.read_bytes().replace(b"datb", b"data"))
    with pytest.raises(FormatError, match="a name twice"):
        weights.load(path)


def test_tensors_that_show_the_same_numbers_are_charged_each(tmp_path):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    shown = torch.zeros(1 << 10)
    path = saved(torch, tmp_path / "a.pt", {str(i): shown for i in range(100)}, False)
    weights.load(path)
    with pytest.raises(FormatError, match="more bytes in tensors"):
        weights.load(path, 1 << 16)
