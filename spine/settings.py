"""Where the spine's state lives and where its definitions are read from.

Put here: paths and deployment settings. Never here: anything a partner has agreed (that is
data under expectations/), or a key.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from spine.errors import GovernanceError, UsageError

PROJECT_ROOT = Path(__file__).resolve().parents[1]

#: Folders of the home that may hold personal data. Everything else in the home may not.
PERSONAL = ("landing", "lake", "linkage", "identity")


def refuse_dotenv(settings: Settings) -> None:
    """Refuse a `.env` where Dagster would read it: it would override what whoever runs the deployment has set.

    Raises:
        GovernanceError: one lies in the project, in the code's folder or in the working directory.
    """
    for folder in dict.fromkeys((settings.project.absolute(), PROJECT_ROOT, Path.cwd())):
        if (folder / ".env").exists():
            raise GovernanceError(
                f"{folder / '.env'}: Dagster would let this file override the deployment's settings, the trust file "
                "among them. Whoever runs this deployment must remove it and set the environment instead"
            )


class Settings(BaseSettings):
    """Deployment settings, read from the environment with the prefix SPINE_.

    Attributes:
        home: SPINE_HOME, the folder of all state.
        project: folder that holds expectations/ and dbt_project/.
        threads: processor threads for DuckDB and Polars; 0 means all.
        keep_releases: published versions kept for each purpose.
        anchor_file: where the head of the audit log is noted too, best on another disk; None for nowhere.
        anchor_url: a webhook that is told the head of the audit log; None for none.
        mode: `demo` or `production`; see `is_production` for what holds where it is not set.
        trust_file: the public keys whose signatures count. Outside the project.
        trust_sha256: which file that is, so that nobody swaps it.
    """

    model_config = SettingsConfigDict(env_prefix="SPINE_", frozen=True)

    home: Path = Path(".spine")
    project: Path = PROJECT_ROOT
    threads: int = Field(default=0, ge=0)
    keep_releases: int = Field(default=3, ge=1)
    anchor_file: Path | None = None
    anchor_url: str | None = Field(default=None, pattern=r"^https?://")
    mode: Literal["demo", "production"] | None = None
    trust_file: Path | None = None
    trust_sha256: str | None = Field(default=None, pattern="^[0-9a-f]{64}$")

    @cached_property
    def root(self) -> Path:
        """The home as an absolute path."""
        return self.home.expanduser().absolute()

    @property
    def landing(self) -> Path:
        """`landing/<partner>/<dataset>/<YYYY-MM-DD>/`: where partners drop files."""
        return self.root / "landing"

    @property
    def lake(self) -> Path:
        """Immutable Parquet of every delivery that was read, accepted or not."""
        return self.root / "lake"

    @property
    def ledger(self) -> Path:
        """One JSON record for each revision of each delivery: verdicts and counts only."""
        return self.root / "ledger"

    @property
    def linkage(self) -> Path:
        """Files between the stages of linkage."""
        return self.root / "linkage"

    @property
    def identity(self) -> Path:
        """The crosswalk and its history."""
        return self.root / "identity"

    @property
    def warehouse(self) -> Path:
        """The private build database. Analysts never open it."""
        return self.root / "warehouse.duckdb"

    @property
    def releases(self) -> Path:
        """`releases/<purpose>/current.duckdb`: what analysts query."""
        return self.root / "releases"

    @property
    def reports(self) -> Path:
        """Reports for people; counts only."""
        return self.root / "reports"

    @property
    def quality(self) -> Path:
        """The quality history; counts only."""
        return self.root / "quality"

    @property
    def keys(self) -> Path:
        """Pseudonym keys, mode 0600."""
        return self.root / "keys"

    @property
    def demonstration(self) -> Path:
        """Throwaway keys, trust file and approvals of a demonstration; only `spine demo` makes it."""
        return self.root / "demonstration"

    @property
    def governance(self) -> Path:
        """Signed statements that this home has seen, so that one taken away still holds."""
        return self.root / "governance"

    @property
    def is_production(self) -> bool:
        """True unless the home is a demonstration that `spine demo` made, or the mode says otherwise.

        Whoever sets a trust file runs a deployment: no file in the home makes that a demonstration.
        """
        if self.mode is not None:
            return self.mode == "production"
        return self.trust_file is not None or not self.demonstration.is_dir()

    @property
    def runs(self) -> Path:
        """Run summaries and the fingerprint of the last success."""
        return self.root / "runs"

    @property
    def audit_log(self) -> Path:
        """Every decision, one line each, chained by hashes."""
        return self.runs / "audit.log"

    @property
    def dagster(self) -> Path:
        """DAGSTER_HOME: run history, schedules, compute logs."""
        return self.root / "dagster"

    @property
    def dbt(self) -> Path:
        """dbt's target and log folders."""
        return self.root / "dbt"

    @property
    def expectations(self) -> Path:
        """Contracts and agreements."""
        return self.project / "expectations"

    @property
    def dbt_project(self) -> Path:
        """The dbt project."""
        return self.project / "dbt_project"

    def prepare(self) -> Settings:
        """Create the home's folders, readable by the owner only (0700).

        A folder that is there keeps its mode: one that was opened to others is for its owner to judge,
        and the keys folder is then refused.

        Raises:
            UsageError: a file stands where the home, or a folder above it, should be.
        """
        try:
            self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        except (FileExistsError, NotADirectoryError, FileNotFoundError):
            raise UsageError(
                f"SPINE_HOME: {self.home} cannot be made a folder: expected a folder, or a place for one below folders"
            ) from None
        others = (self.ledger, self.quality, self.releases, self.reports, self.keys, self.runs, self.dagster, self.dbt)
        for folder in (*(self.root / name for name in PERSONAL), *others):
            folder.mkdir(exist_ok=True, mode=0o700)
        return self
