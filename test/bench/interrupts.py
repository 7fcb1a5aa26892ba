"""What happens when a program here is told to end: it leaves nothing behind."""

import contextlib
import os
import signal
import sys

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def leave_in_order():
    """From now on these signals leave by way of every `with` and `finally`. Further ones don't disturb that."""
    for number in SIGNALS:
        signal.signal(number, _leave)


def as_usual():
    """For a process forked after that: it just ends."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL)


def _leave(number, _frame):
    for other in SIGNALS:
        signal.signal(other, signal.SIG_IGN)
    sys.exit(128 + number)


@contextlib.contextmanager
def put_off():
    """What must not be left halfway: a signal that comes meanwhile counts afterwards."""
    came = []
    before = {number: signal.signal(number, lambda number, _: came.append(number)) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if came:
            os.kill(os.getpid(), came[0])
