"""A partnership in which everybody has signed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fixtures.agreements import Partnership, build_partnership


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Partnership:
    """Everybody has signed; tests copy it."""
    found = build_partnership(tmp_path_factory.mktemp("partnership") / "whole")
    found.sign_all()
    return found


@pytest.fixture
def here(signed: Partnership, tmp_path: Path) -> Partnership:
    return signed.copied_to(tmp_path / "whole")
