# SPDX-License-Identifier: Apache-2.0
"""This file is about the pictures: accuracy against pruned neurons, and counterexample images, as SVG and PNG."""

import numpy as np

from benchmarks.paper.prune import ARMS, PROPORTIONAL

COLOURS = {1: "#444444", 2: "#0072b2", 3: "#d55e00", 4: "#009e73"}
RESOLUTION = 110


def pyplot():
    """matplotlib.pyplot, drawing the same bytes each time; ImportError names the extra."""
    try:
        import matplotlib as mpl
    except ImportError as error:
        raise ImportError("matplotlib: not installed, expected the extra: pip install 'exactlump[report]'") from error
    mpl.use("Agg")
    mpl.rcParams.update({"svg.hashsalt": "exactlump", "svg.fonttype": "none", "font.size": 8})
    from matplotlib import pyplot as plt

    return plt


def draw_accuracy(counts, rows, title, stem):
    """Six panels, one for each arm: mean accuracy over the seeds, and a band from the least to the greatest."""
    plt = pyplot()
    figure, axes = plt.subplots(2, 3, figsize=(8, 4.6), sharex=True, sharey=True, layout="constrained")
    for panel, arm in zip(axes.flat, (PROPORTIONAL, *ARMS), strict=True):
        for terms in sorted({row["terms"] for row in rows if row["arm"] == arm.name}):
            curves = np.array([r["accuracy"] for r in rows if (r["arm"], r["terms"]) == (arm.name, terms)]) * 100
            word = "1 term" if terms == 1 else f"{terms} terms"
            panel.plot(counts, curves.mean(axis=0), "o-", color=COLOURS[terms], label=word, markersize=3)
            panel.fill_between(counts, curves.min(axis=0), curves.max(axis=0), color=COLOURS[terms], alpha=0.15, lw=0)
        panel.set_title(arm.name, fontsize=8)
        panel.legend(loc="lower left", frameon=False)
        panel.set_ylim(0, 100)
        panel.set_xticks(counts)
    figure.supxlabel("neurons pruned")
    figure.supylabel("test accuracy, %")
    figure.suptitle(title)
    _save(figure, stem)


def draw_counterexamples(found, stem):
    """A row for each counterexample: the test image, the counterexample, their difference.

    found: {"name", "image", "counterexample", "before", "after"}, images as 2-d arrays, the two decisions as numbers.
    """
    plt = pyplot()
    figure, axes = plt.subplots(len(found), 3, figsize=(4.8, 1.55 * len(found)), layout="constrained", squeeze=False)
    for row, case in zip(axes, found, strict=True):
        difference = case["counterexample"] - case["image"]
        reach = max(float(np.abs(difference).max()), 1 / 256)
        row[0].imshow(case["image"], cmap="gray", vmin=0, vmax=1)
        row[1].imshow(case["counterexample"], cmap="gray", vmin=0, vmax=1)
        row[2].imshow(difference, cmap="RdBu", vmin=-reach, vmax=reach)
        words = (
            "test image",
            f"exact counterexample: {case['before']}, then {case['after']}",
            f"difference, at most {reach:.4f}",
        )
        for axis, word in zip(row, words, strict=True):
            axis.set(xticks=[], yticks=[], title=word)
            axis.title.set_fontsize(7)
        row[0].set_ylabel(case["name"], fontsize=6)
    _save(figure, stem)


def _save(figure, stem):
    for suffix, options in ((".svg", {"metadata": {"Date": None}}), (".png", {"dpi": RESOLUTION})):
        figure.savefig(stem.with_suffix(suffix), **options)
    pyplot().close(figure)
