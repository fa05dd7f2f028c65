# SPDX-License-Identifier: Apache-2.0
"""Exact lumping of neural networks: smaller networks that compute the same function, with a certificate.

>>> import exactlump
>>> done = exactlump.reduce_file("big.onnx", "small.onnx")            # doctest: +SKIP
>>> done.reduction.original.neurons, done.reduction.reduced.neurons    # doctest: +SKIP
(384, 113)

Every public name is imported when it is first used, so that `import exactlump` costs nothing.
"""

from exactlump.version import VERSION

TYPE_CHECKING = False  # as in `typing`, which takes longer to import than all of this
if TYPE_CHECKING:
    from typing import Any

    from exactlump.certificates.certificate import Certificate as Certificate
    from exactlump.certificates.certificate import read_certificate as read_certificate
    from exactlump.errors import CannotWrite as CannotWrite
    from exactlump.errors import ExactlumpError as ExactlumpError
    from exactlump.errors import FormatError as FormatError
    from exactlump.errors import NoExactValue as NoExactValue
    from exactlump.errors import NotALumping as NotALumping
    from exactlump.errors import ShapeError as ShapeError
    from exactlump.errors import Undecided as Undecided
    from exactlump.errors import UnsupportedLayer as UnsupportedLayer
    from exactlump.errors import WrongType as WrongType
    from exactlump.fast.engine import proportional_classes as proportional_classes
    from exactlump.fast.workers import FanOut as FanOut
    from exactlump.formats import read as read
    from exactlump.library.approximations import least_squares as least_squares
    from exactlump.library.approximations import merge as merge
    from exactlump.library.approximations import truncate as truncate
    from exactlump.library.files import write as write
    from exactlump.library.lumpings import LayerStep as LayerStep
    from exactlump.library.lumpings import is_lumping as is_lumping
    from exactlump.library.lumpings import maximum_lumping as maximum_lumping
    from exactlump.library.lumpings import quotient as quotient
    from exactlump.library.lumpings import steps as steps
    from exactlump.library.reductions import exact_quotient as exact_quotient
    from exactlump.library.reductions import reduce as reduce
    from exactlump.library.values import evaluate as evaluate
    from exactlump.lumping.flaws import find_flaw as find_flaw
    from exactlump.lumping.maximum import Lumping as Lumping
    from exactlump.lumping.simulations import Relation as Relation
    from exactlump.lumping.simulations import entry as entry
    from exactlump.network.activations import Activation as Activation
    from exactlump.network.activations import identity as identity
    from exactlump.network.activations import leaky_relu as leaky_relu
    from exactlump.network.activations import prelu as prelu
    from exactlump.network.activations import relu as relu
    from exactlump.network.kinds import Activate as Activate
    from exactlump.network.kinds import Add as Add
    from exactlump.network.kinds import AveragePool as AveragePool
    from exactlump.network.kinds import Conv as Conv
    from exactlump.network.kinds import Dense as Dense
    from exactlump.network.kinds import Head as Head
    from exactlump.network.kinds import MaxPool as MaxPool
    from exactlump.network.kinds import Pad as Pad
    from exactlump.network.kinds import Reorder as Reorder
    from exactlump.network.kinds import Scale as Scale
    from exactlump.network.kinds import Select as Select
    from exactlump.network.kinds import Shift as Shift
    from exactlump.network.program import Network as Network
    from exactlump.network.views import Port as Port
    from exactlump.network.views import View as View
    from exactlump.network.windows import Window as Window
    from exactlump.numbers.floats import pieces as pieces
    from exactlump.numbers.matrix import Matrix as Matrix
    from exactlump.numbers.rational import rational as rational
    from exactlump.points.boxes import Box as Box
    from exactlump.reduction.loop import Reduction as Reduction
    from exactlump.reduction.quotient import Step as Step
    from exactlump.reduction.reports import LayerReport as LayerReport
    from exactlump.reporting.bundle_file import BundleOptions as BundleOptions
    from exactlump.reporting.bundle_file import FileBundle as FileBundle
    from exactlump.reporting.bundle_file import bundle_files as bundle_files
    from exactlump.reporting.bundle_file import verify_bundle as verify_bundle
    from exactlump.reporting.report_file import FileReport as FileReport
    from exactlump.reporting.report_file import ReportOptions as ReportOptions
    from exactlump.reporting.report_file import report_file as report_file
    from exactlump.smt.obligations import Obligations as Obligations
    from exactlump.verbs.bounded import bound as bound
    from exactlump.verbs.bounding import FileBound as FileBound
    from exactlump.verbs.checking import FileCheck as FileCheck
    from exactlump.verbs.checking import check_files as check_files
    from exactlump.verbs.comparing import FileComparison as FileComparison
    from exactlump.verbs.comparing import compare as compare
    from exactlump.verbs.inspecting import Inspection as Inspection
    from exactlump.verbs.inspecting import LayerInspection as LayerInspection
    from exactlump.verbs.inspecting import inspect_file as inspect_file
    from exactlump.verbs.proving import FileProof as FileProof
    from exactlump.verbs.proving import ProveOptions as ProveOptions
    from exactlump.verbs.proving import prove_files as prove_files
    from exactlump.verbs.reducing import FileReduction as FileReduction
    from exactlump.verbs.reducing import reduce_file as reduce_file
    from exactlump.verbs.refuting import FileFinding as FileFinding
    from exactlump.verbs.refuting import refute as refute
    from exactlump.verbs.relaxing import FileRelaxation as FileRelaxation
    from exactlump.verbs.relaxing import relax as relax
    from exactlump.verbs.verifying import FileAnswer as FileAnswer
    from exactlump.verbs.verifying import verify as verify

