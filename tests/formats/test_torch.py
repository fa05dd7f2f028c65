# SPDX-License-Identifier: Apache-2.0
"""This file is about PyTorch: modules mean what torch computes, files of weights run no code, nothing is guessed."""

import contextlib
import json
import os
import pickle
import zipfile

import numpy as np
import onnx
import pytest
from click.testing import CliRunner

import exactlump
from exactlump import check
from exactlump.cli.main import cli
from exactlump.errors import CannotWrite, ExactlumpError, FormatError, ShapeError, UnsupportedLayer
from exactlump.formats import torch as ours
from exactlump.formats import weights as of_weights
from exactlump.network.activations import Activation
from exactlump.network.kinds import Activate, Dense
from exactlump.numbers.rational import rational
from exactlump.verdicts import SCOPE
from tests.tools import DATA, numbers, run

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
nn = torch.nn


def dyadic(module, seed=0):
    """All numbers of a module small multiples of 1/8, so that floats compute it exactly."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for tensor in module.state_dict().values():
            if tensor.dtype.is_floating_point:
                tensor.copy_(torch.randint(-9, 10, tensor.shape, generator=generator) / 8)
    for layer in module.modules():
        if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
            layer.running_var.fill_(0.25)
            layer.eps = 0.0
    return module.eval()


def agree(module, shape, tolerance=0.0):
    """Exact values against torch, at dyadic points."""
    network = ours.from_torch(module, shape)
    rng = np.random.default_rng(1)
    for _ in range(3):
        x = rng.integers(-20, 20, np.prod(shape)) / 4
        with torch.no_grad():
            expected = module(torch.tensor(x, dtype=torch.float32).reshape(1, *shape)).numpy().ravel()
        (found,) = network.evaluate([rational(float(v)) for v in x])
        assert np.allclose(numbers(found), expected, rtol=tolerance, atol=tolerance)
    return network


@pytest.mark.parametrize(
    ("layers", "shape"),
    [
        ([nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2, bias=False)], (3,)),
        ([nn.Linear(3, 4), nn.LeakyReLU(0.25), nn.Dropout(0.5), nn.Identity(), nn.PReLU()], (3,)),
        ([nn.Linear(3, 3), nn.ReLU6(), nn.Hardtanh(-0.5, 2.0), nn.Hardtanh()], (3,)),
        ([nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.BatchNorm1d(4, affine=False)], (3,)),
        ([nn.Flatten(), nn.Linear(12, 2)], (3, 4)),
        ([nn.Conv2d(2, 3, 3, stride=2, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(12, 2)], (2, 4, 3)),
        ([nn.Conv2d(2, 4, (3, 2), padding="same", groups=2, dilation=2), nn.MaxPool2d(2)], (2, 5, 4)),
        ([nn.Conv2d(2, 3, 2, padding="valid"), nn.BatchNorm2d(3), nn.AvgPool2d(2, 1, 1)], (2, 4, 4)),
        ([nn.Conv1d(2, 3, 3, bias=False), nn.BatchNorm1d(3), nn.MaxPool1d(2, 1, 1), nn.AvgPool1d(2)], (2, 8)),
        ([nn.ConvTranspose2d(2, 3, 2, stride=2, output_padding=1), nn.ReLU()], (2, 2, 3)),
        ([nn.Conv2d(1, 2, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten()], (1, 3, 3)),
        ([nn.Conv1d(1, 2, 2), nn.AdaptiveMaxPool1d(1), nn.Flatten()], (1, 3)),
        ([nn.Conv2d(1, 2, 2), nn.AvgPool2d(2, padding=1, count_include_pad=False)], (1, 5, 5)),
        ([nn.Sequential(nn.Linear(2, 2), nn.ReLU()), nn.Linear(2, 1)], (2,)),
    ],
    ids=lambda value: "-".join(type(layer).__name__ for layer in value) if isinstance(value, list) else "",
)
def test_modules_mean_what_torch_computes(layers, shape):
    agree(dyadic(nn.Sequential(*layers)), shape)


def test_divisions_are_exact_where_torch_rounds():
    agree(dyadic(nn.Sequential(nn.Linear(3, 3), nn.Hardsigmoid())), (3,), 1e-6)
    agree(dyadic(nn.Sequential(nn.Linear(3, 3), nn.Hardswish(), nn.Softsign())), (3,), 1e-5)


@pytest.mark.parametrize("layer", [nn.BatchNorm1d, nn.BatchNorm2d])
def test_the_epsilon_of_normalisations_is_what_onnx_can_hold(layer):
    """PyTorch's default is no float32 number: rounded to one for float32 weights, refused for float64."""
    shape = (2,) if layer is nn.BatchNorm1d else (2, 1, 1)
    ours.from_torch(layer(2).eval(), shape)
    with pytest.raises(UnsupportedLayer, match="no float32 number"):
        ours.from_torch(layer(2).double().eval(), shape)
    assert ours.from_torch(layer(2, eps=2**-17).double().eval(), shape).dtype == "float64"


