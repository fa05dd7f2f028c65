# SPDX-License-Identifier: Apache-2.0
"""Exact lumping of neural networks: smaller networks that compute the same function, with a certificate.

>>> import exactlump
>>> done = exactlump.reduce_file("big.onnx", "small.onnx")            # doctest: +SKIP
>>> done.reduction.original.neurons, done.reduction.reduced.neurons    # doctest: +SKIP
(384, 113)
"""

__version__ = "0.1.0"

from exactlump.errors import ExactlumpError, FormatError, NotALumping, UnsupportedLayer
from exactlump.formats import from_torch, read, write
from exactlump.lumping.definition import is_lumping
from exactlump.lumping.maximum import Lumping, maximum_lumping
from exactlump.network.activations import Activation, leaky_relu
from exactlump.network.kinds import Activate, Dense
from exactlump.network.program import Network
from exactlump.network.views import Port
from exactlump.numbers.matrix import Matrix
from exactlump.numbers.rational import rational
from exactlump.reduction.loop import Reduction, exact_quotient, reduce
from exactlump.reduction.quotient import quotient
from exactlump.verbs.inspecting import inspect_file
from exactlump.verbs.reducing import reduce_file

__all__ = [
    "Activate",
    "Activation",
    "Dense",
    "ExactlumpError",
    "FormatError",
    "Lumping",
    "Matrix",
    "Network",
    "NotALumping",
    "Port",
    "Reduction",
    "UnsupportedLayer",
    "exact_quotient",
    "from_torch",
    "inspect_file",
    "is_lumping",
    "leaky_relu",
    "maximum_lumping",
    "quotient",
    "rational",
    "read",
    "reduce",
    "reduce_file",
    "write",
]
