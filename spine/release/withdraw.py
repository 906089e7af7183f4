"""Taking back what was published, once nothing permits it any more.

Put here: which published purposes have lost their permission, and their withdrawal. Never here:
what an agreement says (spine.governance), or building anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import cast

from spine import audit
from spine.contracts import Contract, load_contracts, load_partners
from spine.errors import ContractError, GovernanceError
from spine.governance import Agreement, TrustError, permission, read_agreements
from spine.release.output_contracts import purposes_with_contracts
from spine.release.query import release_facts
from spine.release.shelf import Shelf
from spine.settings import Settings


def withdraw(purpose: str, settings: Settings, reason: str) -> list[int]:
    """Take every version of a purpose's release away; returns their numbers.

    Whoever has a file open keeps it until they close it; nobody can open it again. The next run may publish again.
    """
    shelf = Shelf(settings.releases / purpose)
    facts = {"purpose": purpose, "decision": "withdrawn", "versions": list(shelf.versions), "reason": reason}
    versions = shelf.withdraw([("output_release", facts)])
    if versions:
        audit.append(settings.audit_log, "output_release", **facts)
        shelf.logged()
    return versions


def finish(shelf: Shelf, settings: Settings) -> list[str]:
    """Finish what a run that died had begun: sweep the shelf, and log what it had done and not yet logged.

    Returns:
        One sentence for a withdrawal that was finished; nothing else needs saying.
    """
    shelf.sweep()
    lines = shelf.unlogged
    for kind, facts in lines:
        audit.append_once(settings.audit_log, cast(audit.Kind, kind), **facts)
    shelf.logged()
    return [_withdrawn(str(facts["reason"])) for _, facts in lines if facts.get("decision") == "withdrawn"]


def _withdrawn(reason: str) -> str:
    return f"{reason}. The release that was published has been withdrawn"


def withdraw_lapsed(settings: Settings, as_of: date, contracts: Sequence[Contract] | None = None) -> list[str]:
    """Withdraw every published purpose that nothing permits any more; needs neither warehouse nor deliveries.

    An agreement file with a fault permits nothing new, but a slip of the pen does not withdraw
    what was published under it: the purpose waits and the fault is raised, after all others. The same
    goes for a trust file that is not the one that the settings pin.

    Args:
        contracts: the project's, where they have been read already.

    Returns:
        One sentence for each purpose withdrawn, in order of purpose.

    Raises:
        ContractError: an agreement, or a `version.json`, is not valid; the other purposes have been
            judged all the same, and the message says which of them were withdrawn.
    """
    agreements, faults = read_agreements(settings.expectations / "agreements")
    purposes = sorted(path.name for path in settings.releases.glob("*") if path.is_dir())
    may_judge = set(purposes) if not faults else {agreement.purpose for agreement in agreements}
    judged = [purpose for purpose in purposes if purpose in may_judge]
    if judged and contracts is None:
        contracts = _contracts(settings)
    withdrawn = []
    for purpose in judged:
        try:
            sentence = withdraw_if_lapsed(purpose, settings, agreements, contracts or (), as_of)
            sentence = sentence or delete_expired(purpose, settings, agreements, as_of)
        except (ContractError, TrustError) as error:
            faults.append(str(error))
        else:
            withdrawn += [sentence] if sentence else []
    if faults:
        raise ContractError("\n".join([*faults, *withdrawn]))
    return withdrawn


def withdraw_if_lapsed(
    purpose: str, settings: Settings, agreements: Iterable[Agreement], contracts: Sequence[Contract], as_of: date
) -> str | None:
    """Withdraw one purpose where nothing permits it; returns a sentence that says so, or None.

    A run of an earlier day must not judge what was published for a later one, so the published
    release is judged on the later of the two days.
    """
    shelf = Shelf(settings.releases / purpose)
    finished = finish(shelf, settings)
    published = release_facts(shelf.versions.get(shelf.newest or 0))
    if not shelf.versions:
        return finished[0] if finished else None
    day = max(as_of, published["as_of"]) if published else as_of
    is_demo = bool(published and published["is_demo"])
    reason = _lapse(purpose, settings, agreements, contracts, day, is_demo=is_demo)
    if reason and withdraw(purpose, settings, reason):
        return _withdrawn(reason)
    return finished[0] if finished else None


def delete_expired(purpose: str, settings: Settings, agreements: Iterable[Agreement], as_of: date) -> str | None:
    """Delete the versions that were kept as long as their agreement permits; says so where one was the published one.

    The purpose may be published again at once: what it tells of is then a later day.
    """
    shelf = Shelf(settings.releases / purpose)
    finish(shelf, settings)
    agreed = {agreement.id: agreement for agreement in agreements}
    facts = {version: release_facts(path) for version, path in shelf.versions.items()}
    until = {v: agreed[f["agreement_id"]].kept_until(f["as_of"]) for v, f in facts.items()
             if f and f["agreement_id"] in agreed}  # fmt: skip
    over = [version for version, day in until.items() if day < as_of]
    newest = shelf.newest
    if newest in over:
        reason = f"purpose '{purpose}' on {as_of}: its release could be kept until {until[newest]}"
        return _withdrawn(reason) if withdraw(purpose, settings, reason) else None
    if over:
        audit.append(settings.audit_log, "retention_delete", purpose=purpose, as_of=as_of, versions=over)
        shelf.remove(over)
    return None


def refuse_demonstrations(purpose: str, settings: Settings, *, is_demo: bool) -> None:
    """Refuse what a demonstration made, where real data are released.

    Raises:
        GovernanceError: it is one.
    """
    if is_demo and settings.is_production:
        raise GovernanceError(
            f"purpose '{purpose}': production publishes no demonstration. This home has the fixed date, or the "
            "throwaway approvals, of one; whoever runs the deployment must give it a home of its own (SPINE_HOME)"
        )


def _contracts(settings: Settings) -> tuple[Contract, ...]:
    partners = load_partners(settings.expectations / "partners.yaml")
    return load_contracts(settings.expectations / "contracts", partners)


def _lapse(
    purpose: str,
    settings: Settings,
    agreements: Iterable[Agreement],
    contracts: Sequence[Contract],
    as_of: date,
    *,
    is_demo: bool,
) -> str | None:
    try:
        refuse_demonstrations(purpose, settings, is_demo=is_demo)
        permission(purpose, settings, contracts, as_of, agreements=agreements)
    except TrustError:
        raise
    except GovernanceError as refusal:
        return str(refusal)
    if purpose not in purposes_with_contracts(settings.expectations / "contracts" / "spine"):
        return (
            f"purpose '{purpose}': no output contract says what it may hold. To publish it again, "
            f"restore expectations/contracts/spine/{purpose}__<table>.odcs.yaml"
        )
    return None
