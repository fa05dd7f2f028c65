# SPDX-License-Identifier: Apache-2.0
"""This file is about the walls of the house: which module may import which, read off the source."""

import ast
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest

PACKAGE = Path(__file__).parents[2] / "exactlump"

# Module of the package -> the modules of the package that it imports.
IMPORTS = {
    "check": "",
    "showing": "",
    "verdicts": "",
    "version": "",
    "errors": "verdicts",
    "schemas": "errors",
    "extraction": "",
    "extraction.reading": "check",
    "extraction.coq": "errors",
    "extraction.programs": "check extraction.reading",
    "extraction.verified": "errors verdicts",
    "extraction.bounds": "check extraction.programs extraction.reading",
    "extraction.domains": "check extraction.programs extraction.reading",
    "extraction.images": "check extraction.programs extraction.reading",
    "extraction.refutations": "check extraction.programs extraction.reading",
    "extraction.texts": (
        "check extraction.bounds extraction.domains extraction.images extraction.programs extraction.reading "
        "extraction.refutations"
    ),
    "numbers": "",
    "numbers.rational": "errors",
    "numbers.matrix": "errors numbers.rational",
    "numbers.floats": "errors numbers.matrix numbers.rational",
    "markov.chains": "errors numbers.rational showing",
    "markov.definitions": "errors markov.chains numbers.rational",
    "markov.distributions": "errors markov.chains numbers.rational",
    "markov.quotients": "errors markov.chains markov.definitions numbers.rational",
    "markov": "markov.chains markov.definitions markov.distributions markov.quotients",
    "__main__": "cli",
    "network": "",
    "network.sizes": "",
    "network.windows": "network.sizes",
    "network.views": "network.sizes network.windows",
    "network.activations": "errors numbers.rational",
    "network.origin": "numbers.rational",
    "network.kind": "errors network.activations network.views network.windows numbers.matrix numbers.rational",
    "network.moves": "errors network.kind network.views",
    "network.opaque": "network.kind network.views",
    "network.kinds": (
        "errors network.activations network.kind network.moves network.opaque network.views network.windows "
        "numbers.matrix numbers.rational"
    ),
    "network.meaning": "errors network.kinds network.views network.windows numbers.rational",
    "network.program": (
        "errors network.activations network.kinds network.meaning network.origin network.sizes network.views "
        "numbers.matrix numbers.rational showing"
    ),
    "network.layers": "network.activations network.kinds network.program numbers.rational",
    "network.ports": "errors network.program",
    "queries.words": "errors",
    "queries.formula": "numbers.rational",
    "queries.linear": "numbers.rational",
    "queries.query": "errors numbers.rational queries.formula",
    "queries.simplex": "errors numbers.rational queries.formula queries.linear",
    "queries.frames": "errors numbers.rational queries.formula queries.linear queries.query queries.words",
    "queries.normal": "errors numbers.rational queries.formula queries.query",
    "queries.printing": "errors numbers.rational queries.formula queries.query",
    "queries.assignments": "errors numbers.floats numbers.rational queries.printing queries.query",
    "queries.boxes": "errors numbers.rational queries.formula queries.normal queries.query",
    "queries.choosing": "errors numbers.floats numbers.rational queries.normal queries.query",
    "queries.declarations": "queries.frames queries.query queries.words",
    "queries.vacuity": "errors numbers.rational queries.linear queries.normal queries.query queries.simplex",
    "queries.version1": "errors numbers.rational queries.formula queries.frames queries.query queries.words",
    "queries.version2": "numbers.rational queries.declarations queries.frames queries.query queries.words",
    "queries.read": "queries.declarations queries.query queries.version1 queries.version2 queries.words",
    "queries": (
        "queries.assignments queries.boxes queries.choosing queries.formula queries.normal queries.printing "
        "queries.query queries.read queries.vacuity"
    ),
    "points": "",
    "points.hyperplanes": "numbers.rational",
    "points.limbs": "numbers.matrix numbers.rational",
    "points.gathers": (
        "errors network.activations network.kinds network.views network.windows numbers.matrix numbers.rational"
    ),
    "points.affine": "errors network.kinds network.meaning network.program numbers.rational",
    "points.evaluation": (
        "errors network.activations network.kinds network.program network.views points.gathers points.limbs"
    ),
    "points.floating": (
        "errors network.activations network.kinds network.program network.views numbers.matrix numbers.rational "
        "points.gathers"
    ),
    "points.boxes": "errors numbers.rational points.floating",
    "points.domains": "errors formats.files numbers.rational points.boxes",
    "points.vnnlib": "errors formats.files numbers.rational points.boxes",
    "lumping": "",
    "lumping.forms": "network.kinds network.meaning network.program network.windows numbers.rational",
    "lumping.kinks": "errors lumping.forms network.activations network.program numbers.rational",
    "lumping.simulations": "errors lumping.forms numbers.rational",
    "lumping.flaws": (
        "errors lumping.forms lumping.simulations network.activations network.kinds network.meaning "
        "network.program numbers.rational"
    ),
    "lumping.kink_rows": "lumping.kinks lumping.simulations",
    "lumping.maximum": (
        "errors lumping.forms lumping.simulations network.kinds network.layers network.meaning network.program "
        "numbers.rational showing"
    ),
    "lumping.definition": (
        "errors lumping.flaws lumping.forms lumping.maximum network.kinds network.layers network.program "
        "numbers.rational"
    ),
    "lumping.kink_flaws": (
        "errors lumping.flaws lumping.forms lumping.kinks lumping.simulations network.activations network.kinds "
        "network.program numbers.rational"
    ),
    "lumping.printed": (
        "lumping.forms lumping.maximum network.activations network.kinds network.layers network.program "
        "numbers.rational"
    ),
    "fast": "",
    "fast.arithmetic": "errors",
    "fast.sources": "fast.arithmetic",
    "fast.compiled": "fast.arithmetic fast.sources",
    "fast.rows": "fast.arithmetic fast.sources",
    "fast.matrices": "errors fast.arithmetic fast.compiled fast.sources",
    "fast.sums": "fast.arithmetic fast.sources numbers.floats numbers.rational",
    "fast.layers": (
        "fast.arithmetic fast.matrices fast.rows fast.sources fast.sums lumping.forms lumping.maximum "
        "network.kinds network.layers network.program numbers.floats numbers.rational"
    ),
    "fast.engine": (
        "fast.arithmetic fast.layers fast.matrices fast.rows fast.sources lumping.maximum network.program "
        "numbers.rational"
    ),
    "fast.workers": (
        "errors fast.arithmetic fast.layers fast.matrices fast.rows fast.sources lumping.forms lumping.maximum "
        "network.layers network.program numbers.rational version"
    ),
    "drawing.palette": "",
    "drawing.spots": "",
    "drawing.svg": "drawing.palette",
    "drawing.numerals": "numbers.rational",
    "drawing.bars": "drawing.numerals drawing.palette drawing.svg numbers.rational",
    "drawing.images": "drawing.numerals drawing.palette drawing.svg errors numbers.rational",
    "drawing.matrices": "drawing.numerals drawing.palette drawing.svg numbers.matrix numbers.rational",
    "drawing.savings": "drawing.numerals drawing.palette drawing.svg",
    "drawing.findings": "drawing.bars drawing.images drawing.numerals drawing.svg numbers.rational",
    "drawing.chains": "drawing.numerals drawing.palette drawing.spots drawing.svg markov numbers.rational",
    "drawing.cells": "drawing.numerals errors network.kinds network.program numbers.rational",
    "drawing.layout": "network.activations network.kinds network.meaning network.program numbers.rational",
    "drawing.planes": (
        "drawing.cells drawing.numerals drawing.palette drawing.spots drawing.svg network.program numbers.rational"
    ),
    "drawing.marks": "drawing.numerals drawing.palette lumping.maximum lumping.simulations numbers.rational",
    "drawing.links": (
        "drawing.layout drawing.marks drawing.numerals drawing.palette drawing.spots drawing.svg network.program "
        "numbers.rational"
    ),
    "drawing.profiles": "drawing.layout drawing.marks drawing.numerals drawing.palette drawing.svg",
    "drawing.networks": (
        "drawing.layout drawing.links drawing.marks drawing.numerals drawing.palette drawing.profiles "
        "drawing.svg lumping.maximum network.program numbers.rational reduction.quotient"
    ),
    "drawing": (
        "drawing.bars drawing.chains drawing.images drawing.matrices drawing.networks drawing.planes "
        "drawing.savings drawing.svg"
    ),
    "drawing.hooks": (
        "drawing.chains drawing.networks drawing.savings drawing.svg errors lumping.maximum lumping.simulations "
        "markov network.program"
    ),
    "formats.onnx": "",
    "formats.specification": "",
    "formats.files": "errors",
    "formats.guesses": "errors",
    "formats.onnx.operators": "errors",
    "formats.pickles": "errors",
    "formats.state_dicts": "errors",
    "formats.checkpoints": "errors formats.files formats.pickles formats.state_dicts",
    "formats.exact_words": "errors network.views numbers.rational",
    "formats.onnx.data": "errors formats.onnx.operators network.sizes network.views",
    "formats.safetensors": "errors formats.state_dicts",
    "formats.stating": "errors network.views numbers.rational",
    "formats.torch_layers": "errors formats.files network.views",
    "formats.onnx.stated": "errors formats.files formats.stating",
    "formats.onnx.tensors": "errors formats.files network.views numbers.matrix numbers.rational",
    "formats.onnx.assignments": "numbers.floats numbers.rational",
    "formats.onnx.sparse": "errors formats.files formats.onnx.tensors",
    "formats.onnx.bodies": "errors formats.onnx.sparse",
    "formats.onnx.graph": (
        "errors formats.files formats.onnx.data formats.onnx.tensors network.activations network.kinds "
        "network.origin network.sizes numbers.matrix numbers.rational"
    ),
    "formats.onnx.partial_shapes": (
        "formats.onnx.data formats.onnx.graph formats.onnx.operators formats.onnx.tensors network.sizes"
    ),
    "formats.onnx.rules": "errors formats.onnx.graph formats.onnx.operators numbers.rational",
    "formats.onnx.spelled": (
        "errors formats.onnx.data formats.onnx.graph formats.onnx.operators formats.onnx.tensors "
        "network.activations network.kinds numbers.rational"
    ),
    "formats.exact": (
        "errors formats.exact_words formats.files network.activations network.kinds network.program "
        "network.views network.windows numbers.matrix numbers.rational"
    ),
    "formats.nnet": (
        "errors formats.files formats.specification network.activations network.kinds network.program "
        "network.views numbers.matrix numbers.rational"
    ),
    "formats.onnx.functions": (
        "errors formats.onnx.data formats.onnx.graph formats.onnx.operators formats.onnx.rules "
        "formats.onnx.spelled formats.onnx.tensors network.activations network.kinds numbers.rational"
    ),
    "formats.onnx.implied": "network.kinds network.program network.views numbers.rational",
    "formats.onnx.normalisation": (
        "errors formats.files formats.onnx.data formats.onnx.graph formats.onnx.operators formats.onnx.rules "
        "formats.onnx.tensors network.activations network.kinds numbers.floats numbers.rational"
    ),
    "formats.onnx.regridded": (
        "errors formats.onnx.data formats.onnx.graph formats.onnx.operators formats.onnx.rules network.kinds "
        "network.windows numbers.matrix numbers.rational"
    ),
    "formats.onnx.reorderings": (
        "errors formats.onnx.data formats.onnx.graph formats.onnx.operators formats.onnx.rules "
        "formats.onnx.tensors network.kinds network.sizes network.views"
    ),
    "formats.onnx.results_images": (
        "formats.onnx.graph formats.onnx.operators formats.onnx.partial_shapes formats.onnx.tensors network.sizes"
    ),
    "formats.onnx.shapes": (
        "formats.onnx.graph formats.onnx.operators formats.onnx.partial_shapes formats.onnx.tensors network.sizes"
    ),
    "formats.onnx.windows": "errors formats.onnx.rules network.sizes network.windows",
    "formats.onnx.writer": "errors network.origin network.program network.views numbers.floats numbers.rational",
    "formats.onnx.constants": (
        "errors formats.onnx.data formats.onnx.graph formats.onnx.normalisation formats.onnx.operators "
        "formats.onnx.rules formats.onnx.tensors network.views numbers.rational"
    ),
    "formats.onnx.images": (
        "errors formats.onnx.data formats.onnx.graph formats.onnx.operators formats.onnx.rules "
        "formats.onnx.tensors formats.onnx.windows network.kinds network.views network.windows numbers.matrix "
        "numbers.rational"
    ),
    "formats.onnx.results": (
        "formats.onnx.graph formats.onnx.operators formats.onnx.partial_shapes formats.onnx.results_images "
        "network.sizes"
    ),
    "formats.onnx.selections": (
        "errors formats.onnx.data formats.onnx.graph formats.onnx.operators formats.onnx.partial_shapes "
        "formats.onnx.reorderings formats.onnx.rules formats.onnx.tensors network.kinds network.sizes "
        "network.views"
    ),
    "formats.onnx.write_opaque": (
        "errors formats.onnx.data formats.onnx.writer network.kinds network.opaque network.sizes"
    ),
    "formats.onnx.write_quantisers": "errors formats.onnx.writer network.kinds numbers.floats numbers.rational",
    "formats.onnx.write_spelled": (
        "errors formats.onnx.writer network.activations network.kinds numbers.floats numbers.rational"
    ),
    "formats.onnx.write_weights": (
        "errors formats.onnx.writer network.kinds network.origin numbers.floats numbers.matrix numbers.rational"
    ),
    "formats.onnx.opaque": (
        "errors formats.onnx.data formats.onnx.graph formats.onnx.operators formats.onnx.partial_shapes "
        "formats.onnx.results formats.onnx.shapes formats.onnx.tensors network.kinds network.opaque "
        "network.sizes numbers.rational"
    ),
    "formats.onnx.quantisers": (
        "errors formats.files formats.onnx.constants formats.onnx.data formats.onnx.graph formats.onnx.operators "
        "formats.onnx.rules formats.onnx.tensors network.activations network.kinds network.origin "
        "numbers.rational"
    ),
    "formats.onnx.reductions": (
        "errors formats.onnx.data formats.onnx.graph formats.onnx.images formats.onnx.operators "
        "formats.onnx.reorderings formats.onnx.rules network.kinds network.windows numbers.rational"
    ),
    "formats.onnx.write_functions": (
        "errors formats.onnx.write_quantisers formats.onnx.write_spelled formats.onnx.writer network.activations "
        "network.kinds numbers.floats numbers.rational"
    ),
    "formats.onnx.write_images": (
        "errors formats.onnx.write_weights formats.onnx.writer network.kinds network.views network.windows "
        "numbers.floats"
    ),
    "formats.onnx.write_nodes": (
        "errors formats.onnx.reorderings formats.onnx.write_opaque formats.onnx.write_weights "
        "formats.onnx.writer network.kinds network.views numbers.floats numbers.rational"
    ),
    "formats.onnx.arithmetic": (
        "errors formats.onnx.constants formats.onnx.data formats.onnx.functions formats.onnx.graph "
        "formats.onnx.images formats.onnx.normalisation formats.onnx.operators formats.onnx.quantisers "
        "formats.onnx.reductions formats.onnx.regridded formats.onnx.reorderings formats.onnx.rules "
        "formats.onnx.selections formats.onnx.spelled formats.onnx.tensors network.kinds numbers.matrix "
        "numbers.rational"
    ),
    "formats.onnx.obstacles": "errors formats.onnx.opaque network.program",
    "formats.onnx.profiles": "errors formats.files formats.onnx.obstacles formats.onnx.opaque",
    "formats.onnx.reading": (
        "errors formats.files formats.onnx.arithmetic formats.onnx.bodies formats.onnx.data formats.onnx.graph "
        "formats.onnx.normalisation formats.onnx.obstacles formats.onnx.opaque formats.onnx.operators "
        "formats.onnx.rules formats.onnx.shapes formats.onnx.spelled formats.onnx.stated formats.onnx.tensors "
        "formats.specification formats.stating network.kinds network.opaque network.origin network.program "
        "network.sizes network.views numbers.rational"
    ),
    "formats.onnx.writing": (
        "errors formats.files formats.onnx.data formats.onnx.implied formats.onnx.reading "
        "formats.onnx.write_functions formats.onnx.write_images formats.onnx.write_nodes "
        "formats.onnx.write_opaque formats.onnx.writer network.kinds network.program network.sizes network.views"
    ),
    "formats.torch": "errors formats.onnx.reading formats.torch_layers network.program network.views",
    "formats.weights": (
        "errors formats.checkpoints formats.files formats.onnx.reading formats.safetensors formats.state_dicts "
        "formats.torch_layers network.views"
    ),
    "formats.models": "errors formats.files formats.onnx.reading formats.torch network.program",
    "formats": (
        "errors formats.exact formats.files formats.guesses formats.models formats.nnet formats.onnx.reading "
        "formats.onnx.writing formats.specification formats.stating formats.torch formats.weights "
        "network.program network.views numbers.rational"
    ),
    "verification": "",
    "verification.problems": "numbers.rational queries.formula queries.normal queries.query",
    "verification.witnesses": (
        "errors network.program numbers.rational points.evaluation points.floating points.limbs queries.choosing "
        "queries.normal queries.query verification.problems"
    ),
    "verification.boxes": (
        "bounding.batched bounding.chain bounding.compiled bounding.compiled_bounds bounding.compiled_slopes "
        "bounding.compiled_walk bounding.exact_pass bounding.known bounding.program bounding.trees "
        "verification.problems"
    ),
    "verification.programs": (
        "bounding.boxes bounding.chain bounding.elements bounding.preparing bounding.program bounding.relating "
        "bounding.relations errors network.activations network.program numbers.rational points.boxes "
        "verification.problems"
    ),
    "verification.walks": "bounding.trees verification.boxes",
    "verification.answers": (
        "bounding.boxes bounding.chain bounding.program bounding.relations bounding.trees errors fast.compiled "
        "network.program numbers.rational queries.linear queries.normal queries.query queries.simplex "
        "verification.boxes verification.problems verification.programs verification.walks "
        "verification.witnesses"
    ),
    "verification.certifying": "errors formats.files numbers.rational verification.answers version",
    "bounding": "",
    "bounding.compiled_planes": "",
    "bounding.compiled_rows": "",
    "bounding.compiled_bounds": "bounding.compiled_planes bounding.compiled_rows",
    "bounding.compiled_slopes": "bounding.compiled_planes bounding.compiled_rows",
    "bounding.compiled_walk": "bounding.compiled_bounds bounding.compiled_slopes",
    "bounding.trees": "errors",
    "bounding.goals": "errors numbers.rational",
    "bounding.search": "bounding.trees",
    "bounding.curves": "errors network.activations numbers.rational",
    "bounding.relations": "errors network.activations numbers.rational",
    "bounding.courses": "bounding.curves errors network.activations numbers.rational",
    "bounding.planes": "bounding.courses network.activations numbers.rational",
    "bounding.elements": "errors network.kinds network.program numbers.matrix numbers.rational points.gathers",
    "bounding.curve_values": "network.activations network.kinds network.program points.floating points.gathers",
    "bounding.enclosing": (
        "bounding.courses bounding.curves errors network.activations network.kinds network.program network.views "
        "numbers.matrix numbers.rational points.evaluation points.gathers points.limbs"
    ),
    "bounding.program": "bounding.elements bounding.relations network.activations network.program numbers.rational",
    "bounding.boxes": "errors network.program numbers.rational points.boxes",
    "bounding.chain": "bounding.program network.activations numbers.rational points.floating",
    "bounding.known": "bounding.planes bounding.program errors numbers.rational",
    "bounding.preparing": (
        "bounding.elements bounding.program bounding.relations errors network.activations network.kinds "
        "network.program numbers.rational points.gathers"
    ),
    "bounding.ascent": (
        "bounding.boxes bounding.curve_values bounding.enclosing errors network.program numbers.rational "
        "points.boxes points.floating"
    ),
    "bounding.batched": "bounding.chain",
    "bounding.compiled": (
        "bounding.chain bounding.compiled_bounds bounding.compiled_planes bounding.compiled_rows "
        "bounding.compiled_slopes bounding.compiled_walk fast.compiled"
    ),
    "bounding.exact_pass": (
        "bounding.courses bounding.goals bounding.known bounding.planes bounding.program bounding.trees "
        "network.activations numbers.rational"
    ),
    "bounding.relating": (
        "bounding.boxes bounding.curve_values bounding.elements bounding.preparing bounding.program "
        "bounding.relations errors network.activations network.kinds network.program numbers.rational "
        "points.floating points.gathers"
    ),
    "bounding.confirm": "bounding.exact_pass bounding.goals bounding.known bounding.trees",
    "bounding.rounding": (
        "bounding.boxes bounding.exact_pass errors network.activations network.kinds network.meaning "
        "network.program numbers.rational points.gathers"
    ),
    "bounding.walks": "bounding.chain bounding.compiled bounding.compiled_bounds bounding.search bounding.trees",
    "bounding.walks_batched": (
        "bounding.batched bounding.chain bounding.confirm bounding.exact_pass bounding.known bounding.search "
        "bounding.trees"
    ),
    "bounding.working": (
        "bounding.ascent bounding.boxes bounding.chain bounding.confirm bounding.exact_pass bounding.goals "
        "bounding.program bounding.search bounding.trees bounding.walks bounding.walks_batched fast.compiled "
        "numbers.rational points.boxes"
    ),
    "bounding.bound": (
        "bounding.ascent bounding.boxes bounding.goals bounding.preparing bounding.relations bounding.rounding "
        "bounding.trees bounding.working errors network.ports network.program numbers.rational points.floating"
    ),
    "bounding.certifying": (
        "bounding.bound bounding.enclosing errors formats.files network.ports network.program numbers.rational version"
    ),
    "certificates": "",
    "certificates.grammar": "errors formats.specification network.ports numbers.rational",
    "certificates.certificate": (
        "certificates.grammar errors formats formats.files formats.guesses formats.specification "
        "lumping.simulations network.ports network.views numbers.rational version"
    ),
    "certificates.assumptions": (
        "certificates.certificate lumping.simulations network.kinds network.program network.sizes network.views"
    ),
    "reduction": "",
    "reduction.float_layers": "lumping.forms network.kinds network.layers numbers.rational",
    "reduction.fusion": (
        "lumping.forms lumping.simulations network.kinds network.layers network.program numbers.rational"
    ),
    "reduction.gathering": (
        "errors lumping.simulations network.kinds network.layers network.program network.views network.windows "
        "numbers.matrix numbers.rational"
    ),
    "reduction.kink_signs": "lumping.kinks network.activations network.kinds network.program numbers.rational",
    "reduction.kink_chains": (
        "lumping.forms lumping.kink_rows lumping.kinks lumping.simulations network.activations network.kinds "
        "network.program numbers.matrix numbers.rational"
    ),
    "reduction.survivors": (
        "errors network.kinds network.layers network.program network.views numbers.matrix numbers.rational "
        "reduction.gathering"
    ),
    "reduction.kink_images": (
        "lumping.forms lumping.kink_rows lumping.kinks lumping.simulations network.kinds network.program "
        "network.views network.windows numbers.matrix numbers.rational reduction.kink_chains"
    ),
    "reduction.kink_skips": (
        "lumping.forms lumping.kink_rows lumping.kinks lumping.simulations network.kinds network.program "
        "numbers.matrix numbers.rational reduction.kink_chains"
    ),
    "reduction.on_boxes": (
        "bounding.boxes bounding.exact_pass bounding.preparing bounding.program errors lumping.kinks "
        "lumping.simulations network.kinds network.program numbers.matrix numbers.rational points.boxes"
    ),
    "reduction.quotient": (
        "lumping.forms lumping.maximum lumping.simulations network.kinds network.layers network.program "
        "numbers.rational reduction.float_layers reduction.gathering reduction.survivors"
    ),
    "reduction.ancestry": (
        "lumping.simulations network.kinds network.layers network.program numbers.rational reduction.quotient"
    ),
    "reduction.misfits": "errors numbers.rational reduction.ancestry",
    "reduction.float_sums": (
        "errors lumping.simulations network.kinds network.program numbers.floats numbers.matrix numbers.rational "
        "reduction.ancestry reduction.gathering reduction.misfits reduction.quotient reduction.survivors"
    ),
    "reduction.plans": "errors fast.engine lumping.maximum lumping.simulations network.program reduction.misfits",
    "reduction.float_chains": (
        "errors fast.arithmetic fast.engine fast.matrices fast.sources fast.sums lumping.forms lumping.maximum "
        "lumping.simulations network.kinds network.layers network.program numbers.floats numbers.matrix "
        "numbers.rational reduction.float_sums reduction.quotient"
    ),
    "reduction.rules": (
        "errors fast.layers lumping.forms lumping.maximum lumping.simulations network.activations network.kinds "
        "network.layers network.program reduction.float_sums reduction.fusion reduction.plans reduction.quotient"
    ),
    "reduction.reports": "network.layers network.program numbers.rational reduction.rules",
    "reduction.kink_rounds": (
        "errors lumping.forms lumping.kink_flaws lumping.kinks lumping.simulations network.layers "
        "network.program numbers.floats numbers.rational reduction.float_sums reduction.kink_chains "
        "reduction.kink_images reduction.kink_signs reduction.kink_skips reduction.quotient reduction.reports"
    ),
    "reduction.loop": (
        "errors lumping.maximum lumping.simulations network.program reduction.float_chains reduction.float_sums "
        "reduction.kink_rounds reduction.misfits reduction.plans reduction.quotient reduction.reports "
        "reduction.rules showing"
    ),
    "library": "",
    "library.approximations": (
        "bounding.curve_values errors formats network.kinds network.layers network.program numbers.matrix "
        "numbers.rational relaxations.merging"
    ),
    "library.files": "formats",
    "library.lumpings": (
        "errors fast.engine formats lumping.definition lumping.forms lumping.maximum lumping.printed "
        "lumping.simulations network.layers network.program numbers.rational reduction.plans reduction.quotient"
    ),
    "library.values": "errors formats network.program network.views numbers.rational points.evaluation points.limbs",
    "library.reductions": "formats lumping.maximum reduction.loop reduction.quotient",
    "refutation": "",
    "refutation.clock": "",
    "refutation.dichotomy": "errors network.kinds network.program numbers.rational points.affine points.hyperplanes",
    "refutation.question": "errors numbers.rational points.floating points.limbs smt.smtlib",
    "refutation.comparing": (
        "errors network.kinds network.program numbers.matrix numbers.rational points.boxes points.evaluation "
        "points.limbs refutation.question"
    ),
    "refutation.shorten": "numbers.rational points.boxes",
    "refutation.search": "numbers.rational points.boxes points.floating refutation.comparing",
    "refutation.replay": "errors formats formats.files network.program numbers.rational points.floating",
    "refutation.matching": (
        "errors lumping.flaws lumping.forms lumping.maximum lumping.simulations network.kinds network.program "
        "numbers.rational reduction.loop"
    ),
    "refutation.common_kinks": "lumping.kink_flaws lumping.kink_rows lumping.kinks network.program refutation.matching",
    "refutation.whole": (
        "network.kinds network.program numbers.rational points.boxes refutation.question smt.functions "
        "smt.monolithic smt.obligations smt.smtlib smt.solve"
    ),
    "refutation.refute": (
        "errors network.ports network.program numbers.rational points.boxes points.evaluation points.limbs "
        "refutation.clock refutation.common_kinks refutation.comparing refutation.dichotomy refutation.matching "
        "refutation.question refutation.search refutation.shorten refutation.whole"
    ),
    "smt": "",
    "smt.smtlib": "errors numbers.rational",
    "smt.solve": "errors numbers.rational smt.smtlib",
    "smt.lemmas": "errors smt.solve",
    "smt.lifting": "errors network.kinds network.program network.views network.windows",
    "smt.blocks": "numbers.rational smt.lifting smt.smtlib",
    "smt.terms": "numbers.matrix numbers.rational smt.blocks smt.smtlib",
    "smt.functions": "errors network.activations network.kinds numbers.rational smt.smtlib smt.terms",
    "smt.substitution": (
        "lumping.kinks lumping.simulations network.activations network.kinds network.program numbers.rational "
        "smt.blocks smt.lifting smt.smtlib smt.terms"
    ),
    "smt.laws": "lumping.kinks network.kinds smt.functions smt.smtlib smt.terms",
    "smt.fitting": (
        "certificates.certificate errors lumping.simulations network.activations network.kinds network.program "
        "network.views numbers.rational points.boxes"
    ),
    "smt.structure": (
        "certificates.certificate errors lumping.kinks lumping.simulations network.activations network.kinds "
        "network.program numbers.rational smt.blocks smt.fitting smt.lifting smt.substitution smt.terms"
    ),
    "smt.assertions": (
        "network.activations network.kinds network.windows numbers.rational smt.blocks smt.functions smt.lifting "
        "smt.smtlib smt.structure smt.terms"
    ),
    "smt.premises": (
        "errors lumping.kinks lumping.simulations network.activations network.kinds numbers.rational "
        "smt.assertions smt.blocks smt.functions smt.laws smt.lifting smt.smtlib smt.structure smt.substitution "
        "smt.terms"
    ),
    "smt.bounds": (
        "bounding.boxes bounding.exact_pass bounding.preparing errors network.activations numbers.rational "
        "points.boxes smt.premises smt.structure"
    ),
    "smt.obligations": (
        "certificates.certificate network.activations network.kinds network.program smt.assertions smt.blocks "
        "smt.functions smt.laws smt.premises smt.structure"
    ),
    "smt.evidence": "errors formats.files numbers.rational smt.obligations version",
    "smt.monolithic": (
        "errors network.kinds network.meaning network.program network.views numbers.rational smt.functions "
        "smt.obligations smt.terms"
    ),
    "smt.discharge": "errors smt.evidence smt.obligations smt.smtlib smt.solve",
    "smt.prove": "errors network.program numbers.rational smt.discharge smt.evidence smt.obligations smt.solve",
    "relaxations": "",
    "relaxations.dependencies": "numbers.rational points.affine",
    "relaxations.regions": (
        "numbers.rational points.affine points.boxes points.hyperplanes smt.smtlib smt.solve smt.terms"
    ),
    "relaxations.extremes": "numbers.rational refutation.shorten relaxations.regions smt.smtlib smt.solve smt.terms",
    "relaxations.interiors": (
        "network.activations network.kinds network.meaning network.program numbers.rational points.affine "
        "points.boxes relaxations.regions"
    ),
    "relaxations.merging": (
        "lumping.simulations network.layers network.program numbers.rational reduction.gathering reduction.survivors"
    ),
    "relaxations.shares": "numbers.rational points.affine points.boxes points.floating relaxations.regions",
    "relaxations.literal": (
        "network.activations numbers.rational points.affine relaxations.interiors relaxations.merging"
    ),
    "relaxations.proposals": (
        "numbers.rational relaxations.dependencies relaxations.interiors relaxations.merging relaxations.regions"
    ),
    "relaxations.worst": (
        "errors network.program numbers.rational points.boxes refutation.dichotomy refutation.question "
        "refutation.whole smt.monolithic smt.smtlib smt.solve"
    ),
    "relaxations.relaxation": (
        "errors network.program numbers.rational points.boxes refutation.dichotomy refutation.refute "
        "relaxations.extremes relaxations.interiors relaxations.literal relaxations.merging "
        "relaxations.proposals relaxations.regions relaxations.shares relaxations.worst"
    ),
    "testing": "formats numbers.rational verbs.bounded verbs.bounding verbs.naming verbs.refuting",
    "verbs": "",
    "verbs.images": "errors",
    "verbs.answers": "formats.files numbers.rational verdicts version",
    "verbs.staging": "errors formats.files",
    "verbs.checking": (
        "check errors extraction.reading extraction.texts extraction.verified formats.files verbs.answers verdicts"
    ),
    "verbs.checkingqueries": "errors verbs.checking verdicts",
    "verbs.statement": "formats.files verbs.answers verbs.checking version",
    "verbs.serialising": "formats.onnx.assignments numbers.rational queries.assignments queries.printing queries.query",
    "verbs.naming": "network.kinds network.program network.views",
    "verbs.saving": (
        "drawing.findings errors formats.files numbers.floats numbers.rational points.floating verbs.naming"
    ),
    "verbs.inspecting": (
        "errors formats formats.files formats.onnx.obstacles formats.onnx.profiles formats.onnx.reading "
        "lumping.maximum network.kinds network.layers network.program network.views verbs.answers"
    ),
    "verbs.pairs": (
        "formats formats.files formats.specification formats.stating network.ports network.program verbs.answers"
    ),
    "verbs.several": "errors formats formats.files verbs.answers verdicts",
    "verbs.agreeing": "certificates.certificate check errors network.program numbers.rational",
    "verbs.data": "errors formats.files numbers.rational points.boxes verbs.images verbs.pairs",
    "verbs.exporting": (
        "certificates.certificate check errors extraction.coq extraction.programs extraction.reading "
        "extraction.texts formats formats.files verbs.answers"
    ),
    "verbs.judging": "bounding.certifying errors formats formats.files verbs.checking verbs.pairs verdicts",
    "verbs.rechecking": "certificates.certificate errors formats.files verbs.checking verdicts",
    "verbs.verifying": (
        "bounding.certifying errors formats formats.files formats.specification network.program numbers.rational "
        "queries.assignments queries.query queries.read refutation.replay verbs.answers verbs.checkingqueries "
        "verbs.serialising verification.answers verification.certifying"
    ),
    "verbs.spaces": (
        "bounding.boxes errors formats.files numbers.rational points.boxes points.domains queries verbs.data "
        "verbs.pairs"
    ),
    "verbs.bounding": (
        "drawing errors formats formats.files network.ports numbers.rational refutation.question verbs.answers "
        "verbs.data verbs.naming verbs.saving verbs.spaces"
    ),
    "verbs.claiming": (
        "certificates.assumptions certificates.certificate formats network.kinds network.ports network.program "
        "reduction.loop"
    ),
    "verbs.reducing": (
        "bounding.boxes certificates.assumptions certificates.certificate check errors fast.workers formats "
        "formats.files formats.stating network.program network.views numbers.rational points.domains "
        "points.vnnlib reduction.loop reduction.on_boxes verbs.agreeing verbs.answers verbs.claiming "
        "verbs.spaces verbs.staging"
    ),
    "verbs.demonstrating": (
        "errors formats lumping.definition lumping.maximum numbers.rational reduction.quotient verbs.answers "
        "verbs.checking verbs.reducing"
    ),
    "verbs.claiming_common": (
        "certificates.assumptions certificates.certificate formats network.program refutation.refute verbs.pairs"
    ),
    "verbs.enclosing": (
        "bounding.ascent bounding.boxes bounding.curve_values bounding.enclosing errors network.program "
        "numbers.rational points.boxes points.floating refutation.comparing refutation.question "
        "refutation.refute refutation.search"
    ),
    "verbs.proving": (
        "certificates.certificate errors formats formats.files formats.specification formats.stating "
        "network.ports network.program numbers.rational smt.bounds smt.discharge smt.evidence smt.monolithic "
        "smt.obligations smt.prove verbs.answers verdicts"
    ),
    "verbs.replaying": (
        "check errors extraction.refutations extraction.verified network.program numbers.rational points.boxes "
        "refutation.question refutation.refute refutation.replay"
    ),
    "verbs.boundwork": (
        "bounding.bound bounding.boxes bounding.certifying bounding.curve_values bounding.enclosing "
        "bounding.relating bounding.relations errors network.ports network.program numbers.rational "
        "refutation.clock refutation.comparing refutation.question refutation.refute verbs.answers "
        "verbs.bounding verbs.data verbs.enclosing verbs.judging verbs.naming verbs.pairs"
    ),
    "verbs.climbing": (
        "bounding.ascent bounding.boxes bounding.enclosing errors network.program numbers.rational points.boxes "
        "refutation.refute verbs.enclosing"
    ),
    "verbs.relaxing": (
        "errors formats formats.files network.program numbers.rational points.boxes points.domains "
        "refutation.replay relaxations.extremes relaxations.regions relaxations.relaxation verbs.answers "
        "verbs.naming"
    ),
    "verbs.bounded": (
        "errors formats.files network.ports numbers.rational refutation.clock verbs.bounding verbs.boundwork "
        "verbs.data verbs.pairs verbs.spaces"
    ),
    "verbs.refuting": (
        "bounding.enclosing certificates.certificate check errors formats formats.files network.ports "
        "network.program network.views numbers.rational points.boxes points.domains points.vnnlib "
        "refutation.comparing refutation.question refutation.refute verbs.agreeing verbs.answers "
        "verbs.claiming_common verbs.climbing verbs.data verbs.enclosing verbs.naming verbs.pairs "
        "verbs.replaying verbs.saving verbs.spaces"
    ),
    "verbs.comparing": (
        "errors network.ports numbers.rational verbs.answers verbs.bounded verbs.bounding verbs.naming "
        "verbs.refuting verbs.saving"
    ),
    "pytest_plugin": "testing",
    "reporting": "",
    "reporting.asked": "errors",
    "reporting.measures": "network.kinds network.program",
    "reporting.figures": (
        "certificates.certificate drawing drawing.layout drawing.links drawing.marks drawing.palette drawing.svg "
        "lumping.simulations network.kinds network.program numbers.rational"
    ),
    "reporting.scope": "certificates.certificate numbers.rational",
    "reporting.certified": "certificates.certificate errors formats.files verbs.rechecking",
    "reporting.halvings": "bounding.boxes bounding.trees drawing numbers.rational points.boxes reporting.figures",
    "reporting.references": "bounding.boxes errors formats.files numbers.rational points.boxes verbs.data",
    "reporting.difference": (
        "drawing drawing.findings errors formats formats.files network.ports network.program numbers.rational "
        "points.boxes points.domains points.vnnlib refutation.question reporting.certified reporting.figures "
        "reporting.references verbs.naming"
    ),
    "reporting.bounded": (
        "drawing drawing.numerals errors formats formats.files network.ports numbers.rational reporting.asked "
        "reporting.certified reporting.difference reporting.figures reporting.halvings verbs.rechecking"
    ),
    "reporting.facts": (
        "certificates.certificate errors lumping.simulations network.kinds network.program numbers.rational "
        "reduction.loop reduction.reports"
    ),
    "reporting.words": "network.ports reporting.facts reporting.measures",
    "reporting.record": "errors formats.files numbers.rational smt.evidence smt.obligations",
    "reporting.matrix": (
        "certificates.certificate network.program reporting.record smt.bounds smt.evidence smt.monolithic "
        "smt.obligations smt.prove"
    ),
    "reporting.report": (
        "certificates.certificate errors formats formats.files formats.onnx.obstacles formats.onnx.profiles "
        "formats.onnx.reading network.ports network.program reporting.facts reporting.figures reporting.matrix "
        "reporting.measures reporting.record reporting.scope smt.evidence verbs.rechecking"
    ),
    "reporting.page": (
        "drawing.svg errors formats.files numbers.floats numbers.rational reporting.asked reporting.bounded "
        "reporting.difference reporting.figures reporting.matrix reporting.measures reporting.record "
        "reporting.report reporting.words smt.evidence verbs.checking version"
    ),
    "reporting.report_file": (
        "errors formats reporting.bounded reporting.certified reporting.difference reporting.matrix "
        "reporting.page reporting.report smt.evidence verbs.answers"
    ),
    "reporting.bundle_file": (
        "certificates.certificate errors formats formats.files reporting.certified reporting.page "
        "reporting.report_file reporting.scope schemas verbs.answers verbs.checking verbs.rechecking verdicts"
    ),
    "__init__": (
        "certificates.certificate errors fast.engine fast.workers formats library.approximations library.files "
        "library.lumpings library.reductions library.values lumping.flaws lumping.maximum lumping.simulations "
        "network.activations network.kinds network.program network.views network.windows numbers.floats "
        "numbers.matrix numbers.rational points.boxes reduction.loop reduction.quotient reduction.reports "
        "reporting.bundle_file reporting.report_file smt.obligations verbs.bounded verbs.bounding verbs.checking "
        "verbs.comparing verbs.inspecting verbs.proving verbs.reducing verbs.refuting verbs.relaxing "
        "verbs.verifying version"
    ),
    "cli.tables": "",
    "cli.failing": "verbs.answers verdicts",
    "cli.terminal": "cli.failing formats.files formats.stating verdicts",
    "cli.main": "cli.failing cli.terminal errors verdicts version",
    "cli.supports": "verbs.checking",
    "cli": "cli.failing cli.main verdicts",
    "cli.figures": "numbers.rational points.floating verbs.naming",
    "cli.inspect": "cli.tables cli.terminal verbs.inspecting",
    "cli.many": "cli.tables cli.terminal verbs.several verdicts",
    "cli.check": "cli.many cli.terminal errors verbs.checking verbs.statement verdicts",
    "cli.export": "cli.terminal verbs.exporting",
    "cli.verify": "cli.terminal verbs.verifying verdicts",
    "cli.asking": "cli.figures cli.terminal formats.files formats.specification verbs.bounding verbs.data",
    "cli.reduce": "cli.terminal formats.specification reduction.loop reduction.plans verbs.reducing verdicts",
    "cli.demo": "cli.terminal verbs.demonstrating",
    "cli.prove": "cli.terminal verbs.proving verdicts",
    "cli.relax": "cli.figures cli.terminal numbers.rational verbs.relaxing verdicts",
    "cli.bound": "cli.asking cli.terminal verbs.bounded verdicts",
    "cli.refute": (
        "cli.asking cli.figures cli.terminal formats.files formats.specification formats.stating points.boxes "
        "refutation.refute verbs.data verbs.refuting verbs.spaces verdicts"
    ),
    "cli.compare": "cli.asking cli.many cli.refute cli.terminal verbs.comparing",
    "cli.report": "cli.terminal reporting.report_file verdicts",
    "cli.bundle": "cli.terminal reporting.bundle_file verdicts",
}

