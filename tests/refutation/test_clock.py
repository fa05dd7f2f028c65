# SPDX-License-Identifier: Apache-2.0
"""This file is about the time limit of `refute`: it ends work that does not look at the clock, and breaks nothing."""

import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from exactlump.refutation.clock import OutOfTime, alarm
from exactlump.refutation.refute import Options, refute
from tests.refutation.test_refute import DEEP, changed, confirmed, split_by_mirror

pytestmark = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs a system with alarms")


def spin(*_):
    """Work that never looks at the clock; it gives up after a while, so that a test without alarms ends."""
    begin = time.monotonic()
    while time.monotonic() - begin < 30:
        pass
    raise AssertionError("found no alarm")


def test_work_that_does_not_look_at_the_clock_ends(monkeypatch):
    monkeypatch.setattr("exactlump.refutation.refute.common_quotient", spin)
    found = refute(DEEP, split_by_mirror(DEEP), options=Options(seconds=0.2))
    assert (found.verdict, found.tried[-1]) == ("unknown", "out of time")
    assert signal.getsignal(signal.SIGALRM) == signal.SIG_DFL
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


def test_an_input_that_was_found_is_told_though_time_is_over(monkeypatch):
    """It is not made shorter then."""
    monkeypatch.setattr("exactlump.refutation.refute.shortened", spin)
    other = changed(DEEP)
    found = refute(DEEP, other, options=Options(seconds=0.2))
    assert (found.verdict, found.tried[-1]) == ("different", "out of time")
    confirmed(DEEP, other, found)


def test_alarms_of_others_are_left_alone():
    """Then the limit is looked at between candidates only."""
    rung = []
    before = signal.signal(signal.SIGALRM, lambda *_: rung.append(1))
    try:
        signal.setitimer(signal.ITIMER_REAL, 60)
        with alarm(time.monotonic() - 1):
            time.sleep(0.01)
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    with ThreadPoolExecutor(1) as thread:
        assert thread.submit(lambda: refute(DEEP, changed(DEEP)).verdict).result() == "different"
    with pytest.raises(OutOfTime), alarm(time.monotonic()):
        time.sleep(30)
    assert rung == []
