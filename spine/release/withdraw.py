"""Taking back what was published, once nothing permits it any more.

Put here: which published purposes have lost their permission, and their withdrawal. Never here:
what an agreement says (spine.governance), or building anything.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import date
from typing import cast

from spine import audit
from spine.contracts import Contract, load_contracts, load_partners
from spine.errors import ContractError, GovernanceError, SpineError
from spine.governance import Agreement, TrustError, permission, read_agreements
from spine.release.output_contracts import purposes_with_contracts
from spine.release.over import home_lapse, kept_long_enough, suspension
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


def withdraw_over(settings: Settings, as_of: date) -> tuple[list[str], list[str]]:
    """Withdraw and delete what is over as the home alone tells; reads no file of the project.

    The terms that a version was published under say until when it may be there, and the register of what was seen
    says who suspends. So a project that cannot be read, by mistake or on purpose, keeps up nothing that has ended.

    Returns:
        One sentence for each purpose withdrawn, and one for each whose folder could not be judged.
    """
    withdrawn: list[str] = []
    faults = []
    for shelf in _shelves(settings):
        try:
            withdrawn += _withdraw_over(shelf, settings, as_of)
        except (SpineError, OSError) as error:
            faults.append(_fault(shelf, error))
    return withdrawn, faults


def _withdraw_over(shelf: Shelf, settings: Settings, as_of: date) -> list[str]:
    purpose, finished = shelf.folder.name, finish(shelf, settings)
    terms, newest = shelf.terms, shelf.newest
    published = terms.get(newest or 0)
    reason = home_lapse(purpose, published, settings, as_of) if published else None
    if reason and withdraw(purpose, settings, reason):
        return [_withdrawn(reason)]
    _delete(shelf, settings, as_of, [v for v, t in terms.items() if v != newest and t.keep_until < as_of])
    return finished


def withdraw_lapsed(settings: Settings, as_of: date, contracts: Sequence[Contract] | None = None) -> list[str]:
    """Withdraw every published purpose that nothing permits any more; needs neither warehouse nor deliveries.

    First what is over as the home alone tells (`withdraw_over`). Of the rest, an agreement file with a fault permits
    nothing new, but a slip of the pen does not withdraw what was published under it, unless somebody suspends it: the
    purpose waits and the fault is raised, after all others. The same goes for contracts that cannot be read, and for
    a trust file that is not the one that the settings pin.

    Args:
        contracts: the project's, where they have been read already.

    Returns:
        One sentence for each purpose withdrawn, in order of purpose.

    Raises:
        ContractError: an agreement, a contract, or a `version.json`, is not valid; the other purposes have been
            judged all the same, and the message says which of them were withdrawn.
    """
    withdrawn, faults = withdraw_over(settings, as_of)
    published = [shelf for shelf in _shelves(settings) if shelf.versions]
    folder = settings.expectations / "agreements"
    agreements, unread = read_agreements(folder)
    unread_ids = {path.stem for path in folder.glob("*.yaml")} - {agreement.id for agreement in agreements}
    faults += unread
    if published and contracts is None:
        try:
            contracts = _contracts(settings)
        except SpineError as error:
            faults.append(str(error))
    for shelf in published:
        try:
            sentence = _withdraw_lapsed(shelf, settings, agreements, contracts, as_of, unread_ids)
        except (SpineError, OSError) as error:
            faults.append(_fault(shelf, error))
        else:
            withdrawn += [sentence] if sentence else []
    if faults:
        raise ContractError("\n".join(dict.fromkeys([*faults, *withdrawn])))
    return withdrawn


def _withdraw_lapsed(
    shelf: Shelf,
    settings: Settings,
    agreements: Sequence[Agreement],
    contracts: Sequence[Contract] | None,
    as_of: date,
    unread: Collection[str],
) -> str | None:
    """Withdraw one purpose, or what of it was kept long enough; without contracts, only where it is suspended."""
    purpose = shelf.folder.name
    if contracts is None or not _can_be_judged(shelf, agreements, unread):
        return _withdraw_if_suspended(shelf, settings, as_of)
    lapsed = withdraw_if_lapsed(purpose, settings, agreements, contracts, as_of)
    return lapsed or delete_expired(purpose, settings, agreements, as_of, unread)


def _shelves(settings: Settings) -> list[Shelf]:
    return [Shelf(path) for path in sorted(settings.releases.glob("*")) if path.is_dir()]


def _fault(shelf: Shelf, error: Exception) -> str:
    """What kept a purpose from being judged; for a trust file that cannot be used, until when the release may stand."""
    if isinstance(error, OSError):
        return f"releases/{shelf.folder.name} cannot be judged ({type(error).__name__}). Whoever runs this must mend it"
    terms = shelf.terms.get(shelf.newest or 0) if isinstance(error, TrustError) else None
    last = f". The release of {shelf.folder.name} does not stand past {terms.last_day}" if terms else ""
    return f"{error}{last}"


def _agreement_of(shelf: Shelf) -> str | None:
    """Id of the agreement that the published version was made under; None where nothing tells."""
    newest = shelf.newest or 0
    terms = shelf.terms.get(newest)
    facts = None if terms else release_facts(shelf.versions.get(newest))
    return terms.agreement if terms else str(facts["agreement_id"]) if facts else None


def _can_be_judged(shelf: Shelf, agreements: Sequence[Agreement], unread: Collection[str]) -> bool:
    """False where the agreement may be in a file that cannot be read."""
    if not unread or shelf.folder.name in {agreement.purpose for agreement in agreements}:
        return True
    published_under = _agreement_of(shelf)
    return published_under is not None and published_under not in unread


def _withdraw_if_suspended(shelf: Shelf, settings: Settings, as_of: date) -> str | None:
    """Withdraw a purpose whose agreement cannot be judged, where a suspension of it is verified or was."""
    agreement = _agreement_of(shelf)
    reason = suspension(shelf.folder.name, agreement, settings, as_of, in_files=True) if agreement else None
    return _withdrawn(reason) if reason and withdraw(shelf.folder.name, settings, reason) else None


def refuse_suspended(purpose: str, agreement: str, settings: Settings, as_of: date) -> None:
    """Refuse, and withdraw what is published, where somebody has suspended the agreement since it was judged.

    Raises:
        GovernanceError: somebody has.
    """
    if reason := suspension(purpose, agreement, settings, as_of):
        withdraw(purpose, settings, reason)
        raise GovernanceError(_withdrawn(reason))


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


def delete_expired(
    purpose: str, settings: Settings, agreements: Iterable[Agreement], as_of: date, unread: Collection[str] = ()
) -> str | None:
    """Delete the versions that were kept as long as their agreement permits; says so where one was the published one.

    The purpose may be published again at once: what it tells of is then a later day. A version whose terms were not
    noted is kept as long as its agreement says now; where that is not there, or the version cannot be read, it is over.

    Args:
        unread: ids of agreements whose files cannot be read: what was made under them waits.
    """
    shelf = Shelf(settings.releases / purpose)
    finish(shelf, settings)
    agreed = {agreement.id: agreement for agreement in agreements}
    until: dict[int, date | None] = {version: terms.keep_until for version, terms in shelf.terms.items()}
    for version in shelf.versions.keys() - until.keys():
        facts = release_facts(shelf.versions[version])
        if facts is None or facts["agreement_id"] not in unread:
            agreement = agreed.get(facts["agreement_id"]) if facts else None
            until[version] = agreement.kept_until(facts["as_of"]) if facts and agreement else None
    over = sorted(version for version, day in until.items() if day is None or day < as_of)
    newest = shelf.newest
    if newest in over:
        reason = kept_long_enough(purpose, until[newest], as_of)
        return _withdrawn(reason) if withdraw(purpose, settings, reason) else None
    _delete(shelf, settings, as_of, over)
    return None


def _delete(shelf: Shelf, settings: Settings, as_of: date, over: list[int]) -> None:
    if over:
        audit.append(settings.audit_log, "retention_delete", purpose=shelf.folder.name, as_of=as_of, versions=over)
        shelf.remove(over)


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
    if purpose not in purposes_with_contracts(settings.expectations / "contracts" / "spine"):
        return (
            f"purpose '{purpose}': no output contract says what it may hold. To publish it again, "
            f"restore expectations/contracts/spine/{purpose}__<table>.odcs.yaml"
        )
    try:
        refuse_demonstrations(purpose, settings, is_demo=is_demo)
        permission(purpose, settings, contracts, as_of, agreements=agreements)
    except TrustError:
        raise
    except GovernanceError as refusal:
        return str(refusal)
    return None
