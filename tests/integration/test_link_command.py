"""`spine link` as it is called: files in, a folder out, and one clear error where something is wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from spine.cli import app
from spine.linkage.conform import INPUT
from spine.settings import PROJECT_ROOT

SYLLABLES = ("zan", "qui", "vor", "mel", "tox", "bry", "kel", "ump", "fex", "wiv")
FILES = {"residents.parquet", "links.parquet", "model.json", "report.json", "report.html", "run.json"}


def spine(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["link", *map(str, arguments)], env={"COLUMNS": "200"})
    return result.exit_code, " ".join(result.output.split())


def people(size: int = 150) -> pl.DataFrame:
    """Invented people, each with a home of their own."""
    rng = np.random.default_rng(3)

    def words(parts: int) -> list[str]:
        return ["".join(rng.choice(SYLLABLES, parts)).title() for _ in range(size)]

    return pl.DataFrame(
        {
            "person": [f"P{n}" for n in range(size)],
            "first_name": words(2),
            "surname": words(3),
            "date_of_birth": [date(1940, 1, 1) + timedelta(days=int(n)) for n in rng.integers(0, 25_000, size)],
            "sex": rng.choice(["F", "M"], size),
            "postcode": [f"ZZ{n % 9 + 1} {n % 7 + 1}QX" for n in range(size)],
            "house_number": [str(n) for n in range(size)],
            "birth_place": words(2),
        }
    )


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A Parquet file, and a CSV file with other column names: the same people, most of them."""
    folder = tmp_path_factory.mktemp("given")
    everyone = people()
    gp = everyone.select(pl.format("GP-{}", "person").alias("record_id"), pl.all())
    gp.with_columns(shoe_size=pl.lit(44)).write_parquet(folder / "gp.parquet")
    care = everyone.head(100).select(
        pl.format("CARE-{}", "person").alias("record_id"),
        pl.col("person"),
        pl.col("first_name").alias("given_name"),
        "surname",
        pl.col("date_of_birth").dt.strftime("%d/%m/%Y").alias("dob"),
        "postcode",
        "birth_place",
        pl.lit("kept, and quoted").alias("Remarks"),
    )
    (folder / "care.csv").write_bytes(b"\xef\xbb\xbf" + care.write_csv().encode())
    return folder / "gp.parquet", folder / "care.csv"


MAP = ("--map", "first_name=given_name,date_of_birth=dob")


