# SPDX-License-Identifier: Apache-2.0
"""This package is about the command line: parsing, the verdict on stdout, talk on stderr.

It begins here, and imports nothing before `run` is called: whoever presses Ctrl-C reads one line, however early.
"""


def run() -> None:
    """The program `exactlump`."""
    try:
        from exactlump.cli.main import main

        main()
    except KeyboardInterrupt:
        _end()


def _end() -> None:
    """End as `main` does when it is interrupted; what interrupts that is not heard."""
    import signal
    import sys

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    from exactlump.cli.failing import fail
    from exactlump.verdicts import EXIT_CODES

    fail("interrupted", EXIT_CODES["unknown"], sys.argv[1:])