# Packages that need not be installed: imported late, so that everything else works without them.
OPTIONAL = {"cvc5", "dask", "distributed", "jinja2", "matplotlib", "numba", "onnxruntime", "sklearn", "torch"}
# Packages that only the named modules may import; a name that ends in a dot stands for all modules below it.
OWNERS = {
    "z3": ("smt.solve",),
    "cvc5": ("smt.solve",),
    "onnx": ("formats.",),
    "click": ("cli.",),
    "rich": ("cli.",),
}


class Import(NamedTuple):
    """`name` as written in full; `late` when it stands in a function."""

    name: str
    late: bool


def imports(tree: ast.AST, package: str, late: bool = False) -> Iterator[Import]:
    """All imports below a node of a module in `package`, `from a import b` as a.b; importlib's by constant name too."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, late) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: package.count(".") + 2 - node.level] if node.level else []
            prefix = ".".join([*above, *([node.module] if node.module else [])])
            yield from (Import(f"{prefix}.{alias.name}", late) for alias in node.names)
        elif isinstance(node, ast.Call) and "import" in ast.unparse(node.func):
            names = (a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str))
            yield from (Import(name, late) for name in names)
        inside = late or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        yield from imports(node, package, inside)


def parse(path: Path) -> list[Import]:
    package = ".".join(["exactlump", *path.relative_to(PACKAGE).parts[:-1]])
    return list(imports(ast.parse(path.read_text(encoding="utf-8")), package))


def name_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts)


MODULES = {name_of(path): parse(path) for path in sorted(PACKAGE.rglob("*.py"))}


def internal(name: str) -> str | None:
    """The module of the package that an import is from: the longest one that its name begins with."""
    if name.split(".")[0] != "exactlump":
        return None
    parts = name.split(".")[1:]
    candidates = [".".join(parts[:length]) for length in range(len(parts), 0, -1)]
    return next((c for c in candidates if c in MODULES), "__init__")


def imported(module: str) -> set[str]:
    targets = (internal(found.name) for found in MODULES[module])
    return {target for target in targets if target not in (None, module)}


def test_imports_are_seen_wherever_they_stand():
    source = """
