# SPDX-License-Identifier: Apache-2.0
"""This file is about a limit of time that holds: an alarm for work that does not look at the clock itself.

Where there are no alarms (threads other than the main one, some systems, programs that use them for something else),
the limit is looked at between candidates only.
"""

import contextlib
import signal
import threading
import time
from collections.abc import Iterator

# After the first alarm, which may be lost in a destructor, others follow.
_AGAIN = 0.1


class OutOfTime(Exception):
    """The limit was met in the middle of some work."""


@contextlib.contextmanager
def alarm(deadline: float) -> Iterator[None]:
    """Raise OutOfTime inside once the monotonic clock reaches the deadline."""
    if not _is_free():
        yield
        return

    working = True

    def ring(*_: object) -> None:
        if working:
            raise OutOfTime

    before = signal.signal(signal.SIGALRM, ring)
    try:
        try:
            signal.setitimer(signal.ITIMER_REAL, max(deadline - time.monotonic(), 1e-6), _AGAIN)
            yield
        finally:
            working = False  # an alarm may ring right here; the next one is too late for what follows
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _is_free() -> bool:
    """Whether there are alarms, and nobody else waits for one."""
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        return False
    return signal.getsignal(signal.SIGALRM) == signal.SIG_DFL and signal.getitimer(signal.ITIMER_REAL)[0] == 0
