"""Modules that a library imports and that nothing here uses, left until somebody does.

Put here: how an import is put off. Never here: a library's name (gx knows them).
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any


class _Deferred(ModuleType):
    """Stands for a module in those that imported it; what is asked of it is asked of the real one, imported then."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), name)


@contextmanager
def deferred(*names: str) -> Iterator[None]:
    """Modules imported within the block are only loaded when something of them is used, then or later.

    Others in the process import them afterwards as ever. A module that is loaded already stays so.

    Args:
        names: full names; a submodule's package need not be among them.
    """
    standing = {name: _Deferred(name) for name in names if name not in sys.modules}
    sys.modules.update(standing)
    try:
        yield
    finally:
        for name, module in standing.items():
            if sys.modules.get(name) is module:
                del sys.modules[name]
