-- The identifier and date rules of the spine, once, as DuckDB macros.
-- Installed in the warehouse (for dbt) and on the connection that checks deliveries at the door,
-- so that both judge by the same rule. Each says where its rule comes from.
-- Every macro takes text as it came and returns NULL for NULL; none raises.

-- Text with surrounding white space (non-breaking too) removed; blanks and the usual spellings of "missing" are NULL.
-- First the many values that need nothing: longer than any spelling of "missing", no white space but single blanks inside.
CREATE OR REPLACE MACRO clean_text(x) AS
    CASE WHEN strlen(x) > 4 AND ascii(x) > 32 AND NOT suffix(x, ' ') AND NOT contains(x, '  ') AND NOT contains(x, e'\t')
              AND NOT contains(x, e'\n') AND NOT contains(x, e'\r') AND NOT contains(x, e'\f') AND NOT contains(x, chr(160)) THEN x
         WHEN list_contains(['', 'NULL', 'N/A', '-', '.', '#N/A'], upper(trim(x, e' \t\r\n' || chr(160)))) THEN NULL
         ELSE trim(regexp_replace(x, '[\s\x{a0}]+', ' ', 'g'), e' \t\r\n' || chr(160)) END;

-- A calendar date in any of the unambiguous forms that partners send (day before month), the two usual
-- forms first. A year of two digits (05-MAR-28) does not say its century, so such a date is no date.
CREATE OR REPLACE MACRO as_date(x) AS nullif(greatest(DATE '1000-01-01', coalesce(
    CAST(try_strptime(x, ['%d/%m/%Y', '%Y-%m-%d']) AS DATE),
    CAST(try_strptime(
        regexp_replace(regexp_replace(clean_text(x), '(T| )\d{1,2}:\d{2}.*$', ''), 'Z$', ''),
        ['%Y-%m-%d', '%d/%m/%Y', '%d-%m-%Y', '%d.%m.%Y', '%d-%b-%Y', '%d-%B-%Y', '%d %b %Y', '%d %B %Y', '%Y-%b-%d', '%Y/%m/%d', '%Y%m%d']
    ) AS DATE))), DATE '1000-01-01');

-- True where text is there but is no date. Here and below a CASE stands for AND: its second part is only worked out
-- for the few rows that the first leaves over.
CREATE OR REPLACE MACRO is_bad_date(x) AS CASE WHEN as_date(x) IS NOT NULL THEN false ELSE clean_text(x) IS NOT NULL END;

-- An end date: the far-future dates that mean "still open" are NULL.
CREATE OR REPLACE MACRO as_end_date(x) AS
    CASE WHEN as_date(x) >= DATE '2099-01-01' THEN NULL ELSE as_date(x) END;

-- A date of birth that can be evidence: placeholders used for "not known" are NULL.
CREATE OR REPLACE MACRO as_birth_date(x) AS
    CASE WHEN as_date(x) IN (DATE '1900-01-01', DATE '1901-01-01', DATE '1899-12-31', DATE '1911-11-11', DATE '1800-01-01')
         THEN NULL ELSE as_date(x) END;

-- A number as systems and their reports write it: plain, or with a pound sign, commas between thousands, and its sign
-- before it, behind it or as an accountant's: 8.00 CR, 2.50- and (2.50) are below zero, 8.00 DR is above. A credit is
-- money that is not owed. Commas anywhere else (1,5 or 1.234,50) are no number: nobody can tell what was meant.
CREATE OR REPLACE MACRO amount_text(x) AS upper(replace(replace(clean_text(x), ' ', ''), '£', ''));

CREATE OR REPLACE MACRO as_number(x) AS coalesce(try_cast(clean_text(x) AS DOUBLE),
    CASE WHEN regexp_full_match(amount_text(x), '\+?(\d{1,3}(,\d{3})+|\d*)(\.\d+)?(DR|\+)?') THEN 1
         WHEN regexp_full_match(amount_text(x), '-(\d{1,3}(,\d{3})+|\d*)(\.\d+)?|\((\d{1,3}(,\d{3})+|\d*)(\.\d+)?\)|(\d{1,3}(,\d{3})+|\d*)(\.\d+)?(CR|-)')
         THEN -1 END
    * try_cast(replace(regexp_extract(amount_text(x), '[\d,.]+'), ',', '') AS DOUBLE));

CREATE OR REPLACE MACRO is_bad_number(x) AS
    CASE WHEN try_cast(x AS DOUBLE) IS NOT NULL OR clean_text(x) IS NULL THEN false ELSE as_number(x) IS NULL END;

CREATE OR REPLACE MACRO is_bad_integer(x) AS
    CASE WHEN try_cast(x AS DOUBLE) = floor(try_cast(x AS DOUBLE)) OR clean_text(x) IS NULL THEN false
         ELSE as_number(x) IS NULL OR as_number(x) <> floor(as_number(x)) END;

-- A reference without the `.0` that spreadsheets add to whole numbers.
CREATE OR REPLACE MACRO without_point_zero(x) AS
    CASE WHEN contains(x, '.0') THEN regexp_replace(x, '^(\d+)\.0+$', '\1') ELSE x END;

