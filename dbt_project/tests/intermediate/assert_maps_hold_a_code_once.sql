-- A code means one thing within its field, or within its council: a repeated one would multiply rows in staging.
select
    'discount' as map,
    partner as scope,
    code
from {{ ref('council_tax_discounts') }}
group by partner, code
having count(*) > 1
union all
select
    'social care' as map,
    field as scope,
    code
from {{ ref('social_care_codes') }}
group by field, code
having count(*) > 1
union all
select
    'housing' as map,
    field as scope,
    code
from {{ ref('housing_codes') }}
group by field, code
having count(*) > 1
