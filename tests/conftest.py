"""What all tests share."""

import gc
import os
from importlib import import_module

import pytest

# No test cuts the power, and only a power cut loses what was written and not yet forced to disk.
os.fsync = lambda _: None


def pytest_configure(config: pytest.Config) -> None:
    """What a process that runs tests imports first; the one that hands them out to workers needs nothing."""
    if config.getoption("numprocesses", None) and not hasattr(config, "workerinput"):
        return
    # The console of the command takes its width from COLUMNS for good where that is set while it is made. Made here
    # without it, it asks anew each time: a test that sets COLUMNS changes no other, nor does the terminal that the
    # tests run in.
    os.environ.pop("COLUMNS", None)
    import_module("spine.cli")
    # What has been imported stays: the collector need not look through it again and again.
    gc.freeze()
    gc.set_threshold(50_000)
