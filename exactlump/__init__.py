# SPDX-License-Identifier: Apache-2.0
"""Exact lumping of neural networks: smaller networks that compute the same function, with a certificate.

>>> import exactlump
>>> done = exactlump.reduce_file("big.onnx", "small.onnx")            # doctest: +SKIP
>>> done.reduction.original.neurons, done.reduction.reduced.neurons    # doctest: +SKIP
(384, 113)

Every public name is imported when it is first used, so that `import exactlump` costs nothing.
"""

import importlib
from typing import TYPE_CHECKING, Any

from exactlump.version import VERSION

if TYPE_CHECKING:
    from exactlump.errors import ExactlumpError as ExactlumpError
    from exactlump.errors import FormatError as FormatError
    from exactlump.errors import NotALumping as NotALumping
    from exactlump.errors import UnsupportedLayer as UnsupportedLayer
    from exactlump.formats import from_torch as from_torch
    from exactlump.formats import read as read
    from exactlump.formats import write as write
    from exactlump.lumping.definition import is_lumping as is_lumping
    from exactlump.lumping.maximum import Lumping as Lumping
    from exactlump.lumping.maximum import maximum_lumping as maximum_lumping
    from exactlump.network.activations import Activation as Activation
    from exactlump.network.activations import leaky_relu as leaky_relu
    from exactlump.network.kinds import Activate as Activate
    from exactlump.network.kinds import Dense as Dense
    from exactlump.network.program import Network as Network
    from exactlump.network.views import Port as Port
    from exactlump.numbers.matrix import Matrix as Matrix
    from exactlump.numbers.rational import rational as rational
    from exactlump.reduction.loop import Reduction as Reduction
    from exactlump.reduction.loop import exact_quotient as exact_quotient
    from exactlump.reduction.loop import reduce as reduce
    from exactlump.reduction.quotient import quotient as quotient
    from exactlump.verbs.inspecting import inspect_file as inspect_file
    from exactlump.verbs.reducing import reduce_file as reduce_file

__version__ = VERSION

# Module below exactlump -> the public names that it has.
_PUBLIC = {
    "errors": "ExactlumpError FormatError NotALumping UnsupportedLayer",
    "formats": "from_torch read write",
    "lumping.definition": "is_lumping",
    "lumping.maximum": "Lumping maximum_lumping",
    "network.activations": "Activation leaky_relu",
    "network.kinds": "Activate Dense",
    "network.program": "Network",
    "network.views": "Port",
    "numbers.matrix": "Matrix",
    "numbers.rational": "rational",
    "reduction.loop": "Reduction exact_quotient reduce",
    "reduction.quotient": "quotient",
    "verbs.inspecting": "inspect_file",
    "verbs.reducing": "reduce_file",
}
_HOME = {name: module for module, names in _PUBLIC.items() for name in names.split()}
__all__ = ["__version__", *sorted(_HOME)]


def __getattr__(name: str) -> Any:
    """A public name, from the module that has it."""
    if name not in _HOME:
        raise AttributeError(f"module 'exactlump' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"exactlump.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """All public names."""
    return __all__
