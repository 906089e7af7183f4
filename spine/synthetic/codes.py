"""The fictional region's fixed facts: its councils, codes and shares of the population.

Put here: what no draw changes. Never here: a code that a real body holds.
"""

from __future__ import annotations

from dataclasses import dataclass

BRACKENFELL = "brackenfell_borough"
HARCOMBE = "harcombe_district"
SALTMARSH = "saltmarsh_district"
TOR_VALLEY = "tor_valley_district"
COUNTY = "wexmoor_county"
ICB = "wexmoor_icb"
#: The housing association that Saltmarsh transferred its homes to.
WEXMOOR_HOMES = "wexmoor_homes"

#: CASSR and DfE code of the county; neither list has issued it.
COUNTY_CODE = "990"


@dataclass(frozen=True)
class District:
    """A council of the lower tier. `share` is its population in thousands."""

    id: str
    gss_code: str
    share: int
    towns: tuple[str, ...]


DISTRICTS = (
    District(
        "harcombe_district",
        "E07900001",
        155,
        ("Harcombe", "Nether Harcombe", "Ashwick Priory", "Combe Tarrant", "Withy Stoke", "Larkmere"),
    ),
    District(
        "saltmarsh_district",
        "E07900002",
        123,
        ("Saltmarsh", "Saltmarsh Quay", "Reedham Drove", "Eastwater", "Samphire Bay", "Gullholm"),
    ),
    District(
        "brackenfell_borough",
        "E07900003",
        168,
        ("Brackenfell", "Upper Bracken", "Fellgate", "Heronsfold", "Stonewath", "Millthwaite"),
    ),
    District(
        "tor_valley_district",
        "E07900004",
        116,
        ("Torbridge", "Valley St Mary", "High Tor", "Granitewell", "Leat Cross", "Moorend"),
    ),
)


def district_of(council: str) -> int:
    """A council's place among the districts."""
    return next(index for index, entry in enumerate(DISTRICTS) if entry.id == council)


#: Shares of a district's postcodes in its towns, the largest first.
TOWN_SHARES = (0.34, 0.2, 0.15, 0.12, 0.1, 0.09)


def source(partner: str, dataset: str) -> str:
    """A source's name as in the truth and the spine: `<partner>__<dataset>`."""
    return f"{partner}__{dataset}"
