# SPDX-License-Identifier: Apache-2.0
"""Pictures as SVG text: networks, lumpings, matrices, savings, counterexamples, bounds, planes, Markov chains.

Each function returns a `Picture`: `.svg()` is its file, `.save(path)` writes it, notebooks show it (docs/drawing.md).

>>> from exactlump import drawing
>>> drawing.draw_vector([1, "-2/3"], ["x", "y"], title="An input")
Picture(494 x 82: An input)
"""

from exactlump.drawing.bars import Bound, draw_bounds, draw_outputs, draw_vector
from exactlump.drawing.chains import draw_chain
from exactlump.drawing.images import draw_difference, draw_image, image_of
from exactlump.drawing.matrices import draw_matrix
from exactlump.drawing.networks import draw, draw_lumping, draw_steps
from exactlump.drawing.planes import Dot, Kink, Leaf, Region, draw_leaves, draw_pieces, draw_plane
from exactlump.drawing.savings import Saving, draw_savings, savings_of
from exactlump.drawing.svg import Picture, beside, framed, headed, stacked

__all__ = [
    "Bound",
    "Dot",
    "Kink",
    "Leaf",
    "Picture",
    "Region",
    "Saving",
    "beside",
    "draw",
    "draw_bounds",
    "draw_chain",
    "draw_difference",
    "draw_image",
    "draw_leaves",
    "draw_lumping",
    "draw_matrix",
    "draw_outputs",
    "draw_pieces",
    "draw_plane",
    "draw_savings",
    "draw_steps",
    "draw_vector",
    "framed",
    "headed",
    "image_of",
    "savings_of",
    "stacked",
]