from exactlump.lumping import maximum
from ..numbers.rational import ONE as one
import z3.z3util
if True:
    from . import nnet
def f():
    import torch
    importlib.import_module("onnxruntime")
"""
    found = list(imports(ast.parse(source), "exactlump.formats"))
    assert found == [
        Import("exactlump.lumping.maximum", late=False),
        Import("exactlump.numbers.rational.ONE", late=False),
        Import("z3.z3util", late=False),
        Import("exactlump.formats.nnet", late=False),
        Import("torch", late=True),
        Import("onnxruntime", late=True),
    ]


@pytest.mark.parametrize("module", MODULES)
def test_module_imports_what_its_row_says_and_nothing_else(module):
    assert module in IMPORTS, f"{module}: found no row, expected one in IMPORTS"
    assert imported(module) == set(IMPORTS[module].split())


def test_the_table_has_no_cycle_and_names_only_its_own_rows():
    graph = {module: set(allowed.split()) for module, allowed in IMPORTS.items()}
    assert set().union(*graph.values()) <= set(graph)
    assert len(list(TopologicalSorter(graph).static_order())) == len(graph)


def test_a_cycle_would_be_found():
    with pytest.raises(CycleError):
        list(TopologicalSorter({"lump": {"quotient"}, "quotient": {"lump"}}).static_order())


def test_the_checker_imports_the_standard_library_only_and_only_verbs_import_it():
    roots = {found.name.split(".")[0] for found in MODULES["check"]}
    assert roots
    assert roots <= set(sys.stdlib_module_names)
    assert {module for module in MODULES if "check" in imported(module)} <= {
        "extraction.bounds",
        "extraction.domains",
        "extraction.images",
        "extraction.programs",
        "extraction.reading",
        "extraction.refutations",
        "extraction.texts",
        "verbs.agreeing",
        "verbs.checking",
        "verbs.exporting",
        "verbs.reducing",
        "verbs.refuting",
        "verbs.replaying",
    }


@pytest.mark.parametrize("package", OWNERS)
def test_some_packages_have_owners(package):
    users = {module for module, found in MODULES.items() if any(i.name.split(".")[0] == package for i in found)}
    assert {u for u in users if not any(u == o or (o[-1] == "." and u.startswith(o)) for o in OWNERS[package])} == set()


@pytest.mark.parametrize("module", MODULES)
def test_optional_packages_are_imported_late(module):
    early = {found.name.split(".")[0] for found in MODULES[module] if not found.late}
    assert early & OPTIONAL == set()


@pytest.mark.parametrize("package", sorted(OPTIONAL))
def test_an_optional_package_has_one_home(package):
    users = {module for module, found in MODULES.items() if any(i.name.split(".")[0] == package for i in found)}
    assert len(users) <= 1
