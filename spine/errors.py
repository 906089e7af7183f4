"""Every error that the spine raises on purpose, with the exit code its command ends with.

Put here: error classes. Never here: logic, or a message that could hold a cell's value. A
message says what, where, what was expected, what was found and what to do next.
"""

from __future__ import annotations


class SpineError(Exception):
    """Base of all deliberate errors. `exit_code` is what the `spine` command returns."""

    exit_code = 1


class UsageError(SpineError):
    """The command's arguments cannot be carried out as given."""

    exit_code = 2


class ContractError(SpineError):
    """A contract, agreement or other file under expectations/ is not valid."""

    exit_code = 3


class DeliveryError(SpineError):
    """A partner's delivery has a fault of structure and is refused as a whole."""

    exit_code = 4


class ReconciliationError(SpineError):
    """Rows in do not equal rows kept, quarantined and dropped: nothing is published."""

    exit_code = 5


class GovernanceError(SpineError):
    """No agreement, key or opt-out list permits what was asked: it is refused."""

    exit_code = 6


class LockedError(SpineError):
    """Another run holds this home."""

    exit_code = 7


class PipelineError(SpineError):
    """A step of the pipeline failed; what was published before stands."""

    exit_code = 8
