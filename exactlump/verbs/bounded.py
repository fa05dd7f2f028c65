# SPDX-License-Identifier: Apache-2.0
"""This file is about `exactlump bound` as a library call: two networks and a box in, how far apart they can be out."""

import time
from collections.abc import Sequence
from typing import Any, Unpack

from exactlump.errors import FormatError
from exactlump.formats.files import about, demand_apart
from exactlump.network import ports
from exactlump.numbers.rational import Vector
from exactlump.refutation.clock import OutOfTime
from exactlump.verbs.bounding import DEFAULTS, Asked, BoundOptions, FileBound, Listener, options_of, silent
from exactlump.verbs.boundwork import Work
from exactlump.verbs.data import files_of, read_inputs
from exactlump.verbs.pairs import Pair, read_pair
from exactlump.verbs.spaces import space


def bound(a: Any, b: Any, box: Any = None, *, listen: Listener = silent, **asked: Unpack[Asked]) -> FileBound:
    """How far apart two networks can be on a box: an upper bound with a certificate, and an exact input (T8').

    a, b    whatever `read` takes: paths, `Network`s, modules of PyTorch, ONNX models
    box     the inputs; boxes=: several, of which any may hold them; or vnnlib=, or around= with radius=
    listen  told what is done, now and then
    asked   epsilon=, metric=, argmax=, seconds=, certificate= and the other options of `Asked`; what they mean is said
            at `BoundOptions`
    Raises FormatError, ShapeError, UnsupportedLayer for what has no bounds, CannotWrite.

    >>> from exactlump import Network
    >>> a, b = (Network.chain([[[1, 1]], [[w]]]) for w in (2, 3))
    >>> bound(a, b, (0, 1))
    within on box [0, 1], at most 2, found 2
    """
    return bound_files(a, b, options_of(box, **asked), listen)


def bound_files(
    a: object,
    b: object,
    options: BoundOptions = DEFAULTS,
    listen: Listener = silent,
    stops: tuple[type[BaseException], ...] = (),
    starts: Sequence[Vector] = (),
) -> FileBound:
    """`bound`, with the options in one.

    starts  where an input with a large difference is looked for, too
    stops   exceptions that end the work, whereupon the best that is known is the answer
    """
    start = time.monotonic()
    pair = read_pair(a, b, match=options.match, raw_nnet=options.raw_nnet, max_unpacked=options.max_unpacked)
    _demand_room(pair, options)
    for network in pair.networks:
        network.demand_closed("bound")
    domain, name, notes = space(
        pair.inputs,
        boxes=options.boxes,
        vnnlib=options.vnnlib,
        given=options.around,
        radius=options.radius,
        clip=options.clip,
        scaling=options.scaling,
    )
    given = read_inputs(options.inputs, pair.inputs, options.scaling) if options.inputs is not None else ()
    with about(", ".join(pair.names)):
        other, matching = ports.match(*pair.networks, pair.demanded)
        work = Work(
            pair, pair.networks[0], other, matching, domain, given, options, listen, (OutOfTime, *stops), starts
        )
        axes = ports.other_axes(pair.networks[0], other) if pair.demanded != ports.UNNAMED else ()
        work.notes += [*notes, *pair.notes, *axes]
        work.run(start + options.seconds)
    return work.result(name, time.monotonic() - start)


def _demand_room(pair: Pair, options: BoundOptions) -> None:
    """Raise FormatError for a certificate of networks that are no files, or in the place of a file that is read."""
    if options.certificate is None:
        return
    if not pair.are_files:
        raise FormatError("certificate: found networks that are no files, expected two files")
    read = [file for path in (options.around, options.inputs) for file in files_of(path)]
    demand_apart(options.certificate, (*pair.paths, *pair.beside, options.vnnlib, *read))