# Module below exactlump -> the public names that it has.
_PUBLIC = {
    "certificates.certificate": "Certificate read_certificate",
    "errors": (
        "CannotWrite ExactlumpError FormatError NoExactValue "
        "NotALumping ShapeError Undecided UnsupportedLayer WrongType"
    ),
    "fast.engine": "proportional_classes",
    "fast.workers": "FanOut",
    "formats": "read",
    "library.approximations": "least_squares merge truncate",
    "library.files": "write",
    "library.lumpings": "LayerStep is_lumping maximum_lumping quotient steps",
    "library.reductions": "exact_quotient reduce",
    "library.values": "evaluate",
    "lumping.flaws": "find_flaw",
    "lumping.maximum": "Lumping",
    "lumping.simulations": "Relation entry",
    "network.activations": "Activation identity leaky_relu prelu relu",
    "network.kinds": "Activate Add AveragePool Conv Dense Head MaxPool Pad Reorder Scale Select Shift",
    "network.program": "Network",
    "network.views": "Port View",
    "network.windows": "Window",
    "numbers.floats": "pieces",
    "numbers.matrix": "Matrix",
    "numbers.rational": "rational",
    "points.boxes": "Box",
    "reduction.loop": "Reduction",
    "reduction.quotient": "Step",
    "reduction.reports": "LayerReport",
    "reporting.bundle_file": "BundleOptions FileBundle bundle_files verify_bundle",
    "reporting.report_file": "FileReport ReportOptions report_file",
    "smt.obligations": "Obligations",
    "verbs.bounded": "bound",
    "verbs.bounding": "FileBound",
    "verbs.checking": "FileCheck check_files",
    "verbs.comparing": "FileComparison compare",
    "verbs.inspecting": "Inspection LayerInspection inspect_file",
    "verbs.proving": "FileProof ProveOptions prove_files",
    "verbs.reducing": "FileReduction reduce_file",
    "verbs.refuting": "FileFinding refute",
    "verbs.relaxing": "FileRelaxation relax",
    "verbs.verifying": "FileAnswer verify",
}
# Packages with public names of their own: `exactlump.markov.Chain`.
_PACKAGES = ("drawing", "markov", "queries", "schemas", "testing")
# Old public name -> the module that still has it, and the name that people should use.
_RENAMED = {"from_torch": ("formats", "read")}
_HOME = {name: module for module, names in _PUBLIC.items() for name in names.split()}
__version__ = VERSION
__all__ = ["__version__", *sorted(_HOME)]


def __getattr__(name: str) -> "Any":
    """A public name, from the module that has it; an old one with a warning that says which name is new."""
    from importlib import import_module

    if name in _RENAMED:
        import warnings

        module, new = _RENAMED[name]
        warnings.warn(f"exactlump.{name} is now exactlump.{new}", DeprecationWarning, stacklevel=2)
        return getattr(import_module(f"exactlump.{module}"), name)
    if name in _PACKAGES:
        return import_module(f"exactlump.{name}")
    if name not in _HOME:
        raise AttributeError(f"module 'exactlump' has no attribute {name!r}")
    value = getattr(import_module(f"exactlump.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """All public names."""
    return __all__
