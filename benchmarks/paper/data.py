# SPDX-License-Identifier: Apache-2.0
"""This file is about the images: MNIST from IDX files, and the digits of scikit-learn, as exact multiples of 1/256.

The customary division by 255 would round; 1/256 and 1/16 do not, so that an image is the same number in float32, in the
exact network and in a counterexample.
"""

import gzip
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

TRAINING_IMAGES_OF_DIGITS = 1297


@dataclass(frozen=True, slots=True)
class Images:
    """Float32 images of shape (n, 1, height, width) with values in [0, 1], and their n labels."""

    train_x: np.ndarray
    train_y: np.ndarray
    test_x: np.ndarray
    test_y: np.ndarray


def mnist(folder):
    """The images of a folder with the usual four files, each plain or `.gz`; `train10k-...` also goes for `train-...`.

    Raises FileNotFoundError for a missing file, ValueError for a malformed one.
    """
    folder = Path(folder)
    prefix = next((p for p in ("train", "train10k") if _find(folder, f"{p}-images-idx3-ubyte")), "train")
    arrays = []
    for name in (prefix, "t10k"):
        images, labels = (_idx(folder, f"{name}-{kind}-ubyte") for kind in ("images-idx3", "labels-idx1"))
        if images.ndim != 3 or labels.shape != images.shape[:1]:
            shapes = f"{images.shape} and {labels.shape}"
            raise ValueError(f"{folder}: {name}: found shapes {shapes}, expected one label for each image")
        arrays += [images[:, None].astype(np.float32) / 256, labels.astype(np.int64)]
    return Images(*arrays)


def digits():
    """The 1797 images of scikit-learn, 8 x 8, in a fixed shuffled order: 1297 to train with, 500 to test with."""
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise ImportError("scikit-learn: not installed, expected the extra: pip install 'exactlump[train]'") from error
    found = load_digits()
    order = np.random.default_rng(0).permutation(len(found.target))
    x, y = found.images[order][:, None].astype(np.float32) / 16, found.target[order].astype(np.int64)
    cut = TRAINING_IMAGES_OF_DIGITS
    return Images(x[:cut], y[:cut], x[cut:], y[cut:])


def _find(folder, name):
    return next((path for path in (folder / name, folder / f"{name}.gz") if path.exists()), None)


def _idx(folder, name):
    """An IDX file of bytes: two zeros, the type 8, the number of axes, the sizes in big-endian order, the bytes."""
    path = _find(folder, name)
    if path is None:
        raise FileNotFoundError(f"{folder}: found no {name} or {name}.gz")
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    if len(content) < 4 or content[:3] != b"\0\0\x08":
        raise ValueError(f"{path}: found first bytes {content[:4].hex()}, expected an IDX file of bytes")
    axes = content[3]
    shape = tuple(int.from_bytes(content[4 + 4 * i : 8 + 4 * i], "big") for i in range(axes))
    if len(content) != 4 + 4 * axes + math.prod(shape):
        raise ValueError(f"{path}: found {len(content)} bytes, expected {4 + 4 * axes + math.prod(shape)}")
    return np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(shape)
