# SPDX-License-Identifier: Apache-2.0
"""This file is about what several processes gain: the classes of four layers, found here and with two workers.

    python -m benchmarks.fanout [--runs 5] [--n 2048]

Medians for `fast.maximum_lumping`, all ways in turn, the workers running already: CPU seconds of this process, CPU
seconds of the workers, and elapsed seconds, which say something only on a machine with two idle cores.
Prints a table.  The cluster runs on this machine, scheduler and workers in processes of their own.
"""

import argparse
import statistics
import subprocess
import sys
import time
from contextlib import ExitStack, closing
from socket import socket

import numpy as np
import psutil

from benchmarks.detection import chain, dense, hard_layers
from exactlump import FanOut, maximum_lumping
from exactlump.fast.workers import executor


def networks(n):
    """(name, network): four layers of n x n, in which nothing merges but in the last."""
    for dtype in (np.float32, np.float64):
        yield f"{dtype.__name__}, random", chain(*(dense(n, dtype, seed=i) for i in range(4)))
        hard = dict(hard_layers(n, dtype))
        name = "all but the last column"
        yield f"{dtype.__name__}, {name}", chain(*[hard[name]] * 4)


def cpu():
    """CPU seconds of this process, and of the processes that it started."""
    spent = [sum(one.cpu_times()[:2]) for one in psutil.Process().children(recursive=True)]
    return time.process_time(), sum(spent)


def measured(network, pool):
    """CPU seconds here, CPU seconds of the workers, elapsed seconds."""
    shared = FanOut(pool) if pool is not None else None
    (here, there), start = cpu(), time.perf_counter()
    maximum_lumping(network, engine="fast", find=shared)
    elapsed = time.perf_counter() - start
    if shared is not None and (shared.notes or len(shared.used) != 3):
        sys.exit(f"found {shared.notes}, {shared.used}, expected three layers found by workers")
    after = cpu()
    return after[0] - here, after[1] - there, elapsed


def cluster(stack):
    """The `--executor` of a scheduler and two workers in processes of their own."""
    with closing(socket()) as free:
        free.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{free.getsockname()[1]}"
    host, port = place.split(":")
    for words in (
        ["scheduler", "--host", host, "--port", port, "--no-dashboard"],
        ["worker", place, "--nworkers", "2", "--nthreads", "1", "--no-dashboard"],
    ):
        started = subprocess.Popen([sys.executable, "-m", "dask", *words], stderr=subprocess.DEVNULL)
        stack.callback(started.terminate)
        time.sleep(5)
    return f"dask://{place}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--n", type=int, default=2048)
    asked = parser.parse_args()
    print("| four layers | way | CPU here, s | CPU of the workers, s | elapsed, s |\n|---|---|---|---|---|")
    with ExitStack() as stack:
        ways = {"alone": None, "processes:2": "processes:2", "dask://, 2 workers": cluster(stack)}
        pools = {way: spec and stack.enter_context(executor(spec)) for way, spec in ways.items()}
        for name, network in networks(asked.n):
            runs = [{way: measured(network, pool) for way, pool in pools.items()} for _ in range(asked.runs + 1)][1:]
            for way in ways:
                here, there, elapsed = (
                    statistics.median(some) for some in zip(*(run[way] for run in runs), strict=True)
                )
                print(f"| {name} | {way} | {here:.2f} | {there:.2f} | {elapsed:.2f} |", flush=True)


if __name__ == "__main__":
    main()
