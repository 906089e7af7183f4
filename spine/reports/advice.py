"""What to do first, in plain English, for everything that can be wrong with a delivery.

Put here: sentences for the person who makes the extract. Never here: a rule's own sentence (that
is the contract's), a verdict, or anything read from a delivery's cells.
"""

from __future__ import annotations

import re

from spine.contracts import Contract, Rule, Threshold

#: Codes of a list that are worth writing out.
_SHORT_LIST = 15
AGAIN = "Send the whole delivery again."

#: Rows that were put aside: what is expected of a row, and what to do first.
_QUARANTINE = {
    "too_few_cells": (
        "Every row has as many cells as the header.",
        "Look for rows that are cut short, or for line breaks inside a cell that has no quotation marks.",
    ),
    "too_many_cells": (
        "Every row has as many cells as the header.",
        "Look for separators inside a cell: such a cell must stand in double quotation marks.",
    ),
    "unclosed_quote": (
        "Every quotation mark that is opened is closed.",
        "Look at the first row listed: double the quotation marks that belong to the text of a cell.",
    ),
    "not_utf8": (
        "The whole file is written in one encoding.",
        "Export the file again in UTF-8; the rows listed hold characters in another encoding.",
    ),
    "row_too_long": (
        "No row is longer than four million bytes.",
        "Look for a quotation mark in or before the rows listed that is never closed.",
    ),
    "not_json": (
        "Every line or document is complete JSON.",
        "Look for lines that are cut off; export them again.",
    ),
}


def for_rule(rule: Rule, contract: Contract) -> str:
    """What to do first about a rule that is broken."""
    if rule.metric == "rowCount":
        return "Check that the export ran to its end and took every row."
    if rule.metric == "duplicateValues":
        names = rule.arguments.get("properties", [rule.column])
        columns = _and([_source_name(contract, rule.table, str(name)) for name in names])
        return (
            f"Find out why {columns} repeat{'s' if len(names) == 1 else ''}: the rows listed repeat an earlier row. "
            "Often the export joins a table that has several rows for each."
        )
    if rule.column is None:
        return "Correct the rows listed in your system, or tell us why they are right."
    return _about_column(rule, _source_name(contract, rule.table, rule.column))


def _about_column(rule: Rule, column: str) -> str:
    if rule.severity == "error" and rule.threshold.unit == "percent":
        years = ", and that years have four digits (05/03/2028, not 05-MAR-28)" if "__mostly_dates" in rule.name else ""
        return f"Check that the right field is exported as {column}{years}."
    if rule.metric in ("nullValues", "missingValues"):
        return f"Check that the export fills {column}; where your system holds no value, complete it there."
    if rule.metric == "invalidValues" and "validValues" in rule.arguments:
        return f"Map the codes of {column} to the agreed ones{_listed(rule)}."
    return f"Correct {column} in the rows listed, in your system first."


def for_unmeasured(problem: str | None) -> str:
    """What to do about a rule that could not run."""
    return f"Nothing for you to do: the spine's engineers must find out why ({problem or 'no result'})."


def for_quarantine(rule: str, contract: Contract, table: str) -> tuple[str, str]:
    """What was expected of a row that was put aside, and what to do first.

    Args:
        rule: the reader's word for what is wrong, `<column>__missing` or `<column>__wrong_structure` among them.
    """
    column, _, kind = rule.rpartition("__")
    if kind == "missing" and column:
        name = _source_name(contract, table, column)
        return f"Every row has a value in {name}.", f"Complete {name} in the rows listed."
    if kind == "wrong_structure" and column:
        name = _source_name(contract, table, column)
        return f"The element {name} has the agreed structure.", f"Correct {name} in the rows listed."
    expected, first = _QUARANTINE.get(
        rule, ("Every row can be read.", "Compare the rows listed with their neighbours, and export them again.")
    )
    return expected, first


def for_dropped() -> str:
    """What to do about columns that nobody has agreed."""
    return "Leave these columns out of the export. We dropped them unread, because no agreement covers them."


def for_absent(columns: tuple[str, ...]) -> str:
    """What to do about optional columns that did not come."""
    return f"Add {_and(list(columns))} to the export if your system holds it; otherwise there is nothing to do."


def for_fault(fault: str) -> tuple[str, str]:
    """Our message about a whole delivery or file, as what is wrong and what to do first.

    The message's own advice speaks of the partner; here it speaks to them.
    """
    what, _, advice = fault.partition(". ")
    if not advice:
        what, _, advice = re.sub(r"; (?=ask the partner)", "\0", fault).partition("\0")
    what = _ended(what[:1].upper() + what[1:])
    near = re.search(r"column '([^']+)' is missing.*the file has '([^']+)', which is close", what)
    if near:
        return what, f"Rename {near[2]} to {near[1]}, if that is what it holds."
    if re.search(r"column '[^']+' is missing", what):
        return what, "Add the column to the export under that name."
    if "rows (" in what and "cannot be used" in what:
        return what, "Correct the rows that were put aside; they are listed by what is wrong with them."
    return what, _said_to_partner(advice) if advice else "Correct this."


def _said_to_partner(advice: str) -> str:
    """`Ask the partner to resend it, or change the contract` becomes `Send the whole delivery again.`"""
    spoken = re.fullmatch(r"Ask the partner to (?P<act>.+?)\.?", advice, re.IGNORECASE)
    if spoken is None:
        return _ended(advice)
    act = re.sub(r",? or change the contract.*| \(\w+\)$", "", spoken["act"]).replace(", or to ", ", or ")
    act = re.sub(r"^resend( it)?\b", AGAIN.rstrip("."), act)
    return _ended(act[:1].upper() + act[1:])


def allowed(threshold: Threshold) -> str:
    """How many broken rows a rule allows, in words: `none`, `at most 20 % of the rows`."""
    bound = f"{threshold.bound:g}" if isinstance(threshold.bound, int | float) else str(threshold.bound)
    unit = " % of the rows" if threshold.unit == "percent" else " rows"
    words = {
        "mustBe": "exactly ", "mustBeLessOrEqualTo": "at most ", "mustBeLessThan": "less than ",
        "mustBeGreaterThan": "more than ", "mustBeGreaterOrEqualTo": "at least ",
    }  # fmt: skip
    if threshold.comparator in ("mustBe", "mustBeLessOrEqualTo") and threshold.bound == 0:
        return "none"
    if threshold.comparator in words:
        return f"{words[threshold.comparator]}{bound}{unit}"
    if isinstance(threshold.bound, list):
        side = "between" if threshold.comparator == "mustBeBetween" else "not between"
        return f"{side} {threshold.bound[0]:g} and {threshold.bound[1]:g}{unit}"
    return f"any number but {bound}{unit}"


def _listed(rule: Rule) -> str:
    values = [str(value) for value in rule.arguments["validValues"]]
    return f" ({', '.join(values)})" if len(values) <= _SHORT_LIST else f" (the contract lists {len(values)})"


def _source_name(contract: Contract, table: str, column: str) -> str:
    """The column as the supplier's layout calls it."""
    found = [c.source_name for t in contract.tables if t.name == table for c in t.columns if c.name == column]
    return found[0] if found else column


def _and(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]


def _ended(text: str) -> str:
    text = text.strip()
    return text if text.endswith((".", "!", "?")) else f"{text}."
