"""From which contracts each purpose's tables are built, as the models of the last run say.

Put here: the note of it in the home, outside the project. Never here: reading the models (assets).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from spine.errors import GovernanceError
from spine.files import write_json
from spine.settings import Settings

#: No agreement's register has this name: ids begin with a letter.
_FILE = ".lineage.json"


def note_lineage(settings: Settings, contracts_by_purpose: Mapping[str, Sequence[str]]) -> None:
    """Keep which contracts stand behind each purpose; written only where it changed."""
    content = {purpose: sorted(set(ids)) for purpose, ids in sorted(contracts_by_purpose.items())}
    path = settings.governance / _FILE
    if not path.exists() or json.loads(path.read_bytes()) != content:
        write_json(path, content, point="governance.lineage")


def behind(settings: Settings, purpose: str) -> frozenset[str] | None:
    """Ids of the contracts that a purpose is built from; None where no run has told.

    Raises:
        GovernanceError: the note is damaged.
    """
    path = settings.governance / _FILE
    try:
        content = json.loads(path.read_bytes()) if path.exists() else {}
        return frozenset(content[purpose]) if purpose in content else None
    except (ValueError, TypeError, OSError):
        raise GovernanceError(
            f"{path.name} in the home's governance folder is damaged. Whoever runs this deployment must delete it; the "
            "next run writes it again"
        ) from None
