"""What a release file says of how it was made and is no part of its content: version, rules, head of the audit log.

Put here: the versions of all rules that shaped a release. Never here: anything that decides whether a release is
new: equal content under other rules is no new release.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from spine import audit
from spine.settings import Settings

#: Kinds of rules, with what a person calls them and where they are, below the project.
RULES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "contracts": ("what partners have agreed to send", ("expectations/contracts/*.yaml",)),
    "output_contracts": ("what analysts are promised", ("expectations/contracts/spine/*.yaml",)),
    "linkage": ("how records are linked", ("spine/linkage/*.yaml", "spine/linkage/*.py")),
    "identity": ("how residents keep their ids", ("spine/identity/*.py",)),
    "models": ("how sources become tables", ("dbt_project/models/**/*.sql", "dbt_project/macros/*.sql",
                                             "dbt_project/seeds/**/*.csv")),
    "release": ("how a release is cut", ("spine/release/*.py", "spine/governance/*.py")),
}  # fmt: skip


@dataclass(frozen=True)
class Marks:
    """What `_release` holds beside the content's own facts.

    Attributes:
        audit_head: the audit log's last hash before the file was built: the file is an anchor of the log.
        rules: a short hash of each kind of rules.
    """

    version: int
    audit_head: str
    rules: Mapping[str, str]


def marks(version: int, settings: Settings) -> Marks:
    """The marks of a file that is about to be built."""
    return Marks(version, audit.head(settings.audit_log).hash, rule_versions(settings.project))


def rule_versions(project: Path) -> dict[str, str]:
    """A short hash of each kind of rules, by content and by name of file; where there are none, of nothing."""
    return {kind: _hash(project, patterns) for kind, (_, patterns) in RULES.items()}


def _hash(project: Path, patterns: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for path in sorted({path for pattern in patterns for path in project.glob(pattern)}):
        digest.update(path.relative_to(project).as_posix().encode() + b"\0")
        digest.update(path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]
