with decisions as (
    select
        *,
        lower(clean_text(decision)) as decision_key,
        upper(coalesce(clean_text(withdrawn), 'N')) as withdrawn_key
    from {{ source('raw', 'linkage_decisions__spine__decisions') }}
)

select
    clean_text(decision_id) as decision_id,
    case when decision_key in ('must_link', 'cannot_link') then decision_key end as decision,
    clean_text(left_source) as left_source,
    clean_text(left_record_key) as left_record_id,
    clean_text(right_source) as right_source,
    clean_text(right_record_key) as right_record_id,
    lower(clean_text(decided_by)) as decided_by,
    lower(clean_text(second_decided_by)) as second_decided_by,
    as_date(decided_on) as decided_on,
    lower(clean_text(reason_code)) as reason_code,
    as_date(valid_until) as valid_until,
    is_bad_date(valid_until) as is_end_unreadable,
    case
        when withdrawn_key in ('Y', 'YES', 'TRUE', '1') then true
        when withdrawn_key in ('N', 'NO', 'FALSE', '0') then false
    end as is_withdrawn,
    {{ provenance() }}
from decisions