@pytest.mark.parametrize(
    ("layer", "function"),
    [
        (nn.ELU(0.5), Activation("elu", (rational(1, 2),))),
        (nn.CELU(2.0), Activation("celu", (rational(2),))),
        (nn.GELU(), Activation("gelu")),
        (nn.GELU("tanh"), Activation("gelu_tanh")),
        (nn.SiLU(), Activation("silu")),
        (nn.Mish(), Activation("mish")),
        (nn.Sigmoid(), Activation("sigmoid")),
        (nn.Tanh(), Activation("tanh")),
    ],
    ids=str,
)
def test_functions_have_their_names(layer, function):
    (node,) = ours.from_torch(nn.Sequential(layer).eval(), (2,)).nodes
    assert node == Activate("input", "0", (function,) * 2)


def test_the_model_is_what_torch_computes_in_a_runtime(tmp_path):
    module = dyadic(
        nn.Sequential(nn.Conv2d(1, 2, 2), nn.ReLU(), nn.Flatten(), nn.Linear(8, 2), nn.SELU(), nn.Softmax(1))
    )
    path = tmp_path / "a.onnx"
    path.write_bytes(ours.to_onnx(module, (1, 3, 3)).SerializeToString())
    onnx.checker.check_model(str(path), full_check=True)
    x = np.arange(9, dtype=np.float32)
    with torch.no_grad():
        expected = module(torch.tensor(x).reshape(1, 1, 3, 3)).numpy().ravel()
    assert np.allclose(run(path, x)[0], expected, rtol=1e-5)


def test_numbers_keep_their_type_bit_for_bit():
    module = nn.Sequential(nn.Linear(5, 4), nn.LeakyReLU(0.01), nn.Linear(4, 1)).double()
    network = ours.from_torch(module)
    assert network.dtype == "float64"
    first, activation, _ = network.nodes
    assert first.weight.row(1)[2] == rational(module[0].weight[1, 2].item())
    assert activation.functions[0].slope == rational(0.01)
    half = ours.from_torch(nn.Sequential(nn.Linear(2, 1), nn.LeakyReLU(0.01)))
    assert half.nodes[1].functions[0].slope == rational(float(np.float32(0.01)))


class Other(nn.Module):
    def forward(self, x):
        return x * x


class Linear(nn.Linear):
    def forward(self, x):
        return super().forward(x) + 1


def hooked():
    layer = nn.Linear(1, 1)
    layer.register_forward_hook(lambda *_: None)
    return layer


def replaced():
    layer = nn.ReLU()
    layer.forward = lambda x: x
    return layer


class Wrapped(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(1, 1)

    def forward(self, x):
        return self.layer(self.layer(x))


@pytest.mark.parametrize(
    ("module", "words"),
    [
        (nn.Sequential(), "no layer"),
        (Wrapped(), "expected a torch.nn.Sequential"),
        (nn.Sequential(nn.Linear(1, 1), Wrapped()), "class of torch.nn"),
        (nn.Sequential(Other()), "class of torch.nn"),
        (nn.Sequential(Linear(1, 1)), "class of torch.nn"),
        (nn.Sequential(hooked()), "hook"),
        (nn.Sequential(nn.Linear(1, 1), replaced()), "another forward"),
        (nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(1, 1))), "class of torch.nn"),
        (nn.Sequential(nn.Linear(1, 1), nn.Softplus()), "docs/pytorch.md"),
        (nn.Sequential(nn.Linear(1, 1), nn.Dropout(0.5)), "training mode"),
        (nn.Sequential(nn.Linear(1, 1), nn.BatchNorm1d(1)), "training mode"),
        (nn.Sequential(nn.Linear(1, 1), nn.BatchNorm1d(1, track_running_stats=False)).eval(), "running statistics"),
        (nn.Sequential(nn.Linear(1, 1), nn.Linear(1, 1).double()), "float64"),
        (nn.Sequential(nn.Linear(1, 1).bfloat16()), "bfloat16"),
        (nn.Sequential(nn.Linear(1, 1), nn.Softmax()), "no dim"),
        (nn.Sequential(nn.Linear(1, 1), nn.ELU(0.1)).double(), "no float32"),
        (nn.Sequential(nn.Linear(1, 2), nn.PReLU(2)), "several slopes"),
        (nn.Sequential(nn.Flatten()), "shape"),
        (3, "expected a torch.nn.Sequential"),
    ],
)
def test_what_is_not_covered_is_refused_with_the_reason(module, words):
    with pytest.raises(UnsupportedLayer, match=words):
        ours.from_torch(module)


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (nn.Conv2d(1, 1, 1, padding_mode="reflect"), "reflect"),
        (nn.MaxPool2d(2, ceil_mode=True), "ceil_mode"),
        (nn.MaxPool2d(2, return_indices=True), "return_indices"),
        (nn.AvgPool2d(2, divisor_override=3), "divisor_override"),
        (nn.AdaptiveAvgPool2d(2), "output size"),
        (nn.AdaptiveAvgPool2d((None, 1)), "output size"),
        (nn.Flatten(0), "other axes"),
    ],
    ids=str,
)
def test_options_of_layers_on_images_that_are_refused(layer, words):
    with pytest.raises(UnsupportedLayer, match=words):
        ours.from_torch(nn.Sequential(layer), (1, 4, 4))


