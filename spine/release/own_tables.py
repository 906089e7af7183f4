"""What a release says of itself: its own three tables and what each of their columns holds.

Put here: comments that stand in every release file. Never here: what the tables hold (build), or a promised table's
comments, which its output contract gives.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

#: Comment of each table, and of its columns.
OWN_TABLES: Final[Mapping[str, tuple[str, Mapping[str, str]]]] = {
    "_dictionary": (
        "Every released column and the fields it is made from.",
        {
            "table_name": "Table of the release.",
            "column_name": "Column of that table.",
            "type": "Its DuckDB type.",
            "classification": "What the output contract says it is: pseudonym, public, personal or special_category.",
            "description": "What it means.",
            "source_fields": "Fields of the partners' datasets that it is made from, as the agreement names them.",
        },
    ),
    "_inputs": (
        "Every delivery that was in use, and its content.",
        {
            "delivery": "Partner, dataset and date.",
            "content_sha256": "Hash of the files' bytes as they were delivered.",
        },
    ),
    "_release": (
        "What this file is: one row.",
        {
            "purpose": "What the release may be used for.",
            "as_of": "The day that it tells of.",
            "agreement_id": "The agreement that permits it.",
            "agreement_version": "That agreement's version.",
            "agreement_sha256": "Hash of that agreement's content.",
            "inputs_sha256": "Hash over _inputs: equal where the same deliveries were in use.",
            "key_version": "Version of the key of the pseudonyms; ids of two versions cannot be joined.",
            "opted_out_fingerprint": "Tells two lists of opted-out residents apart, and says nothing about either.",
            "is_demo": "True where approvals or data are a demonstration's.",
            "version": "Number of this release of the purpose; none is used twice.",
            "table_rows": "Rows of each released table, as JSON.",
            "content_sha256": "Hash of the released tables and of what made them: equal for an equal release.",
            "audit_head": "Hash of the audit log's last line when the file was built.",
            "rules": "Fingerprints of the rules that it was made by, as JSON: contracts, models, linkage, identity.",
        },
    ),
}
