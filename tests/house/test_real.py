# SPDX-License-Identifier: Apache-2.0
"""This file is about real networks, made by others: each is reduced, checked apart, and compared with its original."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from exactlump import check, read, reduce_file
from exactlump.formats import digest
from exactlump.network.kinds import Activate, Dense, Head, Reorder, Scale, Shift
from exactlump.numbers.rational import rational
from tests.tools import approximate, numbers, raw_only, real_networks, session, weights

# At most this many hidden neurons may be left (the public TLL benchmark, without any fusion).
TLL = {
    "instance_0_0": 188,
    "instance_0_1": 209,
    "instance_0_2": 214,
    "instance_0_3": 199,
    "instance_1_0": 647,
    "instance_1_1": 672,
    "instance_1_2": 628,
    "instance_2_0": 1524,
    "instance_2_1": 1395,
    "instance_3_0": 2046,
}
TRAINED = ("acasxu/**/*", "coav/*", "mnist_fc/*", "wide_range/*", "pairs/**/*")
OTHERS = ("other_activations/[!c]*", "other_activations/cartpole*", "lumpable/*", "lumpable/twin/*")
LATTICES = tuple(f"lumpable/tll/*{name}.onnx.gz" for name in TLL)
POINTS, FLOATS = 20, 100


@pytest.fixture(scope="module")
def checker(tmp_path_factory):
    """The checker copied alone into an empty folder."""
    return shutil.copy(check.__file__, tmp_path_factory.mktemp("checker"))


@pytest.mark.parametrize("path", real_networks(*TRAINED, *OTHERS, *LATTICES))
def test_real_network_is_reduced_checked_apart_and_the_same(path, tmp_path, checker):
    """Equal at random rational inputs, close in onnxruntime, accepted by the bare checker, and not reducible again."""
    target = tmp_path / path.name
    raw = raw_only(path)
    done = reduce_file(path, target, raw_nnet=raw)
    original, reduced = done.reduction.original, read(target, raw_nnet=raw)
    assert all(layer.why_not_more for layer in done.reduction.layers)
    _accepted_alone(checker, path, target, done.certificate)
    _equal_at_points(original, reduced)
    if not path.name.endswith(".nnet"):
        _close_in_floats(reduced, target)
    _stays(target, tmp_path / f"again-{path.name}", raw)
    _expected_size(path, original, reduced)


def _stays(reduced, again, raw):
    """Reducing the result changes nothing: the same neurons, and the same numbers in the file.

    Of lattices a second run may leave a few less: sums that were written as several floats have kinks of their own.
    """
    done = reduce_file(reduced, again, raw_nnet=raw)
    if "tllBench" in reduced.name:
        before, after = done.reduction.original.neurons, done.reduction.reduced.neurons
        assert 0.95 * before <= after <= before
        return
    assert done.reduction.original.neurons == done.reduction.reduced.neurons
    if reduced.name.endswith(".nnet"):
        assert reduced.read_bytes() == again.read_bytes()
    else:
        assert sorted(digest(reduced).tensors.values()) == sorted(digest(again).tensors.values())


def _accepted_alone(checker, original, reduced, certificate):
    command = [sys.executable, "-I", checker, original, reduced, certificate]
    found = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout.split(":")[0]) == (0, "equivalent"), found.stdout + found.stderr


def _rational_outputs(network):
    """Whether every value is rational; elsewhere the inputs of the first function without one are compared."""
    return all(f.slope is not None for n in network.nodes if isinstance(n, Activate) for f in n.functions) and not any(
        isinstance(n, Head) for n in network.nodes
    )


def _equal_at_points(original, reduced):
    """Equal at random rational points; networks with sigmoid, tanh or softmax have no rational values to compare."""
    if not _rational_outputs(original):
        return
    random = np.random.default_rng(7)
    for _ in range(POINTS):
        x = [
            tuple(
                rational(int(p), int(q))
                for p, q in zip(random.integers(-99, 99, n), random.integers(1, 99, n), strict=True)
            )
            for n in (original.units(port.name) for port in original.inputs)
        ]
        assert original.evaluate(*x) == reduced.evaluate(*x)


def _close_in_floats(network, path):
    """onnxruntime stays within the running error bound of the exact values (docs/trust.md), at float32 inputs."""
    found, (declared, *others) = session(path), session(path).get_inputs()
    assert not others
    shape = [size if isinstance(size, int) else 1 for size in declared.shape]
    if network.dtype != "float32" or np.prod(shape) != network.units(network.inputs[0].name):
        return
    random = np.random.default_rng(11)
    for _ in range(FLOATS):
        x = random.uniform(-1, 1, shape).astype(np.float32)
        got = found.run(None, {declared.name: x})
        for name, y in zip(network.outputs, got, strict=True):
            value, bound = _running_error(network, x)[name]
            assert (np.abs(y.ravel() - value) <= bound).all()


def _running_error(network, x, unit=2.0**-24):
    """Each tensor in float64, and how far float32 can be off: T10's bound; functions are 1-Lipschitz, to 8 units."""
    values = approximate(network, x)
    errors = {network.inputs[0].name: np.zeros(x.size)}
    for n in network.nodes:
        e, h = errors[n.source], np.abs(values[n.source])
        if isinstance(n, Dense):
            absolute = np.abs(weights(n.weight))
            g = (n.weight.shape[1] + 3) * unit
            e = (1 + 2 * g) * (absolute @ e) + 2 * g * (absolute @ h + np.abs(numbers(n.bias)))
        elif isinstance(n, Scale):
            e = np.abs(numbers(n.factor)) * ((1 + unit) * e + 2 * unit * h)
        elif isinstance(n, Shift):
            e = (1 + unit) * e + 2 * unit * np.abs(values[n.target])
        elif isinstance(n, Reorder):
            e = e[list(n.order(network.shapes[n.source]))]
        else:
            e = e + 8 * unit * (1 + np.abs(values[n.target]))
        errors[n.target] = e
    return {name: (values[name], errors[name] + 1e-30) for name in network.outputs}


def _expected_size(path, original, reduced):
    if "twin" in path.parts:
        assert reduced.neurons == 0
    for name, most in TLL.items():
        if name in path.name:
            assert reduced.neurons <= most
    if "acasxu" in path.parts:
        assert (original.neurons, reduced.neurons) == (300, 300)


@pytest.mark.parametrize("path", real_networks("acasxu/nnet/*1_1*", "lumpable/twin/*5_inp-4_layers-5_*"))
def test_real_nnet_without_its_normalisation(path, tmp_path):
    """`raw_nnet` reads and writes the layers only, and binds that into the certificate."""
    target = tmp_path / path.name
    done = reduce_file(path, target, raw_nnet=True)
    assert '"specification":"raw nnet"' in Path(done.certificate).read_text()
    assert done.reduction.original.outputs == ("layer7",) or done.reduction.original.outputs == ("layer4",)
