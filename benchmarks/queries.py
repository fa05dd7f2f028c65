# SPDX-License-Identifier: Apache-2.0
"""This file is about reading queries: mutants, hostile texts and the real files, their seconds and memory.

    python -m benchmarks.queries [SECTION ...] [--mutants 20000] [--seed 1]

Sections: mutants, hostile, real; by default all.  It ends with an error where the two readers read one text as two
queries, where one accepts what the other refuses for another reason than the known ones, or where anything but an
error of the package comes out of a text that was accepted.  What vnnlib says of a mutant is compared where that package
is installed.
"""

import argparse
import contextlib
import random
import resource
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path

from exactlump import ExactlumpError, check
from exactlump.queries import closed_boxes, disjuncts, free_point, query_text, read_query
from tests.queries.test_queries_oracles import assert_same_2
from tests.queries.test_queries_twice import compared
from tests.query_tools import QUERIES, Writer, mutant
from tests.vnnlib_oracles import tree_2

DATA = Path(__file__).parents[2] / "shared" / "data"
SECTIONS = ("mutants", "hostile", "real")
HEADER_1 = "(declare-const X_0 Real)(declare-const Y_0 Real)"
HEADER_2 = "(vnnlib-version <2.0>)(declare-network f (declare-input X real [2]) (declare-output Y real [1]))"


def questions(words):
    """Ask a query everything; errors of the package are answers."""
    query = read_query(words)
    if query.version == "1.0" or all(network.outputs for network in query.networks):
        with contextlib.suppress(ExactlumpError):  # a number may be too long to be printed
            again = query_text(query)
            assert read_query(again) == query, words
    for ask in (lambda: disjuncts(query, 10_000), lambda: closed_boxes(query, 10_000)):
        with contextlib.suppress(ExactlumpError):
            ask()
    with contextlib.suppress(ExactlumpError):
        point = free_point(query, 10_000, 100_000)
        assert point is None or query.holds(point), words


def by_vnnlib(words):
    """Whether vnnlib accepts a text, which then is the same query; None where it is not installed."""
    try:
        found = tree_2(words)
    except ModuleNotFoundError:
        return None
    except (ValueError, IndexError):  # of numbers that are too long for it
        return False
    if found is not None:
        assert_same_2(words, found)
    return found is not None


def mutants(count, seed):
    """Random texts and own files, changed; which of the readers accept them."""
    rng, answers, slowest, theirs = random.Random(seed), Counter(), (0.0, ""), Counter()
    texts = [path.read_bytes().decode("latin-1") for path in QUERIES]
    began = time.process_time()
    for _ in range(count):
        writer = Writer(rng, rng.choice(["1.0", "2.0"]), rng.randint(1, 3), rng.randint(1, 3))
        words = writer.text(2, rng.randint(1, 3)) if rng.random() < 0.5 else rng.choice(texts)
        words = mutant(rng, words)
        start = time.process_time()
        answer = compared(words)
        if answer[0]:
            questions(words)
        slowest = max(slowest, (time.process_time() - start, words))
        answers[answer] += 1
        if answer[0] and words.lstrip().startswith(("(vnn", ";")) and "vnnlib-version" in words:
            theirs[by_vnnlib(words)] += 1
    print(f"mutants: {count} in {time.process_time() - began:.0f} s; the slowest {slowest[0]:.2f} s")
    for (ours, other), n in sorted(answers.items(), reverse=True):
        print(f"  package {'reads' if ours else 'refuses'}, checker {'reads' if other else 'refuses'}: {n}")
    names = {True: "reads alike", False: "refuses", None: "was not asked"}
    print("  of version 2.0 and read: vnnlib", ", ".join(f"{names[answer]} {n}" for answer, n in theirs.items()))


def hostile_texts():
    """Names and texts that are made to take long, or much memory."""
    yield "open parentheses", "(" * (60 << 20)
    yield "words in one parenthesis", f"{HEADER_1}(assert {'a ' * (20 << 20)}"
    yield "and in and", f"{HEADER_2}(assert {'(and (<= X[0] 1.0) ' * 200_000}(<= X[0] 1.0){')' * 200_001}"
    yield "minus of minus", f"{HEADER_2}(assert (<= {'(- ' * 300_000}X[0]{')' * 300_000} 1.0))"
    yield "sum in sum", f"{HEADER_1}(assert (<= {'(+ X_0 ' * 300_000}1{')' * 300_000} 1.0))"
    yield "long products", f"{HEADER_1}(assert (<= {'(* 1e999 ' * 3000}X_0{')' * 3000} 1.0))"
    yield "many comparisons", f"{HEADER_1}{'(assert (<= X_0 1))' * 1_500_000}"
    yield "comments", ";" * (60 << 20)
    yield "blanks", " ;\n" * (15 << 20)
    ports = "".join(f"(declare-input a{k} real [1])" for k in range(300_000))
    yield (
        "ports",
        f"(vnnlib-version <2.0>)(declare-network f {ports} (declare-output b real [1]))(assert (<= b[0] 1.0))",
    )
    yield "a large normal form", f"{HEADER_2}{'(assert (or (<= X[0] 1.0) (<= X[1] 1.0)))' * 40}"


def hostile():
    """Each text: seconds and the peak of memory so far, for both readers."""
    for name, words in hostile_texts():
        start = time.process_time()
        try:
            answer = f"read, {len(disjuncts(read_query(words)))} disjuncts"
        except ExactlumpError as error:
            answer = f"exit code {error.exit_code}: {str(error)[:70]}"
        middle = time.process_time()
        try:
            other = f"read, {len(check.read_query(words).cases)} cases"
        except check.Stop as error:
            other = f"{error.verdict}: {str(error)[:60]}"
        seconds = f"{middle - start:.1f} s and {time.process_time() - middle:.1f} s"
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
        print(f"{name}, {len(words) >> 20} MiB: {seconds}, peak {peak} MiB\n  package: {answer}\n  checker: {other}")


def real():
    """The real files: seconds to read them, for the normal form, for the question without the networks."""
    paths = sorted(DATA.rglob("*.vnnlib"))
    totals = Counter()
    for path in paths:
        times = [time.process_time()]
        words = path.read_bytes().decode("utf-8")
        query = read_query(words)
        times.append(time.process_time())
        disjuncts(query)
        times.append(time.process_time())
        point = free_point(query)
        assert point is not None
        assert query.holds(point)
        times.append(time.process_time())
        check.read_query(words)
        times.append(time.process_time())
        for name, (start, end) in zip(("read", "normal form", "free point", "checker"), pairwise(times), strict=True):
            totals[name] += end - start
    print(f"real: {len(paths)} files; seconds in all:", {name: round(value, 2) for name, value in totals.items()})


def main():
    """The sections that are named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sections", nargs="*", choices=[*SECTIONS, []], metavar="SECTION")
    parser.add_argument("--mutants", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    sections = options.sections or SECTIONS
    if "mutants" in sections:
        mutants(options.mutants, options.seed)
    if "hostile" in sections:
        hostile()
    if "real" in sections:
        real()


if __name__ == "__main__":
    main()
