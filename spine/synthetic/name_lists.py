"""Lists of names with their frequencies, for each naming tradition of the region.

Put here: where names come from. Never here: who is given one. British names are the census lists of
the `names` library, Polish and Czech ones are mimesis' locale lists. No library at hand holds other
traditions in Latin script, so those lists are short and written here, the commonest first.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np
import polars as pl

from spine.synthetic.draws import Floats, zipf

_Weighted = tuple[list[str], Floats]

BRITISH, IRISH, SOUTH_ASIAN, ARABIC, EAST_EUROPEAN, EAST_ASIAN = range(6)
GROUP_NAMES = ("british", "irish", "south_asian", "arabic", "east_european", "east_asian")
#: Shares of households.
GROUP_WEIGHTS = (0.845, 0.035, 0.045, 0.017, 0.043, 0.015)

_IRISH_SURNAMES = """
O'Brien O'Connor O'Neill Murphy Kelly O'Sullivan Walsh Byrne Ryan O'Reilly Doyle McCarthy Gallagher O'Doherty
Kennedy Lynch O'Donnell Quinn McLoughlin O'Carroll Connolly Daly Nolan Dunne Brennan O'Keeffe Burke O'Leary
Fitzgerald O'Shea McDonagh O'Rourke O'Mahony Flynn O'Callaghan Keane O'Hara Power D'Arcy O'Toole
"""
_SOUTH_ASIAN = {
    "male": """
    Mohammed Muhammad Abdul Ali Ahmed Imran Arjun Rajesh Harpreet Sanjay Amit Usman Hassan Bilal Vikram Ravi
    Gurpreet Tariq Asif Rohan Zain Ibrahim Yusuf Hamza Suresh Anil Kamran Deepak Jaspal Manjit Rahul Sajid
    Nadeem Farhan Kabir Dev Ishaan Vijay Mahmood Shahid Rakesh
    """,
    "female": """
    Fatima Aisha Priya Amina Sunita Zainab Maryam Harpreet Manpreet Anita Nusrat Shabana Khadija Neha Pooja
    Rukhsana Samina Simran Jaswinder Meera Kavita Nazia Parveen Saima Sana Shazia Hina Deepa Rekha Lakshmi
    Gurpreet Asha Nasreen Tahira Rabia Anjali Divya Yasmin
    """,
    "surnames": """
    Khan Patel Singh Ahmed Hussain Ali Begum Shah Kaur Mahmood Sharma Malik Akhtar Chaudhry Iqbal Rahman Uddin
    Miah Mistry Chowdhury Bibi Desai Gill Sandhu Dhillon Gupta Kumar Mehta Rashid Mirza Qureshi Siddiqui
    Bhatti Raja Islam Hoque Reddy Nair Iyer Fernando Perera Das
    """,
}
_ARABIC = {
    "male": """
    Mohamed Ahmed Ali Omar Hassan Ibrahim Khalid Youssef Mustafa Abdullah Karim Samir Tariq Mahmoud Hamza
    Bilal Faisal Jamal Nasser Rami Salim Walid Yasin Ziad Abdelrahman
    """,
    "female": """
    Fatima Maryam Aisha Layla Zainab Noor Amina Huda Salma Rania Yasmin Hanan Khadija Samira Mona Dina Iman
    Lina Nadia Rasha Sara Safiya Hala Reem
    """,
    "surnames": """
    Mohamed Ahmed Hassan Ali Ibrahim Hussein Abdullah Al-Hassan Mahmoud Mansour Saleh Khalil Osman Haddad
    El-Sayed Nasser Al-Masri Hamdan Farah Aziz Othman Yousef Al-Ahmad Said Bakr Jaber Awad Shaheen Abdi
    Warsame
    """,
}
_EAST_ASIAN = {
    "male": """
    Wei Ming Jun Hao Chi-Ming Kwok-Wai Zhi Jian Tuan Minh Hung Kenji Jin-Woo Min-Jun Yong Tao Bo Feng Kai Long
    Siu-Lung Yi Duc Quang
    """,
    "female": """
    Mei Li Xin Yan Ying Hui Wai-Yee Mei-Ling Lan Huong Linh Ngoc Yuki Ji-Woo Seo-Yeon Jing Xiao Fang Qing Yuan
    Pui-Shan Thu Hoa Na
    """,
    "surnames": """
    Wong Chan Li Chen Nguyen Wang Zhang Liu Lee Cheung Lam Leung Lau Yang Huang Tran Kim Park Ho Ng Yip Tang
    Xu Sun Zhao Wu Pham Le Tanaka Choi Fung Kwok Cheng
    """,
}


@dataclass(frozen=True)
class Vocabulary:
    """All given names and surnames, with the stretch of each list that a tradition draws from.

    Attributes:
        given: every given name.
        male_surnames, female_surnames: every surname in both forms, which differ only for names that
            are inflected (Kowalski, Kowalska).
        given_lists: (group, is_female) → (first index, weights).
        surname_lists: group → (first index, weights).
    """

    given: pl.Series
    male_surnames: pl.Series
    female_surnames: pl.Series
    given_lists: dict[tuple[int, bool], tuple[int, Floats]]
    surname_lists: dict[int, tuple[int, Floats]]


@cache
def vocabulary() -> Vocabulary:
    """Read and join the lists."""
    given: list[str] = []
    male: list[str] = []
    female: list[str] = []
    given_lists: dict[tuple[int, bool], tuple[int, Floats]] = {}
    surname_lists: dict[int, tuple[int, Floats]] = {}
    for tradition in (*_british(), _east_european(), *_written_here()):
        for is_female, (names, weights) in ((False, tradition.men), (True, tradition.women)):
            given_lists[tradition.group, is_female] = (len(given), weights)
            given.extend(names)
        surname_lists[tradition.group] = (len(male), tradition.surnames[1])
        male.extend(tradition.surnames[0])
        female.extend(tradition.female_surnames or tradition.surnames[0])
    return Vocabulary(pl.Series(given), pl.Series(male), pl.Series(female), given_lists, surname_lists)


@dataclass(frozen=True)
class _Tradition:
    """One tradition's lists, each with its weights."""

    group: int
    men: _Weighted
    women: _Weighted
    surnames: _Weighted
    female_surnames: list[str] | None = None


