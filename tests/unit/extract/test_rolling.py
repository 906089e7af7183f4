"""Delivery mode `rolling`: a delivery replaces its period, and an open event that nobody knows any more ends."""

from __future__ import annotations

from datetime import date

import pytest

DELIVERIES = (
    "SELECT delivery_date, revision, rows_kept, rows_replaced, rows_in_use, is_stale FROM raw.deliveries ORDER BY ALL"
)


def event(ref: str, period: tuple[str, str], end: str = "") -> str:
    return f"{ref},{period[0]},{period[1]},01/01/2027,{end}\n"


def test_rolling_replaces_its_window(home):
    header = "ref,ps,pe,es,ee\n"
    first, second = ("01/01/2027", "31/12/2027"), ("01/04/2027", "31/03/2028")
    old = event("ended", first, "31/03/2027") + event("overlaps", first, "01/04/2027") + event("open", first)
    home.deliver("events", {"a.csv": header + old + event("sentinel", first, "31/12/9999")}, "2028-01-10")
    entry = home.deliver("events", {"a.csv": header + event("open", second)}, "2028-03-31")
    assert (entry.window_start, entry.window_end) == (date(2027, 4, 1), date(2028, 3, 31))
    query = "SELECT ref, _delivery_date, ee FROM raw.events__log__events ORDER BY ALL"
    cropped = ("sentinel", date(2028, 1, 10), "2027-12-31")
    assert home.rows(query) == [("ended", date(2028, 1, 10), "31/03/2027"), ("open", date(2028, 3, 31), None), cropped]
    assert [row[2:5] for row in home.rows(DELIVERIES)] == [(4, 2, 2), (1, 0, 1)]


def test_an_open_event_that_no_later_delivery_knows_ends_with_its_own_period(home):
    header = "ref,ps,pe,es,ee\n"
    home.deliver("events", {"a.csv": header + event("open", ("01/01/2027", "31/03/2027"))}, "2027-04-10")
    home.deliver("events", {"a.csv": header + event("x", ("01/07/2027", "30/09/2027"))}, "2027-10-10")
    query = "SELECT ref, ee FROM raw.events__log__events ORDER BY ALL"
    assert home.rows(query) == [("open", "2027-03-31"), ("x", None)]
    home.put("events", {"a.csv": header + event("y", ("01/04/2027", "30/06/2027"))}, "2027-07-10")
    home.run()
    assert home.rows(query) == [("open", "2027-03-31"), ("x", None), ("y", "2027-06-30")]


def test_a_mistyped_period_does_not_replace_older_deliveries(home):
    header = "ref,ps,pe,es,ee\n"
    first, second = ("01/01/2027", "31/03/2027"), ("01/04/2027", "30/06/2027")
    home.deliver("events", {"a.csv": header + event("old", first, "31/03/2027")}, "2027-04-10")
    odd = event("typo", ("01/01/1927", "30/06/2027")) + event("late", ("01/04/2027", "30/06/9027"))
    reverse = "".join(event(f"reverse {n}", ("30/06/2027", "01/04/2027")) for n in range(3))
    good = event("a", second) + event("b", ("2027-04-01", "2027-06-30"))
    entry = home.deliver("events", {"a.csv": header + odd + reverse + good}, "2027-07-10")
    assert (entry.window_start, entry.window_end) == (date(2027, 4, 1), date(2027, 6, 30))
    refs = [row[0] for row in home.rows("SELECT ref FROM raw.events__log__events ORDER BY ALL")]
    assert refs == ["a", "b", "late", "old", "reverse 0", "reverse 1", "reverse 2", "typo"]


def test_of_two_equally_frequent_periods_the_latest_counts(home):
    header = "ref,ps,pe,es,ee\n"
    rows = event("a", ("01/04/2027", "30/06/2027")) + event("b", ("01/07/2027", "30/09/2027"))
    entry = home.deliver("events", {"a.csv": header + rows})
    assert (entry.window_start, entry.window_end) == (date(2027, 7, 1), date(2027, 9, 30))


@pytest.mark.parametrize("row", ["1,,,,", "1,01/04/2027,,,", "1,,30/06/2027,,\n2,01/04/2027,soon,,"])
def test_rolling_without_a_period_is_refused(home, row):
    entry = home.deliver("events", {"a.csv": f"ref,ps,pe,es,ee\n{row}\n"})
    assert entry.verdict == "refused"
    assert "no row of table 'events' says which period it covers: expected a date in 'ps'" in entry.reasons[0]
