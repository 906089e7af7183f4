"""Link a file of person records with Splink, as an expert of that library would. FROZEN with the truth generator.

Put here: Splink's settings. Never here: our engine, the truth or any measuring (benchmarks/linkage.py).

Runs in an environment of its own (requirements.txt beside this file), two threads. `--thresholds` writes one file of
clusters for each match weight from one prediction (to choose the best threshold with the truth, not timed); with a
single threshold it is the run that is timed: Parquet in, clusters out.

The blocking is lean: no rule on first name and surname alone, which was slow and no better in an earlier trial on
other data. `--wide` adds such rules for small files.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import duckdb
import splink.comparison_level_library as cll
import splink.comparison_library as cl
from splink import DuckDBAPI, Linker, SettingsCreator, block_on

#: Cleaning that the library expects of its user: case, blanks, numbers that fail their check digit, pseudo postcodes.
PREPARE = """
create table records as
with typed as (
    select {columns} from read_parquet(?)
), clean as (
    select
        record_id as unique_id,
        source as source_system,
        nullif(regexp_replace(upper(first_name), '[^A-Z ]', '', 'g'), '') as first_name,
        nullif(regexp_replace(replace(upper(surname), '-', ' '), '[^A-Z ]', '', 'g'), '') as surname,
        nullif(trim(upper(middle_names)), '') as middle_names,
        date_of_birth,
        left(upper(sex), 1) as sex,
        case when regexp_full_match(nhs_number, '[0-9]{{10}}')
            and list_sum(list_transform(range(1, 10), i -> (11 - i) * nhs_number[i::int]::int)) % 11
                = (11 - nhs_number[10]::int) % 11 then nhs_number end as nhs_number,
        nullif(upper(nino), '') as nino,
        nullif(upper(upn), '') as upn,
        nullif(uprn, '') as uprn,
        nullif(regexp_extract(upper(house_number), '^FLAT ([0-9]+) ([0-9]+)$', 2), '') as behind,
        upper(house_number) as given_number,
        upper(street) as street,
        case when postcode not like 'ZZ99%' then replace(upper(postcode), ' ', '') end as postcode,
        nullif(regexp_replace(phone, '[^0-9]', '', 'g'), '') as phone,
        lower(email) as email
    from typed
)
select * exclude (behind, given_number),
    case when behind is not null
            then regexp_extract(given_number, '^FLAT ([0-9]+) ([0-9]+)$', 1) || '/' || behind
        when regexp_full_match(given_number, '[0-9]+ FLAT [0-9]+')
            then regexp_extract(given_number, 'FLAT ([0-9]+)$', 1) || '/'
                || regexp_extract(given_number, '^([0-9]+)', 1)
        else given_number end as house_number,
    left(postcode, length(postcode) - 2) as sector,
    left(first_name, 1) as initial
