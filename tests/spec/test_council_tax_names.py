"""How the one line of a name in Academy's ctaccount is read: the string on the left, what it names on the right.

A person is written as given names, surname and, where a title tells it, the sex. Every name is invented. The SQL is
the models' own, from the raw table to the two places for liable people on each account.
"""

from __future__ import annotations

import duckdb
import pytest

from spine.contracts import install_functions
from tests.fixtures.dbt_sql import sql_of

AS_OF = "2028-03-31"
ORGANISATION, NOBODY = ["organisation"], ["not a person"]

ONE_PERSON = {
    "VEXLEY, MR OSRIC": ["OSRIC VEXLEY, male"],
    "VEXLEY,MR OSRIC JO": ["OSRIC JO VEXLEY, male"],
    "VEXLEY MR OSRIC": ["OSRIC VEXLEY, male"],
    "VEXLEY OSRIC MR": ["OSRIC VEXLEY, male"],
    "VEXLEY, OSRIC MR": ["OSRIC VEXLEY, male"],
    "VEXLEY, OSRIC (MR)": ["OSRIC VEXLEY, male"],
    "VEXLEY (MISS) IRIS": ["IRIS VEXLEY, female"],
    "OSRIC MR": ["OSRIC, male"],
    "OSRIC, MRS": ["OSRIC, female"],
    "MR OSRIC VEXLEY": ["OSRIC VEXLEY, male"],
    "VEXLEY O": ["O VEXLEY"],
    "VEXLEY O J": ["O J VEXLEY"],
    "VEXLEY, MR O.": ["O. VEXLEY, male"],
    "VAN DALE MISS IRIS": ["IRIS VAN DALE, female"],
    "VAN DALE IRIS MISS": ["IRIS VAN DALE, female"],
    "SAINT-VEXLEY, PROF IRIS": ["IRIS SAINT-VEXLEY"],
    "VEXLEY, REVD CANON OSRIC": ["OSRIC VEXLEY"],
    "VEXLEY REVD CANON OSRIC": ["OSRIC VEXLEY"],
    "REVD CANON OSRIC VEXLEY": ["OSRIC VEXLEY"],
    "THE REVD OSRIC VEXLEY": ["OSRIC VEXLEY"],
    "VEXLEY, CLLR IRIS": ["IRIS VEXLEY"],
    "VEXLEY, CAPT. OSRIC": ["OSRIC VEXLEY"],
    "VEXLEY, SIR OSRIC": ["OSRIC VEXLEY, male"],
    "LORD, MR OSRIC": ["OSRIC LORD, male"],
    "VEXLEY JNR, MR OSRIC": ["OSRIC VEXLEY, male"],
    "VEXLEY, MR OSRIC (JNR)": ["OSRIC VEXLEY, male"],
    "VEXLEY, MR OSRIC SNR": ["OSRIC VEXLEY, male"],
    "SENIOR, MR OSRIC": ["OSRIC SENIOR, male"],
    "MR OSRIC VEXLEY JR.": ["OSRIC VEXLEY, male"],
    "VEXLEY, MR OSRIC T/A OZ CAFE": ["OSRIC VEXLEY, male"],
    "VEXLEY MR O TRADING AS OZ LTD": ["O VEXLEY, male"],
    "VEXLEY, MRS I C/O MR O PIM": ["I VEXLEY, female"],
    "VEXLEY MRS I (CARE OF ACRE LTD)": ["I VEXLEY, female"],
    "VEXLEY, MS I CARE OF PIM LLP": ["I VEXLEY, female"],
    "VEXLEY, MR O (OWNER)": ["O VEXLEY, male"],
    "VEXLEY, MS IRIS (NEE PIM)": ["IRIS VEXLEY, female"],
    "VEXLEY, MR O & ANOTHER": ["O VEXLEY, male"],
    "VEXLEY MR O AND OTHERS": ["O VEXLEY, male"],
    "VEXLEY, MR O &": ["O VEXLEY, male"],
    "CHURCH, MR P": ["P CHURCH, male"],
    "CHURCH MR P": ["P CHURCH, male"],
    "BANK O MISS": ["O BANK, female"],
    "O'VEXLEY MS I": ["I O'VEXLEY, female"],
    "VEXLEY, MR O ESQ": ["O VEXLEY, male"],
    "VEXLEY, MR O AKA PIM": ["O VEXLEY, male"],
    "VEXLEY, MR O - AGENT": ["O VEXLEY, male"],
    "VEXLEY, THE HON I": ["I VEXLEY"],
    "PROF. SIR OSRIC VEXLEY": ["OSRIC VEXLEY, male"],
    "LT COL OSRIC VEXLEY": ["OSRIC VEXLEY"],
    "MR O ST JOHN": ["O ST JOHN, male"],
    "vexley, mr osric": ["osric vexley, male"],
}

