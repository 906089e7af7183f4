"""Slow libraries, imported while a run waits for its deliveries to be judged.

Put here: when a library of a later step is imported. Never here: a use of one.
"""

from __future__ import annotations

import importlib
import threading
from contextlib import suppress

#: pandas, scikit-learn and recordlinkage for linkage. Seconds.
_LATER = ("spine.linkage.run",)
_under_way: list[threading.Thread] = []


def start() -> None:
    """Begin to import them in a thread. One that fails is imported, and fails, where it is needed."""
    thread = threading.Thread(target=_import_all, name="imports", daemon=True)
    _under_way.append(thread)
    thread.start()


def wait() -> None:
    """Let the thread end before another one imports the same: two that import each other's modules may cross."""
    while _under_way:
        _under_way.pop().join()


def _import_all() -> None:
    for name in _LATER:
        with suppress(Exception):
            importlib.import_module(name)