@pytest.mark.parametrize("shape", [(), (0,), (-1, 2), "3", (2.0,), (True,), 3])
def test_a_shape_is_positive_integers(shape):
    with pytest.raises(ShapeError):
        ours.from_torch(nn.Sequential(nn.Linear(3, 1)), shape)


def test_layers_that_do_not_fit_are_errors():
    with pytest.raises(ShapeError):
        ours.from_torch(nn.Sequential(nn.Linear(3, 2), nn.Linear(3, 1)))
    with pytest.raises(ShapeError):
        ours.from_torch(nn.Sequential(nn.Linear(3, 2)), (3, 3))


# Files


def files(folder, weights, layers, shape=(3,), **top):
    path, plan = folder / "a.pth", folder / "plan.json"
    torch.save(weights, path)
    entry = {"format": "exactlump architecture", "version": 1, "input": list(shape), "layers": layers, **top}
    plan.write_text(json.dumps(entry))
    return path, plan


def specification(path, plan, *room):
    return of_weights.specification(path, of_weights.Stated(plan), *room).content


def read(path, plan):
    """The network of a file of weights, as the specification that is written has it."""
    from pathlib import Path

    model = onnx.ModelProto()
    model.ParseFromString(specification(path, plan))
    return ours.reading.parse(model, Path())


MODULE = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))


@pytest.mark.parametrize(
    "holder", [lambda w: w, lambda w: {"state_dict": w, "epoch": 3}, lambda w: {"model_state_dict": [w]}]
)
def test_weights_and_an_architecture_make_the_module(holder, tmp_path):
    path, plan = files(tmp_path, holder(MODULE.state_dict()), ["Linear", "ReLU", "Linear"])
    assert read(path, plan).nodes == ours.from_torch(MODULE).nodes
    assert specification(path, plan) == specification(path, plan)


def test_layers_may_have_the_names_of_the_weights(tmp_path):
    weights = {"body.fc1.weight": torch.ones(4, 3), "out.weight": torch.ones(1, 4), "out.bias": torch.ones(1)}
    layers = [
        "Flatten",
        {"kind": "Linear", "name": "body.fc1"},
        {"kind": "LeakyReLU", "negative_slope": 0.25},
        {"kind": "Linear", "name": "out"},
        {"kind": "Hardtanh", "min_val": 0, "max_val": 6},
    ]
    network = read(*files(tmp_path, weights, layers, (1, 3)))
    assert [type(node) for node in network.nodes if not isinstance(node, Activate)][-2:] == [Dense, Dense]
    assert [str(n.functions[0]) for n in network.nodes if isinstance(n, Activate)] == ["leaky_relu(1/4)", "relu6"]


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        (["Linear", "ReLU"], "no Linear for 2.bias, 2.weight"),
        (["Linear", "ReLU", "ReLU", "Linear"], "found none, expected a matrix"),
        (["Linear", "Conv2d", "Linear"], "found Conv2d"),
        (["Linear", {"kind": "LeakyReLU"}, "Linear"], "expected numbers for negative_slope"),
        (["Linear", {"kind": "ReLU", "inplace": 1}, "Linear"], "expected numbers for nothing"),
        (["Linear", {"kind": "LeakyReLU", "negative_slope": "0.1"}, "Linear"], "expected numbers"),
        (["Linear", {"kind": "LeakyReLU", "negative_slope": float("nan")}, "Linear"], "expected numbers"),
        (["Linear", {"kind": "LeakyReLU", "negative_slope": 10**400}, "Linear"], "expected numbers"),
        ([["Linear"]], "expected one of"),
        ([{"kind": "Linear", "name": 7}], "the name 7"),
        ([], "expected a list"),
        ({}, "expected a list"),
    ],
)
def test_an_architecture_that_does_not_fit_is_refused(layers, words, tmp_path):
    path, plan = files(tmp_path, MODULE.state_dict(), layers)
    with pytest.raises(ExactlumpError, match=words):
        specification(path, plan)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"format": 1}', '{"a": 1, "a": 2}', "[" * 100_000, "\xff"])
