"""Parts that all pages share: the frame of a page, and tables.

Put here: HTML that says nothing by itself. Never here: words about a delivery or a run.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from spine.reports.style import STYLE


def document(title: str, body: Iterable[str], *, first: str, skip: str, meta: str = "") -> str:
    """A whole page that needs nothing else: no script, no font, no other host.

    Args:
        title: of the window.
        body: sections as HTML.
        first: id of the element that a reader may skip to.
        skip: words of that link.
        meta: further elements of the head, as HTML.
    """
    return "\n".join((
        "<!DOCTYPE html>",
        '<html lang="en-GB">',
        "<head>",
        '<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
        '<meta name="robots" content="noindex">',
        *([meta] if meta else []),
        f"<title>{escape(title)}</title>",
        f"<style>{STYLE}</style>",
        "</head>",
        "<body>",
        f'<a class="skip" href="#{first}">{escape(skip)}</a>',
        "<main>",
        *(part for part in body if part),
        "</main>",
        "</body>",
        "</html>",
        "",
    ))  # fmt: skip


def table(caption: str, head: Sequence[str], rows: str) -> str:
    """A table that scrolls by itself where the screen is narrow; `rows` is HTML."""
    top = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    thead = f"<thead><tr>{top}</tr></thead>" if head else ""
    return (
        f'<div class="scroll" role="region" aria-label="{escape(caption)}" tabindex="0"><table>'
        f"<caption>{escape(caption)}</caption>{thead}<tbody>{rows}</tbody></table></div>"
    )


def rows(cells: Iterable[Sequence[object]]) -> str:
    """Rows of a table, the first cell of each as its heading; figures are not broken over lines."""
    return "".join(
        f'<tr><th scope="row">{escape(str(first))}</th>' + "".join(_cell(str(cell)) for cell in rest) + "</tr>"
        for first, *rest in cells
    )


def _cell(text: str) -> str:
    kind = ' class="figure"' if text[:1].isdigit() or text[:1] in "+-–" else ""
    return f"<td{kind}>{escape(text)}</td>"


def section(heading: str, content: str, anchor: str = "") -> str:
    """A section of a page with its heading; `content` is HTML."""
    name = f' id="{anchor}"' if anchor else ""
    return f"<section{name}><h2>{escape(heading)}</h2>{content}</section>"


def percent(part: float, whole: float) -> str:
    """A share in percent with one figure behind the point; a dash where there is nothing."""
    return f"{part / whole:.1%}" if whole else "–"


def source_name(name: str) -> str:
    """A source for a page; its words may stand on several lines."""
    return name.replace("__", " / ").replace("_", " ") or "not named"


def plain(name: str) -> str:
    """A name made of words and underscores, for a page: escaped, with spaces."""
    return escape(name.replace("_", " "))
