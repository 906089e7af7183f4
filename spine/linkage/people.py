"""What is told of the records themselves, beside what they are linked by.

Put here: which identifiers a record has, and the groups it is in. Never here: counts (report.py).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spine.linkage.arrays import Array, Flags
from spine.linkage.encode import Encoded

#: Identifiers whose completeness is told, and the codes that hold them.
_CODES = {
    "first_name": "first", "middle_name": "middle", "surname": "surname", "date_of_birth": "birth", "sex": "sex",
    "nhs_number": "nhs", "nino": "nino", "upn": "upn", "uprn": "uprn", "house": "house", "postcode": "postcode",
    "phone": "phone", "email": "email",
}  # fmt: skip
IDENTIFIERS = tuple(_CODES)


@dataclass(frozen=True)
class People:
    """What is told of each record.

    Attributes:
        known: the identifiers of which it has a usable value; bit i is that of `IDENTIFIERS[i]`.
        sex: 1 female, 2 male, 0 not known.
        decade: decade of birth (198 is the 1980s), 0 not known.
    """

    known: Array
    sex: Array
    decade: Array

    def has(self, identifier: str) -> Flags:
        """Records with a usable value."""
        found: Flags = self.known & (1 << IDENTIFIERS.index(identifier)) != 0
        return found


def people_of(records: Encoded) -> People:
    """What is told of these records."""
    codes, known = records.codes, np.zeros(records.size, dtype=np.uint16)
    for bit, column in enumerate(_CODES.values()):
        # A year alone is no date of birth.
        held = codes[column] % 100 > 0 if column == "birth" else codes[column] != 0
        known |= held.astype(np.uint16) << np.uint16(bit)
    return People(known, codes["sex"], (codes["birth"] // 100_000).astype(np.int16))
