# SPDX-License-Identifier: Apache-2.0
"""This file is about several processes, or a cluster: the classes of different layers, found at the same time.

A worker finds the classes of a layer's rows as they stand, over neurons below that are all apart.  Where nothing below
has merged, that is the layer itself; elsewhere its answer is left unused (docs/fast.md, "several processes").
"""

import os
import re
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Executor, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

import numpy as np

from exactlump.errors import FormatError
from exactlump.fast.arithmetic import Ints
from exactlump.fast.layers import RawRows, classify, raw_rows
from exactlump.fast.matrices import checked, source
from exactlump.fast.rows import Found, related_rows
from exactlump.fast.sources import Plain
from exactlump.lumping.forms import Forms
from exactlump.lumping.maximum import Choices, Group
from exactlump.network.layers import anchors
from exactlump.network.program import Network
from exactlump.numbers.rational import Rational
from exactlump.version import VERSION

# Layers with fewer weights are not worth sending.
LEAST = 1 << 16
# Seconds: to reach a cluster; between looks at whether it has any worker left.
TIMEOUT, LOOK = 10.0, 2.0
_SPEC = re.compile(r"processes(?::(?P<jobs>[1-9]\d{0,3}))?|dask://(?P<place>(?:[\w.-]+|\[[0-9A-Fa-f:.]+\]):\d{1,5})")


@contextmanager
def executor(spec: str) -> Iterator[Executor]:
    """What `--executor` names: "processes[:N]" on this machine (default: one a core), or "dask://HOST:PORT".

    Raises FormatError for other words, and for a cluster that cannot be reached.
    """
    parsed = _SPEC.fullmatch(spec)
    if parsed is None:
        raise FormatError(f"executor: found {spec!r}, expected processes, processes:N or dask://HOST:PORT")
    place = parsed["place"]
    with _broken_pipes_are_errors(), _cluster(place) if place else _processes(parsed["jobs"]) as workers:
        yield workers


@contextmanager
def _processes(jobs: str | None) -> Iterator[Executor]:
    pool = ProcessPoolExecutor(int(jobs) if jobs else os.cpu_count())
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


class _Cluster(Executor):
    """A Dask cluster, which gives the tasks of a worker that is lost to another one."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.tasks = client.get_executor(pure=False)

    def submit(self, work: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """See `Executor`."""
        future: Future[Any] = self.tasks.submit(work, *args, **kwargs)
        return future

    @property
    def deserted(self) -> bool:
        """Whether no worker is left, or nobody answers."""
        with suppress(OSError, TimeoutError):
            return self.client.status != "running" or not self.client.scheduler_info()["workers"]
        return True


@contextmanager
def _cluster(place: str) -> Iterator[Executor]:
    try:
        import dask
        from distributed import Client
    except ImportError as error:
        raise FormatError("distributed: not installed, expected: pip install 'exactlump[dask]'") from error
    # Weights travel with their task, so that the task can be given to another worker.
    with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1 PiB"}):
        try:
            client: Any = Client(f"tcp://{place}", timeout=TIMEOUT, set_as_default=False)  # type: ignore[no-untyped-call]
        except (OSError, ValueError, OverflowError) as error:
            raise FormatError(f"dask://{place}: found no scheduler within {TIMEOUT:g} s, expected one") from error
        with client:
            yield _Cluster(client)


@contextmanager
def _broken_pipes_are_errors() -> Iterator[None]:
    """The pipe to a process that died must be an error, not the end of this process."""
    if not hasattr(signal, "SIGPIPE") or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGPIPE, before)


def detect(version: str, rows: RawRows) -> Found:
    """The classes of some rows; runs in a worker.  Raises FormatError for another version of this package."""
    if version != VERSION:
        raise FormatError(f"worker: found exactlump {VERSION}, expected {version}")
    return related_rows(source(checked(rows.matrix), rows.bias), rows.sorts)


class FanOut:
    """A `lumping.maximum.Classifier` that has an executor look at all layers of a network but the first, fast.

    A task that fails, for whatever reason, is done here, and `notes` says so.
    """

    def __init__(self, workers: Executor) -> None:
        self.workers = workers
        self.network: Network | None = None
        self.waiting: dict[str, tuple[RawRows, Future[Found]]] = {}
        self.used: list[str] = []
        self.lost: dict[str, list[str]] = {}

    @property
    def notes(self) -> tuple[str, ...]:
        """One line for each reason why layers were done here after all."""
        return tuple(f"executor: {why}; done here: {', '.join(layers)}" for why, layers in self.lost.items())

    def __call__(
        self, network: Network, tensor: str, forms: Forms, fold: bool, choices: Choices
    ) -> tuple[list[Group], dict[int, Rational]]:
        """See `lumping.maximum.classes_by_keys`."""
        if network is not self.network:
            self._start(network, choices)
        return classify(network, tensor, forms, fold, choices, partial(self._found, tensor))

    def _start(self, network: Network, choices: Choices) -> None:
        """Send out the layers of a network; the first is wanted at once, and done here meanwhile."""
        for _, future in self.waiting.values():
            future.cancel()
        self.network, self.waiting = network, {}
        anchored = anchors(network, choices.derived)
        for tensor in [name for name, kept in anchored.items() if kept is None and name in network.producer][1:]:
            rows = raw_rows(network, tensor, anchored, choices)
            if rows is not None and rows.matrix.size >= LEAST:
                self._send(tensor, rows)

    def _send(self, tensor: str, rows: RawRows) -> None:
        try:
            self.waiting[tensor] = rows, self.workers.submit(detect, VERSION, rows)
        except (RuntimeError, OSError) as error:  # broken or shut down; no process can be started
            self._note(tensor, error)

    def _found(self, tensor: str, rows: Plain, sorts: Ints) -> Found | None:
        """What a worker found, if it was asked for the very same rows and sorts; the matrix is the layer's own."""
        if tensor not in self.waiting:
            return None
        asked, future = self.waiting[tensor]
        if rows.bias is None or not np.array_equal(asked.bias, rows.bias) or not np.array_equal(asked.sorts, sorts):
            return None
        why = self._why_lost(future)
        if why is None:
            self.used.append(tensor)
            return future.result()
        del self.waiting[tensor]
        self._note(tensor, why)
        return None

    def _why_lost(self, future: Future[Found]) -> BaseException | str | None:
        """Why a task has no answer; None, at the end, when it has one."""
        while not wait([future], LOOK).done:
            if isinstance(self.workers, _Cluster) and self.workers.deserted:
                return "the cluster has no worker left"
        try:
            return future.exception()
        except CancelledError:
            return "the task was cancelled"

    def _note(self, tensor: str, why: BaseException | str) -> None:
        words = " ".join(str(why).split()) or type(why).__name__
        self.lost.setdefault(words, []).append(tensor)
