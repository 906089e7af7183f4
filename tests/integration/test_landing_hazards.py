"""What may lie in landing that must not be read, and two processes that want the same delivery.

Each fault has one clear message, and other partners' deliveries are taken as ever.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from spine.contracts import Supply
from spine.extract import Ledger, find_deliveries
from spine.settings import PROJECT_ROOT
from tests.unit.extract.conftest import Home

ROWS = "Person ID,Surname,LAD25CD\n1,A,E07\n"
DAY = "2028-03-01"
NOBODY = 65534


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    home.with_contract("people__flat", supplies=(Supply("north"), Supply("south")))
    home.put("people", {"a.csv": ROWS}, DAY, partner="south")
    return home


def outcome(home: Home) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Verdict and reasons of every delivery that was judged."""
    home.run()
    return {entry.delivery: (entry.verdict, entry.reasons) for entry in home.ledger.entries()}


def test_links_out_of_landing_are_refused(home: Home) -> None:
    outside = home.root / "outside"
    outside.mkdir()
    (outside / "smith_john.csv").write_text(ROWS)
    folder = home.put("people", {"b.csv": ROWS}, DAY)
    (folder / "a.csv").symlink_to(outside / "smith_john.csv")
    (folder / "c.csv").symlink_to("../../../../outside/smith_john.csv")
    (folder / "d").symlink_to(outside)
    found = outcome(home)
    assert found["south/people/2028-03-01"] == ("accepted", ())
    message = "is a link that leaves the landing folder. Put the file itself there"
    assert found["north/people/2028-03-01"] == (
        "refused",
        tuple(f"north/people/2028-03-01: file {n} of 4 {message}" for n in (1, 3, 4)),
    )


def test_a_link_to_another_partners_files_is_refused(home: Home) -> None:
    folder = home.put("people", {"b.csv": ROWS}, DAY)
    (folder / "a.csv").symlink_to(home.root / "landing/south/people" / DAY / "a.csv")
    found = outcome(home)
    assert found["north/people/2028-03-01"][1] == (
        "north/people/2028-03-01: file 1 of 2 is a link that leaves the partner's own folder. "
        "Put the file itself there",
    )
    assert found["south/people/2028-03-01"][0] == "accepted"


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("inside", [True, False])
def test_a_folder_that_is_a_link_elsewhere_is_not_taken(home: Home, depth: int, inside: bool) -> None:
    place = home.root / "landing" / "/".join(("north", "people", DAY)[:depth])
    target = home.root / "landing" / "/".join(("south", "people", DAY)[:depth])
    if not inside:
        outside = home.root / "outside"
        shutil.copytree(target, outside)
        target = outside
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(target)
    found = find_deliveries(home.root / "landing", home.contracts, home.as_of)
    assert [d.key for d in found.deliveries] == ["south/people/2028-03-01"]
    [(_, reason)] = found.unrecognised
    assert reason == (
        "a link that leaves the partner's own folder" if inside else "a link that leaves the landing folder"
    )


def test_a_control_file_that_is_a_link_out_is_not_read(home: Home) -> None:
    (home.root / "secret.json").write_text('{"rows": 1}')
    folder = home.put("people", {"a.csv": ROWS}, DAY)
    (folder / "_control.json").symlink_to(home.root / "secret.json")
    assert outcome(home)["north/people/2028-03-01"][1] == (
        "north/people/2028-03-01: _control.json is a link that leaves the landing folder. Put the file itself there",
    )


def test_what_is_no_file_is_refused_and_never_waited_for(home: Home) -> None:
    folder = home.put("people", {"b.csv": ROWS}, DAY)
    os.mkfifo(folder / "a.csv")
    (folder / "c.csv").symlink_to("c.csv")
    (folder / "d").symlink_to(".")
    key = "north/people/2028-03-01"
    assert outcome(home)[key][1] == (
        f"{key}: file 1 of 4 is no regular file. Put the file itself there",
        f"{key}: file 3 of 4 is a link that leads nowhere. Put the file itself there",
        f"{key}: file 4 of 4 is a link to a folder. Put the folder itself there",
    )


