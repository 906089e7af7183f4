"""Registers of a fictional American town with known truth, from pseudopeople, as the columns of `spine link`.

Put here: the library's files in our columns. Never here: any engine, or a choice by what an engine finds.

Runs in an environment of its own (census.txt beside this file). pseudopeople (University of Washington) ships a
simulated population and writes what a census, the tax office, social security and a programme for mothers would hold
of it, with the slips and gaps of such registers. The sample has a single ZIP code. All is as the library writes it by
default; only dates are put year first, and unit numbers behind house numbers.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd
import pseudopeople

_NAMES = {"first_name": "first_name", "last_name": "surname", "sex": "sex", "ssn": "nino"}
_PREFIX = "mailing_address_"
_COLUMNS = [
    "source", "first_name", "middle_names", "surname", "date_of_birth", "sex", "nino", "house_number", "street",
    "postcode",
]  # fmt: skip
#: Dates as most registers write them, month first, and as social security does.
_DATES = ((r"^(\d\d)/?(\d\d)/?(\d{4})$", r"\3-\1-\2"), (r"^(\d{4})(\d\d)(\d\d)$", r"\1-\2-\3"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    made = {
        "census": pseudopeople.generate_decennial_census,
        "mothers": pseudopeople.generate_women_infants_and_children,
        "social_security": pseudopeople.generate_social_security,
        "wages": pseudopeople.generate_taxes_w2_and_1099,
        "income_tax": pseudopeople.generate_taxes_1040,
    }
    frames = [_in_our_columns(make(seed=options.seed).astype("string"), name) for name, make in made.items()]
    records = pd.concat(frames, ignore_index=True)
    order = pd.util.hash_array(records.index.to_numpy(), categorize=False)
    records["record_id"] = [f"r{number:016x}" for number in order]
    records = records.sort_values("record_id", ignore_index=True)
    options.out.mkdir(parents=True, exist_ok=True)
    records[["record_id", *_COLUMNS]].to_parquet(options.out / "records.parquet")
    records[["record_id", "person_id"]].to_parquet(options.out / "truth.parquet")


def _in_our_columns(given: pd.DataFrame, source: str) -> pd.DataFrame:
    given = given.rename(columns={name: name.removeprefix(_PREFIX) for name in given.columns})
    result = given.rename(columns=_NAMES).reindex(columns=[*_NAMES.values()])
    result["person_id"], result["source"] = given["simulant_id"], source
    result["middle_names"] = given.get("middle_name", given.get("middle_initial"))
    if "date_of_birth" in given:
        written, year_first = _DATES[source == "social_security"]
        result["date_of_birth"] = given["date_of_birth"].str.replace(written, year_first, regex=True)
    if "street_name" in given:
        result["house_number"] = (given["street_number"].fillna("") + " " + given["unit_number"].fillna("")).str.strip()
        result["street"], result["postcode"] = given["street_name"], given["zipcode"]
    return result.reindex(columns=["person_id", *_COLUMNS]).astype("string")


if __name__ == "__main__":
    main()
