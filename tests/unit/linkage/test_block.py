"""Stage 4: which pairs are compared, and what is left out and counted."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pytest

from spine.linkage.block import Candidates, block
from spine.linkage.config import BlockingRule, LinkageConfig
from spine.linkage.encode import Encoded
from tests.unit.linkage.rows import NOBODY, ORLA, encoded, folded

Places = list[tuple[int, int]]


def by(config: LinkageConfig, *keys: str, cap: int = 40) -> LinkageConfig:
    """The settings with one blocking rule only."""
    rule = BlockingRule.model_validate({"name": "only", "keys": keys, "cap": cap})
    return config.model_copy(update={"blocking": (rule,)})


def found(records: Encoded, config: LinkageConfig, **more: Any) -> Places:
    return places(block(records, config, **{"also": NOBODY, **more}))


def places(candidates: Candidates) -> Places:
    return list(zip(candidates.left.tolist(), candidates.right.tolist(), strict=True))


def test_a_block_above_its_cap_is_counted_and_not_compared(config: LinkageConfig) -> None:
    cap = next(rule.cap for rule in config.blocking if rule.name == "same_house")
    for size, pairs in ((cap, cap * (cap - 1) // 2), (cap + 1, 0)):
        candidates = block(encoded(config, *[{}] * size, postcode="WX1 1AA", house_number="1"), config, also=NOBODY)
        rule = next(rule for rule in candidates.report["rules"] if rule["rule"] == "same_house")
        assert candidates.left.size == pairs
        assert rule["capped_blocks"] == (0 if pairs else 1)
        assert rule["records_in_capped_blocks"] == (0 if pairs else cap + 1)


def test_in_a_block_above_its_cap_one_person_still_holds_together(config: LinkageConfig) -> None:
    others = [{"first_name": name, "date_of_birth": date(1951, 2, 3)} for name in ("Iris", "Anne", "Mary")]
    rows = [{"first_name": "Orla", "date_of_birth": date(1951, 2, 3)}] * 3
    everyone = encoded(config, *rows, *others, surname="Penhallow", phone="07700900123")
    assert found(everyone, by(config, "phone", cap=5)) == [(0, 1), (1, 2)]
    assert len(found(everyone, by(config, "phone", cap=6))) == 15


def test_a_name_without_a_whole_date_of_birth_makes_no_chain(config: LinkageConfig) -> None:
    rows = [{"first_name": "Orla", "surname": "Penhallow", "date_of_birth_partial": "1951"}] * 3
    assert found(encoded(config, *rows, phone="07700900123"), by(config, "phone", cap=2)) == []


def test_pairs_are_sorted_and_distinct(config: LinkageConfig) -> None:
    same = {"first_name": "Orla", "surname": "Penhallow", "date_of_birth": date(1951, 2, 3), "postcode": "WX1 1AA"}
    assert found(encoded(config, same, same, same), config) == [(0, 1), (0, 2), (1, 2)]


def test_former_and_half_surnames_meet(config: LinkageConfig) -> None:
    rows = [
        {"surname": "Penhallow", "former_surnames": ["Tregarrow"]},
        {"surname": "Tregarrow", "former_surnames": None},
        {"surname": "Quince-Tregarrow", "former_surnames": None},
    ]
    assert len(found(encoded(config, *rows, date_of_birth=date(1951, 2, 3)), config)) == 3


def test_a_node_is_found_by_each_of_its_two_telephones(config: LinkageConfig) -> None:
    phones = ("07700900123", "07700900129")
    rows = [{**ORLA, "source": f"s{n}", "phone": phone} for n, phone in enumerate(phones)]
    others = [{"first_name": "Iris", "source": "s3", "phone": phone} for phone in phones]
    nodes = folded(config, *rows, *others)
    orla, one, other = nodes.of_record[[0, 2, 3]].tolist()
    pairs = found(nodes.encoded, by(config, "phone"))
    assert sorted(pairs) == sorted([(min(orla, one), max(orla, one)), (min(orla, other), max(orla, other))])


def test_a_place_is_the_postcode_or_else_the_street(config: LinkageConfig) -> None:
    rows = [
        {"street": "Quay Road", "postcode": None},
        {"street": "Quay Rd", "postcode": None},
        {"street": "Quay Road", "postcode": "WX1 1AA"},
        {"street": "Mill Lane", "postcode": "WX1 1AA"},
        {"street": None, "postcode": None},
    ]
    records = encoded(config, *rows, house_number="1")
    assert found(records, by(config, "place", "house")) == [(0, 1), (2, 3)]


def test_names_meet_in_either_order_and_single_names_do_not(config: LinkageConfig) -> None:
    rows = [("Orla", "Penhallow"), ("Penhallow", "Orla"), ("Orla", None), (None, "Orla")]
    records = encoded(config, *({"first_name": first, "surname": last} for first, last in rows))
    assert found(records, by(config, "name_pair")) == [(0, 1)]


@pytest.mark.parametrize(
    ("keys", "pairs"),
    [("birth", [(0, 1)]), ("birth_month_day", [(0, 1), (0, 4), (1, 4)]), ("birth_year", [(0, 1), (0, 2), (1, 2)])],
)
def test_dates_that_are_not_whole_meet_by_their_year_alone(config: LinkageConfig, keys: str, pairs: Places) -> None:
    rows = [
        {"date_of_birth": date(1951, 2, 3)},
        {"date_of_birth": date(1951, 2, 3)},
        {"date_of_birth_partial": "1951-02"},
        {"date_of_birth": None},
        {"date_of_birth": date(1984, 2, 3)},
    ]
    assert found(encoded(config, *rows), by(config, keys)) == pairs


def test_restricted_records_meet_others_by_nhs_number_only(config: LinkageConfig) -> None:
    rows = [
        {"is_restricted": True, "nhs_number": "9990000018"},
        {"is_restricted": False, "nhs_number": "9990000018"},
        {"is_restricted": False, "nhs_number": None},
        {"is_restricted": True, "nhs_number": None},
    ]
    candidates = block(encoded(config, *({**ORLA, **row} for row in rows)), config, also=NOBODY)
    assert places(candidates) == [(0, 1), (1, 2)]
    assert candidates.report["pairs_withheld_restricted"] == 4


def test_decided_pairs_are_compared_whatever_the_rules_say(config: LinkageConfig) -> None:
    rows = [{**ORLA, "is_restricted": flag} for flag in (False, False, True)]
    rows.append({"first_name": "Wenna", "is_restricted": False})
    records = encoded(config, *rows)
    also = np.array([0 * 4 + 3, 0 * 4 + 1, 1 * 4 + 2])
    assert found(records, config, also=also) == [(0, 1), (0, 3), (1, 2)]


def test_where_some_are_fresh_only_their_pairs_are_wanted(config: LinkageConfig) -> None:
    records = encoded(config, ORLA, ORLA, ORLA, ORLA)
    every = found(records, config)
    fresh = np.array([False, False, True, False])
    assert found(records, config, fresh=fresh) == [pair for pair in every if 2 in pair]
    assert found(records, config, fresh=np.zeros(4, dtype=bool)) == []


def test_a_further_column_is_a_block_where_few_share_a_value(config: LinkageConfig) -> None:
    extras = config.model_copy(update={"extras": ("badge", "city")})
    rows = [{"badge": f"b{n // 2}", "city": "Ashmere"} for n in range(60)]
    candidates = block(encoded(extras, *rows), extras, also=NOBODY)
    assert {rule["rule"] for rule in candidates.report["rules"]} - {rule.name for rule in config.blocking} == {
        "extra_badge"
    }
    assert places(candidates) == [(n, n + 1) for n in range(0, 60, 2)]


@pytest.mark.parametrize("size", [1, 2])
def test_records_that_hold_nothing_meet_nobody(config: LinkageConfig, size: int) -> None:
    assert found(encoded(config, *[{}] * size), config) == []