TWO_PEOPLE = {
    "VEXLEY, MR O & MRS I": ["O VEXLEY, male", "I VEXLEY, female"],
    "VEXLEY, MR O & PIM, MS K": ["O VEXLEY, male", "K PIM, female"],
    "VEXLEY MR O & VEXLEY MRS I": ["O VEXLEY, male", "I VEXLEY, female"],
    "VEXLEY MR O & PIM MS KAY": ["O VEXLEY, male", "KAY PIM, female"],
    "VEXLEY O MR & I MRS": ["O VEXLEY, male", "I VEXLEY, female"],
    "VEXLEY OSRIC MR & PIM KAY MS": ["OSRIC VEXLEY, male", "KAY PIM, female"],
    "VEXLEY MR O & MRS I": ["O VEXLEY, male", "I VEXLEY, female"],
    "VEXLEY MR O AND MRS I": ["O VEXLEY, male", "I VEXLEY, female"],
    "VEXLEY, O MR & I MRS": ["O VEXLEY, male", "I VEXLEY, female"],
    "VEXLEY O & I": ["O VEXLEY", "I VEXLEY"],
    "VEXLEY O & PIM K": ["O VEXLEY", "K PIM"],
    "VEXLEY MR & MRS O": ["O VEXLEY, male", "VEXLEY, female"],
    "VEXLEY MR & MRS": ["VEXLEY, male", "VEXLEY, female"],
    "VEXLEY MR & PIM MS": ["VEXLEY, male", "PIM, female"],
    "MR & MRS O KOWALCZYKSON": ["O KOWALCZYKSON, male", "KOWALCZYKSON, female"],
    "MR AND MRS O VEXLEY": ["O VEXLEY, male", "VEXLEY, female"],
    "MR&MRS VEXLEY": ["VEXLEY, male", "VEXLEY, female"],
    "MR/MRS O VEXLEY": ["O VEXLEY, male", "VEXLEY, female"],
    "MR O & MRS I VEXLEY": ["O VEXLEY, male", "I VEXLEY, female"],
    "MR O VEXLEY & MS K PIM": ["O VEXLEY, male", "K PIM, female"],
    "VEXLEY/PIM, MR O/MS K": ["O VEXLEY, male", "K PIM, female"],
    "VEXLEY MR O;PIM MS K": ["O VEXLEY, male", "K PIM, female"],
    "VAN DALE MR O & VAN DALE MRS I": ["O VAN DALE, male", "I VAN DALE, female"],
    "VEXLEY, MR O (JNR) & MRS I": ["O VEXLEY, male", "I VEXLEY, female"],
    "VEXLEY, MR O & MRS I & MISS J": ["O VEXLEY, male", "I VEXLEY, female"],
    "VEXLEY, MR O, MRS I": ["O VEXLEY, male", "I VEXLEY, female"],
    "VEXLEY, MR O, PIM, MS K": ["O VEXLEY, male", "K PIM, female"],
    "MR O VEXLEY & MRS VEXLEY": ["O VEXLEY, male", "VEXLEY, female"],
    "MESSRS O & J VEXLEY": ["O VEXLEY", "J VEXLEY"],
    "ANDERSON MR ANDY & MRS MANDY": ["ANDY ANDERSON, male", "MANDY ANDERSON, female"],
    "VEXLEY, REVD CANON O & DR I": ["O VEXLEY", "I VEXLEY"],
    "VEXLEY MR O & MRS I T/A OZ CAFE": ["O VEXLEY, male", "I VEXLEY, female"],
    "VEXLEY MR O & PIM MS K & DALE MX L": ["O VEXLEY, male", "K PIM, female"],
}

