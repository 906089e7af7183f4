"""Checks of a release for boards: one for each of its agreements, in plain words.

Put here: from how an agreement stands to a check. Never here: whether it permits (spine.governance), or what a refusal
does (spine.release).
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

import dagster as dg

from spine.contracts import Contract
from spine.errors import ContractError, GovernanceError
from spine.governance import Permission, read_agreements, standing
from spine.settings import Settings

#: With fewer days left the check warns: renewing an agreement takes several organisations several weeks.
_NOTICE_DAYS = 60


def agreement_checks(settings: Settings, purpose: str) -> Mapping[str, str]:
    """What the check on each agreement of a purpose asks, by name; one where there is no agreement at all."""
    agreements, _ = read_agreements(settings.expectations / "agreements")
    ids = sorted(agreement.id for agreement in agreements if agreement.purpose == purpose) or [purpose]
    words = purpose.replace("_", " ")
    return {f"agreement__{id_}": f"Agreement {id_} permits the purpose {words} on the day of the run." for id_ in ids}


def judge_agreements(
    key: dg.AssetKey, settings: Settings, contracts: Sequence[Contract], purpose: str, as_of: date
) -> tuple[Permission | None, list[dg.AssetCheckResult]]:
    """How the purpose's agreement stands, None where nothing is in force, and the verdict of each check."""
    names = agreement_checks(settings, purpose)
    try:
        found = standing(purpose, settings, contracts, as_of)
    except (GovernanceError, ContractError) as error:
        return None, [_refused(key, name, str(error)) for name in names]
    return found, [_verdict(key, name, found) for name in names]


def _refused(key: dg.AssetKey, name: str, why: str) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=False, asset_key=key, check_name=name, description=why)


def _verdict(key: dg.AssetKey, name: str, found: Permission) -> dg.AssetCheckResult:
    agreement, days = found.agreement, found.days_to_expiry
    duties = [duty.sentence for duty in found.duties]
    is_short = days < _NOTICE_DAYS
    act = f"The controllers ({', '.join(agreement.partners)}) must review or renew it by then."
    sentence = (
        f"Agreement {agreement.id} {agreement.version} permits this purpose until {found.ends_on}, {days} days from "
        f"{found.as_of}. Approved by {', '.join(approvals_of(found)) or 'nobody'}. {act}"
    )
    return dg.AssetCheckResult(
        passed=found.is_granted and not is_short,
        asset_key=key,
        check_name=name,
        severity=dg.AssetCheckSeverity.WARN if found.is_granted else dg.AssetCheckSeverity.ERROR,
        description=sentence if found.is_granted else found.refusal,
        metadata={
            "days_to_expiry": days,
            "must_act": len(found.duties),
            "approvals": len(found.approvals),
            "suspensions": len(found.suspensions),
            "who_must_act": "; ".join(duties) or act,
        },
    )


def approvals_of(found: Permission) -> list[str]:
    """Who has approved and when: organisation, role and day."""
    return [f"{s.organisation} as {s.role.replace('_', ' ')} on {s.signed_on}" for s in found.approvals]


def agreement_metadata(settings: Settings, found: Permission | None) -> Iterator[tuple[str, Any]]:
    """Where the agreement is, what it is by its hash, who approved it, and which trust file says so."""
    if found is None:
        return
    path = settings.expectations / "agreements" / f"{found.agreement.id}.yaml"
    yield "agreement_file", dg.MetadataValue.path(path)
    yield "agreement_sha256", dg.MetadataValue.text(found.agreement.sha256)
    yield "approvals", dg.MetadataValue.json(approvals_of(found))
    yield "trust_sha256", dg.MetadataValue.text(found.trust.sha256)
    yield "days_to_expiry", dg.MetadataValue.int(found.days_to_expiry)
