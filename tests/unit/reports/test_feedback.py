"""A partner's feedback across sources: its own places and what to do, nothing of anybody else."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from spine.contracts import load_partners
from spine.quality.cross import CrossFindings, CrossResult
from spine.quality.cross_limits import load_cross_limits
from spine.reports.feedback import COLUMNS, SHOWN, feedback_path, newest_feedback, write_feedback
from spine.settings import PROJECT_ROOT, Settings

AS_OF = date(2028, 3, 31)
EXPECTATIONS = PROJECT_ROOT / "expectations"
PARTNERS = load_partners(EXPECTATIONS / "partners.yaml")
LIMITS = load_cross_limits(EXPECTATIONS)
HOMES, CARE = "wexmoor_homes__housing_tenancies", "wexmoor_county__social_care"


def findings(*rows: int, source: str = HOMES, key: str | None = None) -> CrossFindings:
    """These rows of one file disagree about a date of birth."""
    frame = pl.DataFrame(
        {
            "source": [source] * len(rows),
            "kind": ["birth_dates_agree"] * len(rows),
            "delivery": [f"{source.replace('__', '/')}/2028-03-27"] * len(rows),
            "revision": [1] * len(rows),
            "table_name": ["people"] * len(rows),
            "column_name": [""] * len(rows),
            "file_no": [3] * len(rows),
            "row_no": list(rows),
            "record_key": [key] * len(rows),
        },
        schema_overrides={"source": pl.String, "record_key": pl.String},
    )
    results = (
        CrossResult(source, "birth_dates_agree", len(rows), 400, 1),
        CrossResult(source, "codes_are_mapped", 0, 500, 0),
    )
    return CrossFindings(results, frame)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home").prepare()


def write(settings: Settings, found: CrossFindings) -> dict[str, Path]:
    return write_feedback(settings, PARTNERS.values(), found, LIMITS, AS_OF)


def test_the_list_names_the_partners_own_rows_and_what_to_do(settings: Settings) -> None:
    page = write(settings, findings(7, 12))["wexmoor_homes"]
    with page.with_suffix(".csv").open(encoding="utf-8", newline="") as file:
        header, *lines = csv.reader(file)
    assert tuple(header) == COLUMNS
    assert [line[:6] for line in lines] == [
        ["housing_tenancies", "wexmoor_homes/housing_tenancies/2028-03-27", "people", "file 3", row, ""]
        for row in ("7", "12")
    ]
    assert lines[0][7] == "birth_dates_agree"
    assert "correct it where it is wrong" in lines[0][8]
    assert lines[0][9] == "1"


def test_only_the_partner_itself_is_told_and_nobody_else_is_named(settings: Settings) -> None:
    written = write(settings, findings(7))
    assert set(written) == {"wexmoor_homes"}
    text = written["wexmoor_homes"].read_text("utf-8") + written["wexmoor_homes"].with_suffix(".csv").read_text("utf-8")
    others = [p for p in PARTNERS.values() if p.id != "wexmoor_homes"]
    assert not [p.id for p in others if p.id != "reference" and (p.id in text or p.name in text or p.steward in text)]
    assert "Another source holds a different date of birth" in text


def test_the_page_says_how_many_of_how_many_and_shows_the_first_rows(settings: Settings) -> None:
    page = write(settings, findings(*range(1, SHOWN + 10)))["wexmoor_homes"].read_text("utf-8")
    assert f"The first {SHOWN} of {SHOWN + 9} are shown." in page
    assert "400 records" in page
    assert "2%" in page
    assert "Wexmoor Homes data team" in page


def test_what_is_above_its_limit_stands_first_and_what_no_limit_holds_to_anything_is_left_out(
    settings: Settings,
) -> None:
    found = findings(*range(1, 10))  # 2.25 % of 400; 2 % may be
    clean = CrossResult(HOMES, "addresses_are_current", 0, 400, 0)
    unlimited = CrossResult(HOMES, "known_residents_are_held", 3_996, 3_997, 3_996)
    page = write(settings, CrossFindings((clean, unlimited, *found.results), found.rows))["wexmoor_homes"]
    text = page.read_text("utf-8")
    assert text.index("2.2%") < text.index("no older than one that another source holds")
    assert "3,996" not in text, "nothing follows from whom a landlord does not know"


def test_a_public_key_is_shown_and_is_no_formula(settings: Settings) -> None:
    page = write(settings, findings(7, key="=1+1"))["wexmoor_homes"]
    assert ",'=1+1," in page.with_suffix(".csv").read_text("utf-8")


def test_whoever_has_nothing_to_look_at_any_more_has_no_file(settings: Settings) -> None:
    write(settings, findings(7))
    assert newest_feedback(settings, "wexmoor_homes") == feedback_path(settings, "wexmoor_homes", AS_OF)
    write(settings, findings())
    assert newest_feedback(settings, "wexmoor_homes") is None
    assert not list(settings.reports.rglob("feedback-*"))


def test_same_findings_same_bytes_and_closed_to_others(settings: Settings) -> None:
    page = write(settings, findings(7))["wexmoor_homes"]
    before = page.read_bytes(), page.with_suffix(".csv").read_bytes()
    assert write(settings, findings(7))["wexmoor_homes"] == page
    assert (page.read_bytes(), page.with_suffix(".csv").read_bytes()) == before
    assert page.stat().st_mode & 0o077 == 0
