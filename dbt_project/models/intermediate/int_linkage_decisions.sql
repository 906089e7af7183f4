-- Decisions by people as they were delivered. Whether one holds on the as-of date, and whether it contradicts another,
-- is judged before linkage (spine/identity/decisions.py), since that takes the decision rights and chains of decisions.
select
    _partner || ':' || decision_id as decision_key,
    _partner as partner,
    decision_id,
    decision,
    left_source,
    left_record_id,
    right_source,
    right_record_id,
    list_distinct([decided_by, second_decided_by]) as deciders,
    decided_on,
    reason_code,
    valid_until,
    is_withdrawn,
    decision is not null and decided_on is not null and is_withdrawn is not null
    and not coalesce(is_end_unreadable, false) as is_readable,
    _delivery as delivery
from {{ ref('stg_linkage_decisions') }}
where _outcome is null
