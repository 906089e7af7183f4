"""Places where a test, or a person who reproduces a fault, can make the spine die or its disk fill up.

Put here: the names of all failpoints and what happens at one. Never here: what the code does about it.

Inert unless SPINE_FAILPOINT is set: `name[=nth]:action`, the nth time (the first, if left out) that the
run comes by. The name `*` counts every failpoint. Actions:

    kill    the process gets SIGKILL, as from a machine that loses its power
    stop    the process gets SIGSTOP, so that others can look at a run that is under way
    enospc  OSError(ENOSPC), as from a disk that is full
    error   a RuntimeError, as from a fault of the program

For example: SPINE_FAILPOINT=ledger.record.before_rename=2:kill spine run
"""

from __future__ import annotations

import errno
import os
import re
import signal
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType

from spine.errors import UsageError

VARIABLE = "SPINE_FAILPOINT"
ACTIONS = ("kill", "stop", "enospc", "error")

#: Stages of every atomic write, in order.
STAGES = ("before_write", "before_fsync", "before_rename", "after_rename")

#: Atomic writes; each has a failpoint at every stage, `<name>.<stage>`.
WRITES = MappingProxyType({
    "file": "any file that has no name of its own here",
    "lock.holder": "who holds the home",
    "lake.manifest": "the manifest of a delivery, in its temporary folder",
    "lake.revision": "the folder of a delivery in the lake",
    "ledger.record": "the verdict on a delivery",
    "quality.history": "the quality history of a source or of the runs",
    "linkage.person_records": "what linkage reads",
    "linkage.state": "the run that changed records are linked against",
    "linkage.decisions": "decisions by people, with what became of each",
    "linkage.decision_conflicts": "decisions that contradict each other",
    "linkage.clusters": "clusters of person records",
    "linkage.links": "accepted pairs",
    "linkage.model": "the fitted weights",
    "linkage.conflicts": "what a person should look at",
    "linkage.history": "link rates of all runs",
    "linkage.report": "counts of linkage",
    "linkage.page": "the report on linkage as a page",
    "linkage.held_events": "what a run would have done that was held",
    "identity.history": "what a run changed, as an entry of the history",
    "identity.entry": "its facts, inside the new entry",
    "identity.generation": "a new generation of the crosswalk",
    "identity.state": "the high-water mark, inside the new generation",
    "identity.current": "the pointer to the generation that holds",
    "key.created": "a purpose's first key",
    "key.signing": "a private key of somebody who signs",
    "governance.statement": "an approval, dissent or suspension",
    "governance.seen": "the signed statements that this home has seen",
    "governance.seen_locks": "the shapes of contracts that a release was made from",
    "governance.trust": "the trust file of a demonstration",
    "governance.lineage": "from which contracts each purpose is built",
    "governance.lock": "the shape of a contract that was signed",
    "release.note": "the numbers that a purpose has given out, and what is still to be logged",
    "release.history": "what is remembered of a version, before it is published",
    "release.version": "a purpose's finished release file",
    "release.current": "the link to the published version",
    "run.record": "the last successful run",
    "run.as_of": "the as-of date of a demonstration",
    "run.demo": "what a demonstration holds",
    "report.supplier": "what a partner is told of its delivery",
    "report.feedback": "what a partner is told of quality across sources",
    "sensor.arrived": "deliveries that the sensor has seen to have arrived",
    "dagster.config": "the configuration of Dagster",
    "dbt.plan": "the compiled dbt project",
    "contracts.derived": "a generated suite, or other file under expectations/ or dbt_project/",
    "synthetic.delivery": "one delivery of the fictional region",
    "synthetic.truth": "the truth of the fictional region",
})  # fmt: skip