#: 32 characters are all that the field holds: the last word may be cut, and a cut surname is nobody's name.
CUT_AT_32 = {
    "KOWALCZYKSON, MR OSRIC & MRS ANG": ["OSRIC KOWALCZYKSON, male", "ANG KOWALCZYKSON, female"],
    "KOWALCZYKSON, MR OSRIC & SMYTHIN": ["OSRIC KOWALCZYKSON, male"],
    "KOWALCZYKSON, MR OSRICK & PIM, M": ["OSRICK KOWALCZYKSON, male"],
    "KOWALCZYKSON, MR OSRICKSON & MRS": ["OSRICKSON KOWALCZYKSON, male"],
    "KOWALCZYKSON MR OSRIC & SMYTHING": ["OSRIC KOWALCZYKSON, male"],
    "KOWALCZYKSON, MR OSRIC MARMADUKE": ["OSRIC MARMADUKE KOWALCZYKSON, male"],
}

ESTATES = {
    "LATE MRS I VEXLEY": ["I VEXLEY, female, dead"],
    "THE LATE MR O VEXLEY": ["O VEXLEY, male, dead"],
    "VEXLEY, MR O (LATE)": ["O VEXLEY, male, dead"],
    "VEXLEY, THE LATE MR O": ["O VEXLEY, male, dead"],
    "VEXLEY MR O DECEASED": ["O VEXLEY, male, dead"],
    "VEXLEY, MR O (DEC'D)": ["O VEXLEY, male, dead"],
    "THE EXECUTORS OF MRS I VEXLEY": ["I VEXLEY, female, dead"],
    "EXECUTORS OF VEXLEY MRS I": ["I VEXLEY, female, dead"],
    "EXORS OF THE LATE VEXLEY, MR O": ["O VEXLEY, male, dead"],
    "EXECS OF MR O VEXLEY": ["O VEXLEY, male, dead"],
    "PERSONAL REPS OF MRS I VEXLEY": ["I VEXLEY, female, dead"],
    "ADMINISTRATORS OF MR O VEXLEY": ["O VEXLEY, male, dead"],
    "ESTATE OF IRIS VEXLEY": ["IRIS VEXLEY, dead"],
}

ORGANISATIONS = """
DR X & PARTNERS | DRS PIM & VEXLEY PARTNERSHIP | ST ODO PCC | PCC OF ST ODO | ACRE DENTAL PRACTICE | MOJ
VEXLEY DENTAL SURGERY | SECRETARY OF STATE FOR DEFENCE | THE SECRETARY OF STATE | MINISTRY OF JUSTICE
TRUSTEES OF THE VEXLEY SETTLEMENT | THE TRUSTEES OF DR PIM | VEXLEY LTD | VEXLEY, PIM & CO LTD
MR PIM PLUMBERS LIMITED | ACRE PLC | ACRE P.L.C. | VEXLEY L.L.P. | WEXMOOR HOUSING ASSOCIATION
WEXMOOR HOMES LTD T/A ACRE | GOVERNORS OF ST ODO SCHOOL | ST ODO PRIMARY ACADEMY | WEXMOOR POLICE
VEXLEY & SONS | PIM BROTHERS GARAGE | DEPARTMENT OF HEALTH | BISHOP OF WEXMOOR DIOCESE | ODO METHODIST CHAPEL
ROYAL BRITISH LEGION CLUB | WEXMOOR NURSERY | THE CROWN INN | HM PRISON SERVICE | CHIEF CONSTABLE OF WEXMOOR
A & B BUILDERS
"""