def test_the_same_file_under_two_dates_is_accepted_and_known_as_the_same(home: Home) -> None:
    home.put("people", {"march.csv": ROWS}, "2028-03-01")
    home.put("people", {"february.csv": ROWS}, "2028-02-01")
    assert {verdict for verdict, _ in outcome(home).values()} == {"accepted"}
    first, second = home.ledger.for_source("north", "people")
    assert first.files_sha256 == second.files_sha256
    assert first.content_sha256 != second.content_sha256
    assert home.rows("SELECT DISTINCT _delivery FROM raw.people__flat__people WHERE _partner = 'north'") == [
        ("north/people/2028-03-01",)
    ]


CHILD = """
import os, sys
from pathlib import Path
from tests.unit.extract.conftest import Home
from spine.contracts import Supply
import spine.extract.judge
home = Home(Path(sys.argv[1]))
home.with_contract("people__flat", supplies=(Supply("north"), Supply("south")))
home.with_contract("codes__list", supplies=(Supply("north"),))
home.run, home.put  # imported before the rights are given up
"""


def child(code: str, root: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", CHILD + code, str(root)], cwd=PROJECT_ROOT, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that another user may enter, which pytest's own is not."""
    folder = Path(tempfile.mkdtemp(prefix="spine-test-"))
    yield folder
    for path in folder.rglob("*"):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o700)
    shutil.rmtree(folder)


def test_folders_and_files_that_cannot_be_read(open_folder: Path) -> None:
    """In a process without root's rights: for root nothing is closed."""
    home = Home(open_folder)
    for day in ("2028-01-01", "2028-02-01", "2028-03-01"):
        home.put("people", {"a.csv": ROWS, "below/b.csv": ROWS}, day)
    home.put("people", {"a.csv": ROWS}, DAY, partner="south")
    home.put("codes", {"a.dat": "1\n"}, DAY)
    home.lake.mkdir()
    landing = open_folder / "landing/north/people"
    for path in (open_folder, *open_folder.rglob("*")):
        if os.geteuid() == 0:
            os.chown(path, NOBODY, NOBODY)
    closed = (landing / "2028-01-01", landing / "2028-02-01/below", landing / "2028-03-01/a.csv")
    for path in (*closed, open_folder / "landing/north/codes"):
        path.chmod(0)
    process = child(
        f"if os.geteuid() == 0: os.setgid({NOBODY}); os.setuid({NOBODY})\n"
        "from spine.extract import find_deliveries\n"
        "home.run()\n"
        "for place, reason in find_deliveries(home.root / 'landing', home.contracts, home.as_of).unrecognised:\n"
        "    print(f'{place}: {reason}')\n"
        "for entry in home.ledger.entries():\n"
        "    print(entry.delivery, entry.verdict, *entry.reasons)\n",
        open_folder,
    )
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert output.splitlines() == [
        "north/codes: the folder cannot be read: check its permissions",
        "north/people/2028-01-01: the folder cannot be read: check its permissions",
        "north/people/2028-02-01 refused north/people/2028-02-01: a folder of the delivery cannot be read. "
        "Check its permissions",
        "north/people/2028-03-01 refused north/people/2028-03-01: file 1 of 2 cannot be opened (PermissionError). "
        "Check its permissions",
        "south/people/2028-03-01 accepted",
    ]


def test_two_processes_race_for_the_deliveries_of_one_source(tmp_path: Path) -> None:
    home = Home(tmp_path)
    for day in ("2028-01-01", "2028-02-01", "2028-03-01"):
        home.put("codes", {"a.dat": "".join(f"{n}\n" for n in range(2000))}, day)
        home.put("people", {"a.csv": ROWS}, day)
    home.lake.mkdir()
    go = (
        "print('ready', flush=True); sys.stdin.readline()\n"
        "new = [entry.delivery for entry in home.run() if entry is not None]\n"
        "print(*new, flush=True)\n"
    )
    racers = [child(go, tmp_path) for _ in range(3)]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("\n")
        racer.stdin.flush()
    outputs = [racer.communicate(timeout=120) for racer in racers]
    assert [racer.returncode for racer in racers] == [0, 0, 0], outputs
    judged = sorted(key for output, _ in outputs for key in output.split())
    assert judged == sorted(f"north/{d}/2028-0{m}-01" for d in ("codes", "people") for m in (1, 2, 3))
    entries = Ledger(tmp_path / "ledger").entries()
    assert [(e.revision, e.verdict) for e in entries] == [(1, "accepted")] * 6
    assert not list(home.lake.glob(".tmp-*"))
    assert home.rows("SELECT count(*), count(DISTINCT _delivery) FROM raw.codes__list__codes") == [(6000, 3)]
