"""The signed statements that this home has seen, kept outside the project.

Put here: the register and what it adds to the files of the project. Never here: judging a statement.

Whoever can write the project could delete a suspension or a dissent, or put an older approval back in its place. So
every statement that was verified once is kept here as it was signed. A suspension that was seen holds until its
organisation signs that it lifts it, whether its file is still there or not.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pydantic import ValidationError

from spine import audit
from spine.errors import GovernanceError
from spine.files import write_json
from spine.governance.statements import Statement
from spine.settings import Settings

#: No agreement's register has this name: ids begin with a letter.
_LOCKS = ".contracts.json"


def seen_statements(settings: Settings, agreement_id: str) -> tuple[Statement, ...]:
    """Every statement on an agreement that a run of this home has verified, in order of signer and number.

    Raises:
        GovernanceError: the register is damaged, so that it is not known what was suspended.
    """
    path = _register(settings, agreement_id)
    try:
        entries = json.loads(path.read_bytes()) if path.exists() else []
        return tuple(Statement.model_validate(entry) for entry in entries)
    except (ValueError, ValidationError, OSError):
        raise GovernanceError(
            f"{path} is damaged, so it is not known whether somebody has suspended agreement {agreement_id}. "
            "Whoever runs this deployment must restore it from a backup"
        ) from None


def note(settings: Settings, agreement_id: str, verified: Iterable[Statement]) -> None:
    """Keep statements that are new to this home, and log each as a decision on the agreement.

    Under a lock of its own: a suspension is kept while a run holds the home, which looks once more before it publishes.
    """
    with _locked(settings):
        _note(settings, agreement_id, verified)


@contextmanager
def _locked(settings: Settings) -> Iterator[None]:
    settings.governance.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(settings.governance / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _note(settings: Settings, agreement_id: str, verified: Iterable[Statement]) -> None:
    seen = seen_statements(settings, agreement_id)
    new = sorted({s.signature: s for s in verified if s not in seen}.values(), key=_order)
    if not new:
        return
    log = settings.audit_log
    for statement in new:
        facts = statement.model_dump(mode="json", exclude={"signature", "rights"})
        audit.append(log, "agreement_decision", **facts)
    entries = [statement.model_dump(mode="json") for statement in sorted([*seen, *new], key=_order)]
    write_json(_register(settings, agreement_id), entries, point="governance.seen")


def _order(statement: Statement) -> tuple[str, int, str]:
    return statement.signer, statement.number, statement.signature


def _register(settings: Settings, agreement_id: str) -> Path:
    return settings.governance / f"{agreement_id}.json"


def seen_locks(settings: Settings) -> dict[str, tuple[int, str]]:
    """Number and hash of the newest signed shape of each contract that this home has made a release from.

    Raises:
        GovernanceError: the register is damaged.
    """
    path = settings.governance / _LOCKS
    try:
        content = json.loads(path.read_bytes()) if path.exists() else {}
        return {str(name): (int(number), str(shape)) for name, (number, shape) in content.items()}
    except (ValueError, TypeError, AttributeError, OSError):
        raise GovernanceError(
            f"{path} is damaged, so it is not known which shapes of contracts were signed last. Whoever runs this "
            "deployment must restore it from a backup"
        ) from None


def note_locks(settings: Settings, shapes: Mapping[str, tuple[int, str]]) -> None:
    """Keep the shapes that a release is about to be made from, where they are newer than those known."""
    seen = seen_locks(settings)
    newer = {name: shape for name, shape in shapes.items() if shape[0] > seen.get(name, (0, ""))[0]}
    if newer:
        write_json(settings.governance / _LOCKS, {**seen, **newer}, point="governance.seen_locks")