def _british() -> tuple[_Tradition, _Tradition]:
    men, women = _census("male.first", 700), _census("female.first", 1200)
    irish = _IRISH_SURNAMES.split()
    return (
        _Tradition(BRITISH, men, women, _census("all.last", 30_000)),
        _Tradition(IRISH, men, women, (irish, zipf(len(irish), 0.8))),
    )


def _east_european() -> _Tradition:
    polish, czech = _locale("pl"), _locale("cs")
    men, women = polish["male"][:220] + czech["male"][:60], polish["female"][:260] + czech["female"][:60]
    surnames = polish["last_male"] + czech["last_male"]
    weights = _scattered(len(surnames))
    inflected = polish["last_female"] + czech["last_female"]
    given = ((men, _scattered(len(men))), (women, _scattered(len(women))))
    return _Tradition(EAST_EUROPEAN, *given, (surnames, weights), inflected)


def _written_here() -> Iterator[_Tradition]:
    for group, lists in ((SOUTH_ASIAN, _SOUTH_ASIAN), (ARABIC, _ARABIC), (EAST_ASIAN, _EAST_ASIAN)):
        words = [lists[key].split() for key in ("male", "female", "surnames")]
        men, women, surnames = ((names, zipf(len(names))) for names in words)
        yield _Tradition(group, men, women, surnames)


def _scattered(size: int) -> Floats:
    """Skewed weights for a list in alphabetical order, so that A is not the commonest letter."""
    return np.random.Generator(np.random.PCG64(1)).permutation(zipf(size, 0.7))


def _census(name: str, limit: int) -> _Weighted:
    """The commonest names of one list of the `names` library, with their frequencies."""
    lines = (resources.files("names") / f"dist.{name}").read_text(encoding="utf-8").splitlines()[:limit]
    rows = [line.split() for line in lines]
    return [_capitals(row[0]) for row in rows], np.array([max(float(row[1]), 0.0005) for row in rows])


def _capitals(word: str) -> str:
    return f"Mc{word[2:].capitalize()}" if word.startswith("MC") and len(word) > 4 else word.capitalize()


def _locale(code: str) -> dict[str, list[str]]:
    data = json.loads((resources.files("mimesis") / "datasets" / code / "person.json").read_text(encoding="utf-8"))
    last = data["surnames"]
    pair = (last["male"], last["female"]) if isinstance(last, dict) else (last, last)
    return {
        "male": data["names"]["male"],
        "female": data["names"]["female"],
        "last_male": pair[0],
        "last_female": pair[1],
    }