from clean
"""
BLOCKS = (
    ("nhs_number",), ("nino",), ("upn",), ("date_of_birth", "surname"), ("date_of_birth", "first_name"),
    ("postcode", "surname"), ("postcode", "first_name"), ("uprn", "surname"), ("email",), ("phone", "first_name"),
)  # fmt: skip
#: Further rules for small files, where pairs are cheap.
WIDE = (("first_name", "surname"), ("postcode", "house_number"), ("house_number", "street"), ("date_of_birth",))
STRICT = (("nhs_number",), ("first_name", "surname", "date_of_birth"), ("nino",))
TRAINING = (("date_of_birth", "first_name"), ("postcode", "first_name", "surname"))
#: u and m that random pairs or the training blocks can't give.
RARE_SWAP, RARE_NUMBER, INITIALS = 1e-4, 1e-6, 0.04
SHARED_BY_INITIAL, SHARED = 1e-3, 3e-3
TEXT = [
    "record_id",
    "source",
    "first_name",
    "middle_names",
    "surname",
    "sex",
    "nhs_number",
    "nino",
    "upn",
    "uprn",
    "house_number",
    "street",
    "postcode",
    "phone",
    "email",
]


def name_comparison(column: str) -> Any:
    """Exact with term frequencies, an initial, the two names swapped, three Jaro-Winkler levels."""
    short = "least(length(first_name_l), length(first_name_r)) = 1 and initial_l = initial_r"
    # the sources that write initials hold few dates of birth and NHS numbers, so training blocks hardly see them
    initial = [cll.CustomLevel(short, "initial").configure(m_probability=INITIALS, fix_m_probability=True)]
    swapped = cll.ColumnsReversedLevel("first_name", "surname", symmetrical=True)
    levels = [
        cll.NullLevel(column),
        cll.ExactMatchLevel(column, term_frequency_adjustments=True),
        *(initial if column == "first_name" else []),
        # too rare among random pairs to be sampled; a half of its evidence each, in both comparisons
        swapped.configure(u_probability=RARE_SWAP, fix_u_probability=True),
        cll.JaroWinklerLevel(column, 0.92),
        cll.JaroWinklerLevel(column, 0.88),
        cll.JaroWinklerLevel(column, 0.75),
        cll.ElseLevel(),
    ]
    return cl.CustomComparison(levels, output_column_name=column)


def number_comparison(column: str) -> Any:
    """Equal or not; random pairs hardly ever agree on it, so u is given."""
    exact = cll.ExactMatchLevel(column).configure(u_probability=RARE_NUMBER, fix_u_probability=True)
    return cl.CustomComparison([cll.NullLevel(column), exact, cll.ElseLevel()], output_column_name=column)


def contact_comparison(column: str) -> Any:
    """Equal, told apart by the initial, with u as given.

    Families share phones and emails. The u of random pairs (2e-6 and less) makes a shared phone worth 13 bits and links
    parents to children; u among people of one home is what an expert corrects to.
    """
    same = f"{column}_l = {column}_r"
    levels = [
        cll.NullLevel(column),
        cll.CustomLevel(f"{same} and initial_l = initial_r", "equal, same initial").configure(
            u_probability=SHARED_BY_INITIAL, fix_u_probability=True
        ),
        cll.CustomLevel(same, "equal, another name").configure(u_probability=SHARED, fix_u_probability=True),
        cll.ElseLevel(),
    ]
    return cl.CustomComparison(levels, output_column_name=column)


def address_comparison() -> Any:
    """Same dwelling, number and street, postcode, sector."""
    unknown = "(uprn_l is null or uprn_r is null) and (postcode_l is null or postcode_r is null)"
    dwelling = "uprn_l = uprn_r or (postcode_l = postcode_r and house_number_l = house_number_r)"
    levels = [
        cll.CustomLevel(unknown, "unknown").configure(is_null_level=True),
        cll.CustomLevel(dwelling, "same dwelling"),
        cll.CustomLevel("house_number_l = house_number_r and street_l = street_r", "same number and street"),
        cll.ExactMatchLevel("postcode"),
        cll.CustomLevel("sector_l = sector_r", "same sector"),
        cll.ElseLevel(),
    ]
    return cl.CustomComparison(levels, output_column_name="address")


def comparisons(held: set[str]) -> list[Any]:
    """The comparisons of the columns that hold anything."""
    known = {
        "first_name": lambda: name_comparison("first_name"),
        "surname": lambda: name_comparison("surname"),
        "date_of_birth": lambda: cl.DateOfBirthComparison("date_of_birth", input_is_string=False),
        "postcode": address_comparison,
        "sex": lambda: cl.ExactMatch("sex"),
        "nhs_number": lambda: number_comparison("nhs_number"),
        "nino": lambda: number_comparison("nino"),
        "upn": lambda: number_comparison("upn"),
        "phone": lambda: contact_comparison("phone"),
        "email": lambda: contact_comparison("email"),
    }
    return [make() for column, make in known.items() if column in held]


def usable(rules: tuple[tuple[str, ...], ...], held: set[str]) -> list[Any]:
    """The blocking rules whose columns hold anything."""
    return [block_on(*rule) for rule in rules if held.issuperset(rule)]


def settings(held: set[str], wide: bool) -> SettingsCreator:
    """The whole model."""
    return SettingsCreator(
        link_type="dedupe_only",
        comparisons=comparisons(held),
        blocking_rules_to_generate_predictions=usable(BLOCKS + (WIDE if wide else ()), held),
        retain_matching_columns=False,
        retain_intermediate_calculation_columns=False,
    )


def train(linker: Linker, held: set[str]) -> None:
    """Prior from strict rules, u from random pairs, m by EM on three blocks."""
    linker.training.estimate_probability_two_random_records_match(usable(STRICT, held), recall=0.6)
    linker.training.estimate_u_using_random_sampling(max_pairs=2e6, seed=1)
    number = "nhs_number" if "nhs_number" in held else "nino"
    for rule in usable(((number,), *TRAINING), held):
        linker.training.estimate_parameters_using_expectation_maximisation(
            rule, estimate_without_term_frequencies=True, max_pairs=2e6
        )


def prepare(connection: duckdb.DuckDBPyConnection, path: str) -> set[str]:
    """Read and clean the records; returns the columns that hold anything."""
    given = {row[0] for row in connection.execute("describe select * from read_parquet(?)", [path]).fetchall()}
    columns = [name if name in given else f"null::varchar as {name}" for name in TEXT]
    born = "date_of_birth" if "date_of_birth" in given else "null"
    forms = "['%Y-%m-%d', '%Y%m%d', '%d/%m/%Y']"
    columns.append(f"try_strptime({born}::varchar, {forms})::date as date_of_birth")
    connection.execute(PREPARE.format(columns=", ".join(columns)), [path])
    counts = connection.execute("select count(columns(*)) from records").description
    values = connection.execute("select count(columns(*)) from records").fetchone()
    return {column[0] for column, value in zip(counts, values, strict=True) if value}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("records", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--thresholds", type=float, nargs="+", required=True, help="match weights")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--wide", action="store_true", help="block widely, for small files")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    connection = duckdb.connect()
    connection.execute(f"set threads = {arguments.threads}")
    held = prepare(connection, str(arguments.records))
    api = DuckDBAPI(connection=connection)
    linker = Linker(api.register("records"), settings(held, arguments.wide), log_level=40)
    train(linker, held)
    predictions = linker.inference.predict(threshold_match_weight=min(arguments.thresholds))
    for threshold in arguments.thresholds:
        clusters = linker.clustering.cluster_pairwise_predictions_at_threshold(
            predictions, threshold_match_weight=threshold
        )
        target = arguments.out / f"clusters_{threshold:g}.parquet"
        written = f"select unique_id as record_id, cluster_id from {clusters.physical_name}"
        connection.execute(f"copy ({written}) to '{target}' (format parquet)")


if __name__ == "__main__":
    main()
