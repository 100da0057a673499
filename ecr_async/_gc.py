"""The garbage collector, which large answers would keep busy for nothing.

A page of 1,000 images is several thousand objects, of which none is garbage. Making them sets off
collections, and as their number decides when everything in the process is looked at, a scan would have
that done again and again: at 35,000 objects, those of a small program, it stops the event loop for 20 ms.
"""

import gc
import threading
from collections.abc import Generator
from contextlib import contextmanager

__all__ = ["elders_spared"]

FROZEN_BY_PYTHON = 1000
"""More objects than an interpreter has frozen when it starts, which are none as a rule and 375 in Python
3.12; a program has thousands."""

_lock = threading.Lock()
_sparing = 0
_frozen = False


@contextmanager
def elders_spared() -> Generator[None, None, None]:
    """Have collections look only at what is made from now on, until the last such block has ended.

    Everything else is as always, but that reference cycles which are garbage by now, or become it among
    the objects that exist by now, are freed afterwards. A program that has frozen its objects itself, with
    `gc.freeze`, keeps them as they are.
    """
    global _sparing, _frozen  # noqa: PLW0603 - the process has one garbage collector
    with _lock:
        _sparing += 1
        if _sparing == 1 and gc.get_freeze_count() < FROZEN_BY_PYTHON:
            gc.freeze()
            _frozen = True
    try:
        yield
    finally:
        with _lock:
            _sparing -= 1
            if _sparing == 0 and _frozen:
                gc.unfreeze()
                _frozen = False
