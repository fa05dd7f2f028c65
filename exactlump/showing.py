# SPDX-License-Identifier: Apache-2.0
"""This file is about showing: `_repr_svg_`, by which notebooks ask networks, lumpings and reductions for a picture.

The room that draws stands above those whose things it draws, so it is not imported here: it is found by its name, and
only when somebody asks for a picture.
"""

from importlib import import_module

# Where pictures are made: `svg_of` of a thing is SVG text, or None where there is no picture of it.
_DRAWS = "exactlump.drawing.hooks"


class Shown:
    """What notebooks show as a picture."""

    __slots__ = ()

    def _repr_svg_(self) -> str | None:
        """The picture as SVG text; None where there is none, so that notebooks show words."""
        picture: str | None = import_module(_DRAWS).svg_of(self)
        return picture