@pytest.fixture(scope="module")
def linked(files: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    out = tmp_path_factory.mktemp("result") / "linked"
    extra = ("--extra", "birth_place", "--truth", "person", "--seed", 7, "--threads", 2)
    code, text = spine(*files, "--out", out, *MAP, *extra)
    assert code == 0, text
    return out, text


def test_every_record_has_a_resident(linked: tuple[Path, str]) -> None:
    out, text = linked
    assert {path.name for path in out.iterdir()} == FILES
    residents = pl.read_parquet(out / "residents.parquet")
    assert residents.columns == ["record_id", "source", "resident_id", "method", "confidence"]
    assert residents.height == residents["record_id"].n_unique() == 250
    assert set(residents["source"]) == {"gp", "care"}  # from the files' names
    links = pl.read_parquet(out / "links.parquet")
    assert {"left_record_id", "right_record_id", "bits", "probability", "stratum", "level_extra_birth_place"} <= set(
        links.columns
    )
    assert "250 records are 150 residents" in text


def test_the_report_holds_quality_and_what_was_ignored(linked: tuple[Path, str]) -> None:
    report = json.loads((linked[0] / "report.json").read_text())
    assert report["input"] == {
        "files": ["gp.parquet", "care.csv"],
        "ignored_columns": ["Remarks", "shoe_size"],
    }
    assert "Columns not used: Remarks, shoe_size" in linked[1]
    assert report["evaluation"]["true_links"] == 100
    assert report["evaluation"]["f1"] == 1.0
    assert report["evaluation_by_group"]["source_pair"]["care + gp"]["recall"] == 1.0
    assert report["measured_curve"][-1]["precision"] == 1.0


def test_pages_show_no_value_and_need_no_other_host(linked: tuple[Path, str], files: tuple[Path, Path]) -> None:
    out = linked[0]
    assert spine("explain", "GP-P3", "CARE-P3", "--out", out)[0] == 0
    pages = [out / "report.html", out / "report.json", out / "model.json", *(out / "explain").glob("*.html")]
    assert len(pages) == 4
    values = pl.read_parquet(files[0]).select("record_id", "first_name", "surname", "birth_place", "postcode")
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert not re.search(r"https?:|<script|src=|@import|url\(", text)
        words = set(re.findall(r"[\w-]+", text))
        for column in values.columns:
            assert words.isdisjoint(values[column].drop_nulls())
        assert not re.search(r"\bZZ\d", text)


def test_pages_are_well_formed_and_pictures_are_described(linked: tuple[Path, str]) -> None:
    text = (linked[0] / "report.html").read_text(encoding="utf-8")
    for picture in re.findall(r"<svg.*?</svg>", text, re.DOTALL):
        root = ElementTree.fromstring(picture)
        told = {child.attrib.get("id"): child.text for child in root if child.tag in ("title", "desc")}
        assert all(told[name] for name in root.attrib["aria-labelledby"].split())
    assert text.count("<svg") == 2


def test_the_same_files_give_the_same_bytes_in_any_order(
    linked: tuple[Path, str], files: tuple[Path, Path], tmp_path: Path
) -> None:
    extra = ("--extra", "birth_place", "--truth", "person", "--seed", 7)
    assert spine(files[1], files[0], "--out", tmp_path / "again", *MAP, *extra, "--threads", 1)[0] == 0
    for name in ("residents.parquet", "links.parquet", "model.json", "report.html"):
        assert (tmp_path / "again" / name).read_bytes() == (linked[0] / name).read_bytes()


@pytest.mark.parametrize(
    ("left", "right", "words"),
    [
        ("GP-P3", "CARE-P3", "The pair is linked"),
        ("CARE-P3", "GP-P3", "Surname agrees exactly; "),
        ("GP-P3", "GP-P4", "The pair is not linked"),
        ("GP-P3", "CARE-P90", "Surname is different"),
    ],
)
def test_a_pair_is_explained(linked: tuple[Path, str], left: str, right: str, words: str) -> None:
    code, text = spine("explain", left, right, "--out", linked[0])
    assert code == 0
    assert words in text
    assert "Before comparing" in text


def test_an_explanation_fits_a_terminal_of_80_columns_and_keeps_its_number(linked: tuple[Path, str]) -> None:
    arguments = ["link", "explain", "GP-P5", "CARE-P5", "--out", str(linked[0])]
    first = CliRunner().invoke(app, arguments, env={"COLUMNS": "80"})
    again = CliRunner().invoke(app, arguments, env={"COLUMNS": "80"})
    lines = first.output.splitlines()
    assert max(len(line) for line in lines if "As a page" not in line) <= 80
    assert first.output == again.output
    bits = [float(number) for number in re.findall(r"([+-]\d+\.\d) +[+-]\d+\.\d *$", first.output, re.MULTILINE)]
    link = pl.read_parquet(linked[0] / "links.parquet").filter(pl.col("right_record_id") == "GP-P5")
    assert sum(bits) == pytest.approx(link["bits"].item(), abs=0.06 * len(bits))


def test_explain_refuses_what_is_not_there(linked: tuple[Path, str], tmp_path: Path) -> None:
    for arguments, words in (
        (("explain", "GP-P3", "GP-P3000", "--out", linked[0]), "RIGHT is no record_id"),
        (("explain", "GP-P3", "GP-P3", "--out", linked[0]), "two different record_ids"),
        (("explain", "GP-P3", "--out", linked[0]), "expected two record_ids"),
        (("explain", "GP-P3", "GP-P4", "--out", linked[0], "--seed", 1), "no other option"),
        (("explain", "GP-P3", "GP-P4", "--out", tmp_path), "holds no result"),
    ):
        code, text = spine(*arguments)
        assert code == 2
        assert words in text
        assert "3000" not in text


def test_changed_and_withdrawn_records_bring_a_result_up_to_date(files: tuple[Path, Path], tmp_path: Path) -> None:
    january = tmp_path / "january"
    assert spine(*files, "--out", january, *MAP, "--keep-state", "--extra", "birth_place")[0] == 0
    assert {path.name for path in january.iterdir()} == {*FILES, "state"}
    moved = pl.read_parquet(files[0]).filter(pl.col("record_id") == "GP-P7").with_columns(surname=pl.lit("Umpfexwiv"))
    new = moved.with_columns(record_id=pl.lit("GP-NEW"))
    pl.concat([moved, new]).drop("person").with_columns(source=pl.lit("gp")).write_parquet(
        tmp_path / "february.parquet"
    )
    (tmp_path / "gone.csv").write_text("record_id\nCARE-P9\n")
    code, text = spine(
        tmp_path / "february.parquet",
        *("--state", january, "--withdrawn", tmp_path / "gone.csv", "--out", tmp_path / "new"),
    )
    assert code == 0, text
    residents = pl.read_parquet(tmp_path / "new" / "residents.parquet")
    by_id = dict(residents.select("record_id", "resident_id").iter_rows())
    assert residents.height == 250
    assert "CARE-P9" not in by_id
    assert by_id["GP-NEW"] == by_id["GP-P7"]
    assert "level_extra_birth_place" in pl.read_parquet(tmp_path / "new" / "links.parquet").columns


def test_an_earlier_result_is_replaced_as_a_whole(files: tuple[Path, Path], tmp_path: Path) -> None:
    out = tmp_path / "linked"
    assert spine(files[0], "--out", out)[0] == 0
    (out / "explain").mkdir()
    (out / "explain" / "1.html").touch()
    code, text = spine(files[0], "--out", out, "--extra", "none_such")
    assert code == 2
    assert (out / "explain").exists()  # a run that fails leaves what was there
    assert spine(files[0], "--out", out)[0] == 0
    assert {path.name for path in out.iterdir()} == FILES
    assert [path.name for path in tmp_path.iterdir()] == ["linked"]
    (out / "notes.txt").touch()
    code, text = spine(files[0], "--out", out)
    assert (code, "1 more files beside an earlier result" in text) == (2, True)


def csv(folder: Path, name: str, text: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


Case = tuple[Callable[[Path], tuple[object, ...]], str]
GOOD = "record_id,surname\na,Quimeltox\nb,Quimeltox\n"
FAULTS: dict[str, Case] = {
    "no such file": (lambda at: (at / "none.csv",), "no such file"),
    "not a known kind": (lambda at: (csv(at, "people.xlsx", "x"),), "ends with .parquet or .csv"),
    "empty file": (lambda at: (csv(at, "a.csv", ""),), "the file is empty"),
    "not Parquet": (lambda at: (csv(at, "a.parquet", "PAR1 no"),), "not readable as Parquet"),
    "not UTF-8": (lambda at: (csv(at, "a.csv", GOOD.encode() + "c,Zoë\n".encode("latin-1")),), "UTF-8"),
    "ragged": (lambda at: (csv(at, "a.csv", GOOD + "c,Quimeltox,17,18\n"),), "as many cells in every row"),
    "column twice": (lambda at: (csv(at, "a.csv", "record_id,surname,surname\na,b,c\n"),), "more than once: surname"),
    "no record_id": (lambda at: (csv(at, "a.csv", "id,surname\na,b\n"),), "has no column record_id"),
    "ids twice": (
        lambda at: (csv(at, "a.csv", GOOD + "a,Voxbry\n"),),
        "1 record_ids stand on 2 records. Correct the file",
    ),
    "ids in two files": (
        lambda at: (csv(at, "a.csv", GOOD), csv(at, "b.csv", GOOD)),
        "2 record_ids stand on 4 records. Where files number their records alike, prefix them",
    ),
    "no id": (lambda at: (csv(at, "a.csv", GOOD + ",Voxbry\n"),), "1 records have none"),
    "map without sign": (lambda at: (csv(at, "a.csv", GOOD), "--map", "surname"), "expected ours=theirs"),
    "map twice": (lambda at: (csv(at, "a.csv", GOOD), "--map", "sex=a,sex=b"), "names sex more than once"),
    "map of nothing": (lambda at: (csv(at, "a.csv", GOOD), "--map", "sex=gender"), "no file has a column gender"),
    "map to nothing": (lambda at: (csv(at, "a.csv", GOOD), "--map", "age=surname"), "linkage reads no such column"),
    "map over": (
        lambda at: (csv(at, "a.csv", "record_id,surname,name\na,b,c\n"), "--map", "surname=name"),
        "has a column surname already",
    ),
    "no extra": (lambda at: (csv(at, "a.csv", GOOD), "--extra", "job"), "--extra job: no file has this column"),
    "extra known": (lambda at: (csv(at, "a.csv", GOOD), "--extra", "surname"), "compares it already"),
    "no truth": (lambda at: (csv(at, "a.csv", GOOD), "--truth", "who"), "--truth who: no file has this column"),
    "truth compared": (
        lambda at: (csv(at, "a.csv", "record_id,who\na,b\n"), "--truth", "who", "--extra", "who"),
        "must not be compared itself",
    ),
    "no decisions": (
        lambda at: (csv(at, "a.csv", GOOD), "--overrides", csv(at, "o.csv", "left_record_id,decision\na,b\n")),
        "has no column right_record_id",
    ),
    "strange decision": (
        lambda at: (
            csv(at, "a.csv", GOOD),
            "--overrides",
            csv(at, "o.csv", "left_record_id,right_record_id,decision\na,b,perhaps\n"),
        ),
        "1 of 1 rows have no record_id, or a decision",
    ),
    "no config": (lambda at: (csv(at, "a.csv", GOOD), "--config", at / "none.yaml"), "no such file"),
    "no state": (lambda at: (csv(at, "a.csv", GOOD), "--state", at), "holds no state"),
    "withdrawn alone": (lambda at: (csv(at, "a.csv", GOOD), "--withdrawn", at / "x.csv"), "only with --state"),
    "state and seed": (lambda at: (csv(at, "a.csv", GOOD), "--state", at, "--seed", 1), "leave out --config"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_one_clear_error_and_nothing_is_written(name: str, tmp_path: Path) -> None:
    arguments, words = FAULTS[name]
    code, text = spine(*arguments(tmp_path), "--out", tmp_path / "out")
    assert code == 2, text
    assert text.startswith("Refused: ")
    assert words in text
    assert not re.search("Quimeltox|Voxbry|perhaps|Zo", text)
    assert not [path for path in tmp_path.iterdir() if path.name == "out" or path.name.startswith(".tmp")]


def test_an_invalid_configuration_has_its_own_exit_code(tmp_path: Path) -> None:
    code, text = spine(
        csv(tmp_path, "a.csv", GOOD), "--config", csv(tmp_path, "c.yaml", "a: 1"), "--out", tmp_path / "o"
    )
    assert (code, "not a valid linkage configuration" in text) == (3, True)


def test_a_folder_of_others_is_left_alone(tmp_path: Path) -> None:
    theirs = csv(tmp_path, "report.json", '{"made_by": "somebody"}')
    code, text = spine(csv(tmp_path, "a.csv", GOOD), "--out", tmp_path)
    assert (code, "did not write" in text) == (2, True)
    assert theirs.exists()
    assert spine(tmp_path / "a.csv", "--out", theirs)[0] == 2


def test_the_folder_that_one_is_in_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    csv(tmp_path, "a.csv", GOOD)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    for out in (".", tmp_path):
        code, text = spine("../a.csv", "--out", out)
        assert (code, "is the folder that you are in" in text) == (2, True)


@pytest.mark.parametrize(("rows", "records"), [("", 0), ("1,Quimeltox\r\n", 1)])
def test_few_records_or_none_are_no_error(tmp_path: Path, rows: str, records: int) -> None:
    code, text = spine(csv(tmp_path, "a.csv", f"record_id,surname\r\n{rows}"), "--out", tmp_path / "out")
    assert code == 0, text
    assert pl.read_parquet(tmp_path / "out" / "residents.parquet").height == records


def test_files_of_other_types_and_delimiters_fit_together(tmp_path: Path) -> None:
    csv(tmp_path, "one.csv", "record_id;surname;former_surnames;uprn\n1;Quimeltox;Voxbry|Kelump;100\n2;;;\n")
    pl.DataFrame(
        {
            "record_id": [3, 4],
            "surname": ["Quimeltox", None],
            "former_surnames": [["Voxbry"], []],
            "uprn": [100.0, None],
            "source": ["tax", "tax"],
        }
    ).write_parquet(tmp_path / "two.parquet")
    code, text = spine(tmp_path / "one.csv", tmp_path / "two.parquet", "--out", tmp_path / "out")
    assert code == 0, text
    residents = pl.read_parquet(tmp_path / "out" / "residents.parquet")
    assert residents.select("record_id", "source").rows() == [("1", "one"), ("2", "one"), ("3", "tax"), ("4", "tax")]


def test_decisions_are_applied(files: tuple[Path, Path], tmp_path: Path) -> None:
    decided = csv(
        tmp_path,
        "decided.csv",
        "left_record_id,right_record_id,decision\nGP-P3,CARE-P3,cannot_link\nGP-P120,GP-P121,must_link\n",
    )
    assert spine(*files, *MAP, "--overrides", decided, "--out", tmp_path / "out")[0] == 0
    by_id = dict(pl.read_parquet(tmp_path / "out" / "residents.parquet").select("record_id", "resident_id").iter_rows())
    assert by_id["GP-P3"] != by_id["CARE-P3"]
    assert by_id["GP-P120"] == by_id["GP-P121"]


def test_help_shows_both_uses_and_the_exit_codes() -> None:
    _, text = spine("--help")
    assert "spine link people.parquet --out linked" in text
    assert "spine link explain GP-0017 CARE-0342 --out linked" in text
    assert all(f"{code} " in text.split("Exit codes:")[1] for code in (0, 2, 3, 8))


def test_the_documented_columns_are_those_that_linkage_reads() -> None:
    text = (PROJECT_ROOT / "docs" / "linkage.md").read_text(encoding="utf-8")
    section = text.split("## Columns")[1].split("\n## ")[0]
    assert re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) == list(INPUT)


def test_the_documented_options_are_those_of_the_command() -> None:
    _, shown = spine("--help")
    text = (PROJECT_ROOT / "docs" / "linkage.md").read_text(encoding="utf-8")
    section = text.split("## Options")[1].split("\n## ")[0]
    documented = set(re.findall(r"^\| `(--[a-z-]+)", section, re.MULTILINE))
    assert documented == set(re.findall(r"(?<![\w-])(--[a-z-]+)", shown.split("Example:")[0])) - {"--help"}


def test_the_worked_example_of_the_documentation_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (PROJECT_ROOT / "docs" / "linkage.md").read_text(encoding="utf-8")
    section = text.split("## A worked example")[1].split("\n## ")[0]
    for name, content in re.findall(r"```csv\n# (\S+)\n(.*?)```", section, re.DOTALL):
        csv(tmp_path, name, content)
    monkeypatch.chdir(tmp_path)
    commands = re.findall(r"^spine link (.*)$", section, re.MULTILINE)
    told = [spine(*command.split()) for command in commands]
    assert [code for code, _ in told] == [0, 0]
    claim = re.search(r"7 records are 4 residents", section)
    assert claim is not None
    assert claim[0] in told[0][1]
    assert "Columns not used: worker" in told[0][1]
    by_id = dict(pl.read_parquet("linked/residents.parquet").select("record_id", "resident_id").iter_rows())
    assert all(by_id[left] == by_id[right] for left, right in re.findall(r"(C-\d+) is (GP-\d+)", section))
    assert "The pair is linked" in told[1][1]
