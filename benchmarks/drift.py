"""How quiet and how sharp the drift checks are: 24 months of simulated deliveries with ordinary errors.

    .venv/bin/python benchmarks/drift.py [--datasets 300] [--seed 1]

Put here: the simulator of profiles and the two questions. Never here: a limit (spine.quality.drift).

A dataset has 200 to 300,000 rows, 25 columns, six of them coded and four of them dates. From month to month its
volume grows a little and varies by 0.5 to 2 %, each rate varies beyond chance (logit, sd 0.01 to 0.06) and wanders
(logit, sd 0.02), one month in fifty has a batch of 1 % of the rows without a value in some column, and 1 in 2,000
dates is corrected. There are two kinds of table. Rows **drawn anew** each month are what a table without a key looks
like, and more chance than a register has. Of a **register**, which has a key, 1 to 4 % of the rows leave each month and
others come, and 0.05 to 1 % of the values of a column go and as many come back, more or fewer by a third each month.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np

from spine.contracts.profile import DateProfile, KeptRows, TableProfile, coarse
from spine.quality.drift import KINDS, Drift, drift

MONTHS = 24
COLUMNS, CODED, DATED = 25, 6, 4
Profile = dict[str, TableProfile]
Generator = np.random.Generator


@dataclass
class Dataset:
    """What a simulated source is like, and where its rates have wandered to."""

    random: Generator
    rows: float
    spread: float
    nulls: np.ndarray
    beyond: np.ndarray
    codes: list[np.ndarray]
    late: float = 0.61
    register: Register | None = None

    @classmethod
    def make(cls, random: Generator, rows: float, *, is_register: bool) -> Dataset:
        """Draw one."""
        nulls = random.choice([0.0005, 0.01, 0.05, 0.2, 0.5], COLUMNS) * random.uniform(0.5, 1.4, COLUMNS)
        codes = [np.sort(random.dirichlet(np.ones(k)))[::-1] for k in random.integers(3, 15, CODED)]
        spread = random.uniform(0.005, 0.02)
        made = cls(random, rows, spread, _logit(nulls), random.uniform(0.01, 0.06, COLUMNS), codes)
        made.register = Register.make(random, int(rows), nulls) if is_register else None
        return made

    def month(self) -> Profile:
        """The next delivery."""
        draw = self.random
        self.rows *= np.exp(draw.normal(0.002, 0.003))
        self.nulls = self.nulls + draw.normal(0, 0.02, COLUMNS)
        rows = max(int(self.rows * np.exp(draw.normal(0, self.spread))), 1)
        rates = _expit(self.nulls + draw.normal(0, 1, COLUMNS) * self.beyond)
        batch = np.zeros(COLUMNS)
        if draw.random() < 0.02:
            batch[draw.integers(COLUMNS)] += 0.01
        names = [f"c{n:02d}" for n in range(COLUMNS)]
        kept = None
        if self.register is None:
            blank = draw.binomial(rows, np.minimum(rates + batch, 1.0))
        else:
            blank, still, lost = self.register.month(rows, rates, batch)
            kept = KeptRows(rows=still, lost=dict(zip(names, map(int, lost), strict=True)))
        filled = rows - blank
        coded = {names[n]: self._coded(self.codes[n], int(filled[n])) for n in range(CODED)}
        dated = {names[CODED + n]: self._dated(int(filled[CODED + n])) for n in range(DATED)}
        nulls = dict(zip(names, map(int, blank), strict=True))
        return {"table": TableProfile(rows=rows, nulls=nulls, codes=coded, dates=dated, kept=kept)}

    def _coded(self, shares: np.ndarray, filled: int) -> dict[str, int]:
        moved = shares * np.exp(self.random.normal(0, 0.06, len(shares)))
        counts = self.random.multinomial(filled, moved / moved.sum())
        return {f"k{n}": coarse(int(count)) for n, count in enumerate(counts) if count}

    def _dated(self, filled: int) -> DateProfile:
        late = _expit(_logit(np.array(self.late)) + self.random.normal(0, 0.02))
        swapped = int(self.random.binomial(filled, 0.0005))
        return DateProfile(
            dates=filled, late_days=int(self.random.binomial(filled, late)), compared=filled, swapped=swapped
        )


@dataclass
class Register:
    """A table with a key: how many rows lack a value of each column, and what moves from month to month."""

    random: Generator
    rows: int
    blank: np.ndarray
    leave: float
    lose: np.ndarray
    odds: np.ndarray

    @classmethod
    def make(cls, random: Generator, rows: int, nulls: np.ndarray) -> Register:
        """Draw one whose columns lack `nulls` of their values."""
        lose = random.choice([0.0005, 0.002, 0.01], COLUMNS)
        return cls(random, rows, random.binomial(rows, nulls), random.uniform(0.01, 0.04), lose, (1 - nulls) / nulls)

    def month(self, rows: int, rates: np.ndarray, batch: np.ndarray) -> tuple[np.ndarray, int, np.ndarray]:
        """Rows without a value, kept rows, and those that lost a value, after a month that ends with `rows` rows."""
        draw = self.random
        still = min(int(draw.binomial(self.rows, 1 - self.leave)), rows)
        blank = draw.hypergeometric(self.blank, self.rows - self.blank, still)
        lose = np.minimum(self.lose * np.exp(draw.normal(0, 0.33, COLUMNS)), 1.0)
        lost = draw.binomial(still - blank, np.minimum(lose + batch, 1.0))
        gained = draw.binomial(blank, np.minimum(lose * self.odds, 1.0))
        self.rows, self.blank = rows, blank + lost - gained + draw.binomial(rows - still, rates)
        return self.blank, still, lost


def _logit(p: np.ndarray) -> np.ndarray:
    return np.log(p / (1 - p))


def _expit(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def _more_nulls(profile: Profile, random: Generator) -> Profile:
    """Five points more of one column have no value."""
    table = profile["table"]
    name = str(random.choice([c for c, n in table.nulls.items() if n < 0.9 * table.rows]))
    nulls = table.nulls | {name: table.nulls[name] + round(0.05 * table.rows)}
    kept = table.kept
    if kept is not None:
        lost = kept.lost | {name: kept.lost[name] + round(0.05 * kept.rows)}
        kept = KeptRows(rows=kept.rows, lost=lost)
    return {"table": table.model_copy(update={"nulls": nulls, "kept": kept})}


def _fewer_rows(profile: Profile, _: Generator) -> Profile:
    """15 in 100 rows are missing, whatever is in them."""
    return {"table": _scaled(profile["table"], 0.85)}


def _scaled(table: TableProfile, by: float) -> TableProfile:
    nulls = {name: round(by * n) for name, n in table.nulls.items()}
    codes = {name: {code: round(by * n) for code, n in counts.items()} for name, counts in table.codes.items()}
    dates = {
        name: DateProfile(dates=round(by * d.dates), late_days=round(by * d.late_days))
        for name, d in table.dates.items()
    }
    kept = table.kept
    if kept is not None:
        kept = KeptRows(rows=round(by * kept.rows), lost={name: round(by * n) for name, n in kept.lost.items()})
    return TableProfile(rows=round(by * table.rows), nulls=nulls, codes=codes, dates=dates, kept=kept)


def _without_a_code(profile: Profile, random: Generator) -> Profile:
    """A code with 40 rows or more is gone; its rows have another one."""
    table = profile["table"]
    many = [(c, k) for c, counts in table.codes.items() for k, n in counts.items() if n >= 40 and len(counts) > 1]
    column, code = many[int(random.integers(len(many)))]
    counts = dict(table.codes[column])
    gone = counts.pop(code)
    other = sorted(counts)[0]
    counts[other] += gone
    return {"table": table.model_copy(update={"codes": table.codes | {column: counts}})}


def _swapped(profile: Profile, random: Generator) -> Profile:
    """Day and month of one column change places wherever the day can be a month."""
    table = profile["table"]
    name = str(random.choice(list(table.dates)))
    dates = table.dates[name]
    moved = round((dates.dates - dates.late_days) * 11 / 12)
    return {"table": table.model_copy(update={"dates": table.dates | {name: replace_swapped(dates, moved)}})}


def replace_swapped(dates: DateProfile, moved: int) -> DateProfile:
    """The same dates, of which `moved` rows have changed day and month."""
    return dates.model_copy(update={"swapped": dates.swapped + moved})


def _american(profile: Profile, random: Generator) -> Profile:
    """One column comes month first to a source that cannot be compared by key: later days are no dates any more."""
    table = profile["table"]
    name = str(random.choice(list(table.dates)))
    dates = table.dates[name]
    early = dates.dates - dates.late_days
    changed = DateProfile(dates=early, late_days=0)
    return {"table": table.model_copy(update={"dates": table.dates | {name: changed}})}


#: By fault: the check that must find it, and how it is made.
FAULTS: Mapping[str, tuple[str, Callable[[Profile, Generator], Profile]]] = {
    "nulls up 5 points": ("missing_values", _more_nulls),
    "volume down 15 %": ("volume", _fewer_rows),
    "a code vanishes": ("codes", _without_a_code),
    "day and month swapped": ("dates", _swapped),
    "month first, unread": ("dates", _american),
}


@dataclass(frozen=True)
class Tally:
    """False alarms by check over a number of dataset-years, and found and planted faults by name."""

    years: float
    false: Mapping[str, int]
    found: Mapping[str, int]
    planted: Mapping[str, int]


def simulate(
    datasets: int, sizes: tuple[float, float], seed: int, months: int = MONTHS, *, is_register: bool = False
) -> Tally:
    """Run the months of many datasets, and plant each fault once in a month that has a history."""
    random = np.random.default_rng(seed)
    false, found, planted = dict.fromkeys(KINDS, 0), dict.fromkeys(FAULTS, 0), dict.fromkeys(FAULTS, 0)
    judged = 0
    for _ in range(datasets):
        dataset = Dataset.make(random, float(np.exp(random.uniform(*np.log(sizes)))), is_register=is_register)
        past: list[Profile] = []
        faulty = {fault: int(random.integers(6, months)) for fault in FAULTS}
        for month in range(months):
            profile = dataset.month()
            judged += len(past) >= 3
            for kind, result in drift(profile, past).items():
                false[kind] += bool(result.findings)
            for fault in (fault for fault, at in faulty.items() if at == month):
                kind, make = FAULTS[fault]
                planted[fault] += 1
                found[fault] += bool(_of(drift(make(profile, random), past), kind).findings)
            past.append(profile)
    return Tally(judged / 12, false, found, planted)


def _of(results: Mapping[str, Drift], kind: str) -> Drift:
    return results[kind]


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--datasets", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    print(f"| | rows | dataset-years | false alarms a year | {' | '.join(f'found: {fault}' for fault in FAULTS)} |")
    print("|---|---|---:|---:|" + "---:|" * len(FAULTS))
    sizes_of = ((200, 1_000), (1_000, 4_000), (4_000, 20_000), (20_000, 300_000))
    for is_register, sizes in product((True, False), sizes_of):
        tally = simulate(asked.datasets, sizes, asked.seed, is_register=is_register)
        kind = "register" if is_register else "drawn anew"
        shares = " | ".join(f"{tally.found[f] / max(tally.planted[f], 1):.1%}" for f in FAULTS)
        alarms = sum(tally.false.values()) / tally.years
        by_kind = ", ".join(f"{kind} {n / tally.years:.2f}" for kind, n in tally.false.items())
        print(f"| {kind} | {sizes[0]:,} to {sizes[1]:,} | {tally.years:.0f} | {alarms:.2f} ({by_kind}) | {shares} |")


if __name__ == "__main__":
    main()
