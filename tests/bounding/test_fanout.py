# SPDX-License-Identifier: Apache-2.0
"""This file is about several processes and clusters: the same answers, and what is lost is done here."""

import json
import os
import signal
import socket
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import pairwise
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest

import exactlump
from exactlump import formats
from exactlump.cli.main import main
from exactlump.errors import FormatError
from exactlump.fast import engine
from exactlump.fast import workers as fanout
from exactlump.fast.workers import FanOut, detect, executor
from exactlump.lumping import maximum
from exactlump.lumping.maximum import Choices
from exactlump.network.activations import RELU
from exactlump.network.kinds import Activate, Dense
from exactlump.network.program import Network
from exactlump.network.views import Port
from exactlump.numbers.matrix import Matrix
from exactlump.numbers.rational import rational
from exactlump.verbs.reducing import reduce_file
from exactlump.verdicts import SCOPE
from tests.fast.test_engines import choices_of, network_of

SIZES = (12, 40, 40, 40, 40, 5)


def network(merged=(3,)):
    """A chain of layers r0 to r3 and an output; in the layers named, half of the rows are multiples of the others."""
    random = np.random.default_rng(1)
    nodes, source = [], "x"
    for i, (columns, rows) in enumerate(pairwise(SIZES)):
        matrix = random.integers(-64, 65, (rows, columns)).astype(np.float32)
        bias = random.integers(-9, 10, rows)
        if i in merged:
            matrix[rows // 2 :], bias[rows // 2 :] = 2 * matrix[: rows // 2], 2 * bias[: rows // 2]
        last = i == len(SIZES) - 2
        nodes.append(
            Dense(source, "y" if last else f"d{i}", Matrix.from_floats(matrix), tuple(rational(int(b)) for b in bias))
        )
        if not last:
            nodes.append(Activate(f"d{i}", f"r{i}", (RELU,) * rows))
            source = f"r{i}"
    return Network((Port("x", SIZES[:1]),), tuple(nodes), ("y",), "float32")


@pytest.fixture(autouse=True)
def _every_layer_is_sent(monkeypatch):
    monkeypatch.setattr(fanout, "LEAST", 1)


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "big.onnx"
    formats.write(network(), path)
    return path


def certificate(model, name, spec=None):
    """The bytes of the certificate, and the notes."""
    done = reduce_file(model, model.with_name(f"{name}.onnx"), executor=spec, engine="fast")
    return done.certificate.read_bytes(), done.notes


# The same answers


@pytest.mark.parametrize(
    ("merged", "used"),
    [((), ["r1", "r2", "r3"]), ((3,), ["r1", "r2", "r3"]), ((2,), ["r1", "r2"]), ((0, 1), ["r3"]), ((0, 1, 2, 3), [])],
)
def test_answers_count_where_nothing_below_has_merged(merged, used):
    given = network(merged)
    with ThreadPoolExecutor(1) as workers:
        shared = FanOut(workers)
        found = engine.maximum_lumping(given, find=shared)
    assert found == maximum.maximum_lumping(given)
    assert (shared.used, shared.notes) == (used, ())


def test_generated_networks():
    used = 0
    with ThreadPoolExecutor(1) as workers:
        for seed in range(300):
            given = network_of(seed)
            for fold, choices in ((True, maximum.NO_CHOICES), (False, choices_of(given, seed))):
                shared = FanOut(workers)
                found = engine.maximum_lumping(given, fold=fold, choices=choices, find=shared)
                assert found == maximum.maximum_lumping(given, fold=fold, choices=choices)
                assert shared.notes == ()
                used += len(shared.used)
    assert used > 100


def test_answers_are_used_again_but_not_for_other_choices():
    given = network()
    apart = Choices(apart=frozenset({("r3", 0), ("r3", 20)}))
    with ThreadPoolExecutor(1) as workers:
        shared = FanOut(workers)
        for choices in (maximum.NO_CHOICES, maximum.NO_CHOICES, apart):
            found = engine.maximum_lumping(given, choices=choices, find=shared)
            assert found == maximum.maximum_lumping(given, choices=choices)
    assert shared.used == ["r1", "r2", "r3"] * 2 + ["r1", "r2"]


def test_layers_that_are_too_small_stay_here(monkeypatch):
    monkeypatch.setattr(fanout, "LEAST", 1601)
    with ThreadPoolExecutor(1) as workers:
        shared = FanOut(workers)
        engine.maximum_lumping(network(), find=shared)
    assert shared.waiting == {}


def test_processes_give_the_same_bytes(model):
    alone, _ = certificate(model, "same")
    assert certificate(model, "same", "processes:2") == (alone, ())


def test_what_an_executor_is_for_is_the_fast_engine():
    with ThreadPoolExecutor(1) as workers:
        shared = FanOut(workers)
        assert exactlump.reduce(network(), find=shared).reduced.neurons == 140
        assert shared.used == ["r1", "r2", "r3"]
        with pytest.raises(FormatError, match="found exact with an executor, expected fast"):
            exactlump.reduce(network(), engine="exact", find=shared)


# Workers that are lost


def patient(folder, version, rows):
    """What `detect` finds; begins only when there is a file that says so."""
    (folder / f"{os.getpid()}-{uuid4()}").touch()
    end = time.monotonic() + 30
    while not (folder / "go").exists():
        if time.monotonic() > end:
            raise TimeoutError("nobody said go")
        time.sleep(0.01)
    return detect(version, rows)


def started(folder):
    """The process of each task that has begun."""
    return [int(path.name.split("-")[0]) for path in folder.iterdir() if path.name != "go"]


@contextmanager
def killing(folder, monkeypatch):
    """Tasks wait until one of the workers has been killed at its first task; gives the list of those killed."""
    monkeypatch.setattr(fanout, "detect", partial(patient, folder))
    killed = []

    def kill():
        end = time.monotonic() + 30
        while not started(folder) and time.monotonic() < end:
            time.sleep(0.01)
        for worker in started(folder)[:1]:
            os.kill(worker, signal.SIGKILL)
            killed.append(worker)
        (folder / "go").touch()

    killer = threading.Thread(target=kill)
    killer.start()
    yield killed
    killer.join()


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "tasks"
    made.mkdir()
    return made


def test_a_process_that_is_killed(model, folder, monkeypatch):
    alone, _ = certificate(model, "killed")
    with killing(folder, monkeypatch) as killed:
        found, notes = certificate(model, "killed", "processes:1")
    assert len(killed) == 1
    assert os.getpid() not in killed
    assert found == alone
    (note,) = notes
    assert note.startswith("executor: A process in the process pool was terminated abruptly")
    assert note.endswith("; done here: r1, r2, r3")


def test_a_pool_that_is_broken_before(monkeypatch):
    with ProcessPoolExecutor(1) as workers:
        assert workers.submit(os.kill, workers.submit(os.getpid).result(), signal.SIGKILL).exception() is not None
        shared = FanOut(workers)
        assert engine.maximum_lumping(network(), find=shared) == maximum.maximum_lumping(network())
    assert shared.used == []
    assert shared.notes[0].endswith("; done here: r1, r2, r3")


def test_a_worker_with_another_version(monkeypatch):
    monkeypatch.setattr(fanout, "detect", lambda version, rows: detect("0", rows))
    with ThreadPoolExecutor(1) as workers:
        shared = FanOut(workers)
        assert engine.maximum_lumping(network(), find=shared) == maximum.maximum_lumping(network())
    versions = f"found exactlump {exactlump.__version__}, expected 0"
    assert shared.notes == (f"executor: worker: {versions}; done here: r1, r2, r3",)


def test_the_pipe_of_a_dead_process_does_not_end_this_one():
    before = signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        with executor("processes:1"):
            assert signal.getsignal(signal.SIGPIPE) == signal.SIG_IGN
        assert signal.getsignal(signal.SIGPIPE) == signal.SIG_DFL
    finally:
        signal.signal(signal.SIGPIPE, before)


# A cluster


@contextmanager
def cluster(workers):
    """The `--executor` of a Dask cluster on this machine."""
    distributed = pytest.importorskip("distributed", reason="Dask is not installed: the extra dask")
    with distributed.LocalCluster(
        n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None
    ) as made:
        yield made.scheduler_address.replace("tcp://", "dask://")


def test_a_cluster_one_of_whose_workers_is_killed(model, folder, monkeypatch):
    alone, _ = certificate(model, "cluster")
    with cluster(2) as spec:
        assert certificate(model, "cluster", spec) == (alone, ())
        with killing(folder, monkeypatch) as killed:
            assert certificate(model, "cluster", spec) == (alone, ())
    assert len(killed) == 1
    assert len(started(folder)) > 3  # one of r1, r2, r3 was begun twice
    assert os.getpid() not in started(folder)


def test_a_cluster_without_workers(model, monkeypatch):
    monkeypatch.setattr(fanout, "LOOK", 0.1)
    alone, _ = certificate(model, "deserted")
    with cluster(0) as spec:
        found, notes = certificate(model, "deserted", spec)
    assert found == alone
    assert notes == ("executor: the cluster has no worker left; done here: r1, r2, r3",)


def test_nobody_answers(monkeypatch):
    pytest.importorskip("distributed", reason="Dask is not installed: the extra dask")
    monkeypatch.setattr(fanout, "TIMEOUT", 0.5)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{free.getsockname()[1]}"
    for where in (place, "no.such.place.invalid:8786", "127.0.0.1:99999"):
        with (
            pytest.raises(FormatError, match=f"^dask://{where}: found no scheduler within 0.5 s"),
            executor(f"dask://{where}"),
        ):
            pass


def test_dask_is_not_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(FormatError, match=r"expected: pip install 'exactlump\[dask\]'"), executor("dask://here:1"):
        pass


# The command line


@pytest.mark.parametrize("spec", ["", "threads", "processes:0", "processes:", "dask://", "dask://a", "dask://a:b/c"])
def test_other_words_are_refused(spec):
    with pytest.raises(FormatError, match="expected processes, processes:N or dask://HOST:PORT"), executor(spec):
        pass


def run(capsys, *words):
    with pytest.raises(SystemExit) as end:
        main([str(word) for word in words])
    return end.value.code, *capsys.readouterr()


def test_the_option(model, capsys):
    code, out, _ = run(capsys, "reduce", model, model.with_name("o.onnx"), "--executor", "processes:1", "--json")
    assert (code, json.loads(out)["notes"]) == (0, ["5 MatMul+Add read as Dense"])
    for words in (["--executor", "cloud"], ["--executor", "processes", "--engine", "exact"]):
        code, out, err = run(capsys, "reduce", model, model.with_name("p.onnx"), *words)
        assert (code, out, err.count("\n")) == (2, "", 1)
    assert not Path(model.with_name("p.onnx")).exists()


def test_a_note_is_shown(model, capsys, folder, monkeypatch):
    with killing(folder, monkeypatch):
        code, out, err = run(capsys, "reduce", model, model.with_name("o.onnx"), "--executor", "processes:1")
    assert (code, out) == (0, f"equivalent: 160 -> 140 hidden neurons, {SCOPE}\n")
    assert "note: executor: A process in the process pool was terminated" in err