def test_an_architecture_is_json_of_its_grammar(text, tmp_path):
    path, plan = files(tmp_path, MODULE.state_dict(), ["Linear"])
    plan.write_bytes(text.encode("latin-1"))
    with pytest.raises(FormatError):
        specification(path, plan)


def test_weights_alone_are_no_network(tmp_path):
    path, _ = files(tmp_path, MODULE.state_dict(), [])
    with pytest.raises(FormatError, match="--architecture"):
        specification(path, None)


@pytest.mark.parametrize(
    "weights",
    [
        {},
        3,
        [MODULE.state_dict(), MODULE.state_dict()],
        {"0.weight": 3},
        {3: torch.ones(2)},
        {"0.weight": torch.ones(3)},
        {"0.weight": torch.ones(2, 3), "0.bias": torch.ones(3)},
        {"0.weight": torch.ones(2, 3, dtype=torch.int64)},
        {"0.weight": torch.ones(2, 3).to_sparse()},
        {"0.weight": torch.tensor(1.0).expand(30_000, 30_000)},
        {"0.weight": torch.full((2, 3), float("nan"))},
    ],
)
def test_files_that_hold_no_weights_of_that_shape_are_refused(weights, tmp_path):
    path, plan = files(tmp_path, weights, ["Linear"])
    with pytest.raises(ExactlumpError):
        specification(path, plan)


class Harm:
    """A pickle that would make a file."""

    def __init__(self, place):
        self.place = place

    def __reduce__(self):
        return os.mkdir, (str(self.place),)


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("wrap", [lambda harm: harm, lambda harm: {"0.weight": torch.ones(1, 3), "0.bias": harm}])
def test_code_in_a_file_does_not_run(wrap, old, tmp_path):
    place = tmp_path / "made"
    path, plan = files(tmp_path, {}, ["Linear"])
    torch.save(wrap(Harm(place)), path, _use_new_zipfile_serialization=not old)
    with pytest.raises(UnsupportedLayer, match=r"found more than weights.*mkdir"):
        specification(path, plan)
    assert not place.exists()
    path.write_bytes(pickle.dumps(Harm(place)))
    with pytest.raises(ExactlumpError):
        specification(path, plan)
    assert not place.exists()


def test_a_whole_module_in_a_file_is_refused(tmp_path):
    path, plan = files(tmp_path, MODULE, ["Linear"])
    with pytest.raises(UnsupportedLayer, match="expected a state dict, or ONNX"):
        specification(path, plan)


@pytest.mark.parametrize("content", [b"", b"x", b"PK\x03\x04", b"\x80\x02.", pickle.dumps({"a": 1}), b"\x80\x04N."])
def test_damaged_files_are_errors_of_one_line(content, tmp_path):
    path, plan = files(tmp_path, {}, ["Linear"])
    path.write_bytes(content)
    with pytest.raises(ExactlumpError) as caught:
        specification(path, plan)
    assert "\n" not in str(caught.value)


def test_damage_anywhere_is_an_error_of_ours(tmp_path):
    path, plan = files(tmp_path, MODULE.state_dict(), ["Linear", "ReLU", "Linear"])
    good = path.read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(150):
        bad = bytearray(good)
        bad[rng.integers(len(bad))] ^= 1 << int(rng.integers(8))
        path.write_bytes(bytes(bad[: rng.integers(1, len(bad))] if rng.integers(3) == 0 else bad))
        with contextlib.suppress(ExactlumpError):
            specification(path, plan)


def test_a_file_that_unpacks_to_much_is_refused(tmp_path):
    path, plan = files(tmp_path, {}, ["Linear"])
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/data.pkl", bytes(1 << 20))
    with pytest.raises(FormatError, match="unpacks to more"):
        specification(path, plan, 1 << 16)