-- NHS number: ten digits, weights 10 to 2, check digit 11 - (sum mod 11); repeated digits and 9876543210 are placeholders.
CREATE OR REPLACE MACRO has_nhs_check_digit(x) AS
    CASE WHEN regexp_full_match(x, '\d{10}') THEN list_transform([try_cast(x AS BIGINT)], lambda v:
        (11 - (10 * (v // 1000000000) + 9 * (v // 100000000 % 10) + 8 * (v // 10000000 % 10) + 7 * (v // 1000000 % 10)
               + 6 * (v // 100000 % 10) + 5 * (v // 10000 % 10) + 4 * (v // 1000 % 10) + 3 * (v // 100 % 10)
               + 2 * (v // 10 % 10)) % 11) % 11 = v % 10
        AND v % 1111111111 <> 0 AND v <> 9876543210)[1]
    ELSE false END;

CREATE OR REPLACE MACRO is_nhs_number(x) AS
    has_nhs_check_digit(CASE WHEN regexp_full_match(x, '\d{10}') THEN x ELSE regexp_replace(x, '[\s-]', '', 'g') END);

CREATE OR REPLACE MACRO as_nhs_number(x) AS
    CASE WHEN is_nhs_number(x) THEN regexp_replace(x, '[\s-]', '', 'g') END;

CREATE OR REPLACE MACRO is_bad_nhs_number(x) AS CASE WHEN is_nhs_number(x) THEN false ELSE clean_text(x) IS NOT NULL END;

-- Unique pupil number: check letter is the weighted sum of characters 2 to 13 mod 23. A number whose
-- last character is a letter is temporary: its form is checked, its letter is not.
CREATE OR REPLACE MACRO is_upn(x) AS
    coalesce(
        regexp_full_match(upper(trim(x)), '[A-HJ-NP-RT-Z]\d{11}[A-HJ-NP-RT-Z]')
        OR (regexp_full_match(upper(trim(x)), '[A-HJ-NP-RT-Z]\d{12}')
            AND substr(upper(trim(x)), 1, 1) = substr('ABCDEFGHJKLMNPQRTUVWXYZ',
                (list_sum(list_transform(range(2, 14), lambda i:
                    i * try_cast(substr(trim(x), i::INTEGER, 1) AS INTEGER))) % 23 + 1)::INTEGER, 1)),
        false);

-- A UPN that is there, is not one of the codes for "not known" and fails its check letter or its form.
CREATE OR REPLACE MACRO is_bad_upn(x) AS
    clean_text(x) IS NOT NULL AND NOT regexp_full_match(upper(trim(x)), 'UN[1-7]') AND NOT is_upn(x);

-- Postcodes that stand for something else: no fixed abode, not known, abroad. Never evidence of an address.
CREATE OR REPLACE MACRO is_pseudo_postcode(x) AS
    coalesce(regexp_full_match(regexp_replace(upper(x), '\s', '', 'g'), 'ZZ99.*|NF11AB'), false);

CREATE OR REPLACE MACRO is_no_fixed_abode(x) AS
    coalesce(regexp_replace(upper(x), '\s', '', 'g') IN ('ZZ993VZ', 'NF11AB'), false);

CREATE OR REPLACE MACRO is_postcode(x) AS
    coalesce(regexp_full_match(regexp_replace(upper(x), '\s', '', 'g'),
        'GIR0AA|[A-PR-UWYZ](\d{1,2}|[A-HK-Y]\d(\d|[ABEHMNPRV-Y])?|\d[A-HJKPS-UW])\d[ABD-HJLNP-UW-Z]{2}'), false);

CREATE OR REPLACE MACRO is_bad_postcode(x) AS
    CASE WHEN regexp_full_match(x, '[A-PR-UWYZ](\d{1,2}|[A-HK-Y]\d(\d|[ABEHMNPRV-Y])?|\d[A-HJKPS-UW]) ?\d[ABD-HJLNP-UW-Z]{2}')
         THEN false
         WHEN is_postcode(x) OR is_pseudo_postcode(x) THEN false
         ELSE clean_text(x) IS NOT NULL END;

-- One space before the last three characters. Pseudo and malformed postcodes are NULL.
CREATE OR REPLACE MACRO as_postcode(x) AS
    CASE WHEN is_postcode(x) AND NOT is_pseudo_postcode(x)
         THEN regexp_replace(regexp_replace(upper(x), '\s', '', 'g'), '(.{3})$', ' \1') END;

-- UPRN: 1 to 12 digits, no meaning in leading zeros; spreadsheets add `.0` or an exponent.
CREATE OR REPLACE MACRO as_uprn(x) AS
    CASE WHEN regexp_full_match(clean_text(x), '\d{1,12}(\.0+)?') THEN nullif(ltrim(regexp_replace(clean_text(x), '\.0+$', ''), '0'), '')
         WHEN regexp_full_match(clean_text(x), '\d(\.\d+)?[eE]\+?\d{1,2}')
              AND try_cast(clean_text(x) AS DOUBLE) BETWEEN 1 AND 999999999999
         THEN try_cast(try_cast(clean_text(x) AS DOUBLE) AS BIGINT)::VARCHAR END;

CREATE OR REPLACE MACRO is_bad_uprn(x) AS
    CASE WHEN strlen(x) <= 12 AND regexp_full_match(x, '0*[1-9]\d*') THEN false
         WHEN clean_text(x) IS NULL THEN false ELSE as_uprn(x) IS NULL END;

-- National Insurance number: two letters of a prefix that is issued, six digits and a suffix A to D that may be missing.
-- The suffix says nothing about the person, so it is left off.
CREATE OR REPLACE MACRO as_nino(x) AS
    CASE WHEN regexp_full_match(regexp_replace(upper(x), '\s', '', 'g'), '[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]\d{6}[A-D]?')
          AND substr(regexp_replace(upper(x), '\s', '', 'g'), 1, 2) NOT IN ('BG', 'GB', 'KN', 'NK', 'NT', 'TN', 'ZZ')
         THEN substr(regexp_replace(upper(x), '\s', '', 'g'), 1, 8) END;

CREATE OR REPLACE MACRO is_bad_nino(x) AS clean_text(x) IS NOT NULL AND as_nino(x) IS NULL;