NO_PERSON = {
    **{name.strip(): ORGANISATION for line in ORGANISATIONS.split("\n") if line for name in line.split("|")},
    **dict.fromkeys(("THE OCCUPIER", "OCCUPIERS", "OWNER/OCCUPIER", "MR"), NOBODY),
}

CASES = ONE_PERSON | TWO_PEOPLE | CUT_AT_32 | ESTATES | NO_PERSON


@pytest.fixture(scope="module")
def read() -> dict[str, list[str]]:
    """What each string names."""
    with duckdb.connect() as connection:
        install_functions(connection)
        connection.execute("CREATE SCHEMA raw")
        names = list(CASES)
        connection.execute(
            """
            CREATE TABLE provenance AS SELECT
                'harcombe' AS _partner, 'd' AS _delivery, DATE '2028-03-01' AS _delivery_date, 1 AS _revision,
                '1.0.0' AS _contract_version, '' AS _file_sha256, 1 AS _file_no, n AS _row_no,
                n::VARCHAR AS account_ref,
                DATE '2028-01-01' AS _first_delivered, NULL::VARCHAR AS division_id, names[n] AS lead_liab_name
            FROM (SELECT unnest(range(1, len($1) + 1)) AS n, $1::VARCHAR[] AS names)""",
            [names],
        )
        connection.execute("""
            CREATE TABLE raw.council_tax__academy__ctaccount AS
            SELECT *, '6' AS lead_liab_pos, NULL::VARCHAR AS lead_liab_title, NULL::VARCHAR AS lead_liab_surname,
                NULL::VARCHAR AS lead_liab_forename, NULL::VARCHAR AS lead_liab_middlename FROM provenance;
            CREATE TABLE raw.council_tax__academy__ctoccupation AS
            SELECT *, 'P' AS property_ref, '01/04/2020' AS occupation_date, NULL::VARCHAR AS vacation_date,
                '1' AS live_ind, '0' AS transit_ind FROM provenance;
            CREATE TABLE raw.council_tax__academy__ctproperty AS
            SELECT *, NULL::VARCHAR AS property_ref, NULL::VARCHAR AS uprn, NULL::VARCHAR AS postcode,
                NULL::VARCHAR AS addr1, NULL::VARCHAR AS addr2, NULL::VARCHAR AS addr3, NULL::VARCHAR AS addr4,
                NULL::VARCHAR AS band_010493 FROM provenance""")
        connection.execute(f"CREATE VIEW stg_council_tax AS {sql_of('stg_council_tax__academy', AS_OF)}")
        connection.execute(f"CREATE VIEW int_council_tax_accounts AS {sql_of('int_council_tax_accounts', AS_OF)}")
        connection.execute(f"CREATE TABLE parties AS {sql_of('int_council_tax_parties', AS_OF)}")
        rows = connection.execute("""
            SELECT account_id.split(':')[-1]::INTEGER, outcome, concat_ws(' ', first_name, middle_names, surname),
                nullif(sex, 'unknown'), CASE WHEN is_deceased THEN 'dead' END
            FROM parties WHERE outcome <> 'blank' ORDER BY 1, party_no""").fetchall()
    found: dict[str, list[str]] = {name: [] for name in CASES}
    for n, outcome, name, *facts in rows:
        told = ", ".join([name, *(fact for fact in facts if fact)]) if outcome == "person" else outcome
        found[names[n - 1]].append(told)
    return found


@pytest.mark.parametrize("name", CASES)
def test_a_name_is_read_as_it_is_meant(read: dict[str, list[str]], name: str) -> None:
    assert read[name] == CASES[name]


def test_the_cases_of_the_full_field_fill_it() -> None:
    assert {len(name) for name in CUT_AT_32} == {32}