# Reducing


def twins():
    """Two neurons, the second twice the first."""
    weights = {"0.weight": torch.tensor([[1.0, 2, 3], [2, 4, 6]]), "0.bias": torch.tensor([1.0, 2])}
    return weights | {"2.weight": torch.tensor([[1.0, 1]])}


def test_weights_are_reduced_and_checked(tmp_path):
    path, plan = files(tmp_path, twins(), ["Linear", "ReLU", "Linear"])
    done = CliRunner().invoke(cli, ["reduce", str(path), str(tmp_path / "b.onnx"), "--architecture", str(plan)])
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith(f"equivalent to a.pth.onnx: 2 -> 1 hidden neurons, {SCOPE}\n")
    arguments = [str(tmp_path / name) for name in ("a.pth.onnx", "b.onnx", "b.onnx.cert.json")]
    assert check.main(arguments) == 0
    assert numbers(exactlump.read(tmp_path / "b.onnx").evaluate([rational(1)] * 3)[0]) == [21]


def test_only_weights_need_an_architecture(tmp_path):
    path, plan = files(tmp_path, twins(), ["Linear", "ReLU", "Linear"])
    with pytest.raises(FormatError, match="--architecture"):
        exactlump.reduce_file(path, tmp_path / "b.onnx")
    with pytest.raises(FormatError, match="--architecture"):
        exactlump.read(path)
    exactlump.reduce_file(path, tmp_path / "b.onnx", architecture=plan)
    with pytest.raises(FormatError, match="expected weights"):
        exactlump.reduce_file(tmp_path / "b.onnx", tmp_path / "c.onnx", architecture=plan)
    with pytest.raises(CannotWrite, match="own name"):
        exactlump.reduce_file(path, tmp_path / "a.pth.onnx", architecture=plan)
    with pytest.raises(CannotWrite, match="own name"):
        exactlump.reduce_file(path, tmp_path / "b.onnx", plan, architecture=plan)


def test_the_public_name_is_the_same_function():
    assert exactlump.read(MODULE).nodes == ours.from_torch(MODULE).nodes


# Real files

PYTORCH = DATA / "pytorch"
REAL = {
    "mnist_2_20.pth": ["Flatten", "Linear", "ReLU", "Linear"],
    "mnist_6_100_nat.pth": ["Flatten", *["Linear", "ReLU"] * 5, "Linear"],
}
real = [pytest.mark.real, pytest.mark.skipif(not PYTORCH.is_dir(), reason=f"no real networks in {PYTORCH}")]


def test_code_of_torchscript_is_called_what_it_is(tmp_path, recwarn):
    """In our words, without PyTorch's advice."""
    path = tmp_path / "script.pt"
    torch.jit.save(torch.jit.trace(torch.nn.Linear(2, 1), torch.zeros(1, 2)), str(path))
    recwarn.clear()
    with pytest.raises(UnsupportedLayer, match=r"^found TorchScript, which is code; expected a state dict, or ONNX$"):
        of_weights.load(path)
    assert not list(recwarn)


@pytest.mark.parametrize("name", [pytest.param(name, marks=real) for name in REAL])
def test_real_weights_are_read(name, tmp_path):
    _, plan = files(tmp_path, {}, REAL[name], (1, 28, 28))
    network = read(PYTORCH / name, plan)
    assert network.shapes[network.outputs[0]] == (10,)
    assert network.neurons == {"mnist_2_20.pth": 20, "mnist_6_100_nat.pth": 500}[name]


@pytest.mark.parametrize("name", [pytest.param(name, marks=real) for name in REAL])
def test_real_weights_reduce_and_check(name, tmp_path):
    _, plan = files(tmp_path, {}, REAL[name], (1, 28, 28))
    done = exactlump.reduce_file(PYTORCH / name, tmp_path / "b.onnx", architecture=plan)
    assert done.reduction.reduced.neurons == done.reduction.original.neurons
    assert check.main([str(done.specification), str(done.reduced), str(done.certificate)]) == 0


@pytest.mark.parametrize("name", [pytest.param(n, marks=real) for n in ("two_layer_model.pt", "three_layer_model.pt")])
def test_real_pickled_modules_are_refused(name, tmp_path):
    _, plan = files(tmp_path, {}, ["Linear"])
    with pytest.raises(UnsupportedLayer, match="found more than weights"):
        specification(PYTORCH / name, plan)
