"""Pictures in the metadata of assets and checks.

Put here: how a picture gets into Dagster's page. Never here: a drawing (spine.reports).
"""

from __future__ import annotations

from base64 import b64encode

import dagster as dg


def picture(words: str, svg: str) -> dg.MarkdownMetadataValue:
    """A picture inside the text that shows it: Dagster's page loads nothing from a file or another host."""
    data = b64encode(svg.encode("utf-8")).decode("ascii")
    return dg.MarkdownMetadataValue(f"![{words}](data:image/svg+xml;base64,{data})")