#: Moments between writes.
STEPS = MappingProxyType({
    "delivery.before_read": "a delivery is known to be new and is about to be read",
    "delivery.before_rules": "it stands in a temporary folder of the lake, not yet measured",
    "delivery.before_settle": "it is measured, not yet in its place",
    "lake.restore.aside": "a damaged folder of the lake is put aside, its replacement not yet in its place",
    "raw_views.before": "the views over the lake are about to be replaced",
    "raw_views.each": "one of them was replaced",
    "raw_views.after": "all were, in a warehouse that is not yet closed",
    "dbt.before_conform": "staging and intermediate models are about to be built",
    "dbt.after_conform": "they were built",
    "dbt.before_core": "core and marts are about to be built",
    "dbt.after_core": "they were built",
    "identity.before_assign": "the clusters are written, no resident has an id in this run",
    "identity.before_save": "every cluster has its id, in memory only",
    "linkage.before_views": "the crosswalk is saved, the warehouse does not show it yet",
    "linkage.after_views": "the warehouse shows it",
    "release.after_build": "a release file is written, not yet checked",
    "release.after_check": "it is checked, not yet published",
    "release.before_log": "it is published, not yet in the audit log",
    "release.after_log": "it is in the audit log",
    "release.before_remove": "versions beyond those kept are about to be removed",
    "withdrawal.before_note": "a purpose is about to be withdrawn",
    "withdrawal.after_note": "the withdrawal is noted, the release still there",
    "withdrawal.after_unlink": "nothing is published, the versions are still there",
    "withdrawal.after_remove": "the versions are gone, the audit log does not say so yet",
    "audit.before_write": "a line is about to be added to the audit log",
    "audit.before_fsync": "it is written, not yet forced to disk",
    "audit.after_fsync": "it is on disk",
    "anchor.before_write": "the log's head is about to be noted in the anchor file",
    "anchor.after_write": "it is on disk there, the log does not say so yet",
    "run.forgotten": "the record of the last success is gone, the run begins",
    "run.before_record": "everything is done but the record of the success",
})  # fmt: skip

#: Every failpoint.
NAMES = frozenset({f"{write}.{stage}" for write in WRITES for stage in STAGES} | set(STEPS)) - {
    "release.current.before_fsync"  # a link has no content of its own
}


@dataclass
class Failpoint:
    """One failpoint that is to act, and how often each was reached until then."""

    name: str
    nth: int
    action: str
    hits: Counter[str] = field(default_factory=Counter)

    def hit(self, name: str) -> None:
        """Count, and act where it is this one's turn."""
        if name not in NAMES:
            raise UsageError(f"failpoint '{name}' is in no list of spine/failpoints.py")
        self.hits[name] += 1
        count = self.hits.total() if self.name == "*" else self.hits[name]
        if self.name in (name, "*") and count == self.nth:
            self._act(name)

    def _act(self, name: str) -> None:
        if self.action == "enospc":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if self.action == "error":
            raise RuntimeError(f"failpoint {name}")
        os.kill(os.getpid(), signal.SIGKILL if self.action == "kill" else signal.SIGSTOP)


def reach(name: str) -> None:
    """Say that the run has come to a failpoint."""
    failpoint = armed()
    if failpoint is not None:
        failpoint.hit(name)


@cache
def armed() -> Failpoint | None:
    """The failpoint that the environment names, read once; `armed.cache_clear()` has it read again.

    Raises:
        UsageError: the variable names no failpoint or no action.
    """
    text = os.environ.get(VARIABLE)
    return parse(text) if text else None


def parse(text: str) -> Failpoint:
    """A failpoint from `name[=nth]:action`.

    Raises:
        UsageError: the text is not of that form, or names no failpoint or no action.
    """
    match = re.fullmatch(r"(?P<name>[a-z_.]+|\*)(=(?P<nth>[1-9]\d*))?:(?P<action>\w+)", text)
    if match is None or match["action"] not in ACTIONS or match["name"] not in NAMES | {"*"}:
        raise UsageError(
            f"{VARIABLE}: expected name[=nth]:action with a name from spine/failpoints.py and one of "
            f"{', '.join(ACTIONS)}; got '{text}'"
        )
    return Failpoint(match["name"], int(match["nth"] or 1), match["action"])
