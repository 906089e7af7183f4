"""Link person records with recordlinkage, the usual way: Index, Compare, ECM. FROZEN with the truth generator.

Put here: recordlinkage's settings. Never here: our engine, the truth or any measuring (benchmarks/linkage.py).

Runs in an environment of its own (requirements.txt beside this file). For 50,000 residents: the pairs of more do not
fit. ECM takes two levels for each comparison, so similarities are cut at a threshold, and a value that is missing
counts as one that differs. So sex, numbers, phone and email, which most records lack, only block: compared as well,
they lowered the best F1 from 0.75 to 0.53.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
import recordlinkage
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

COLUMNS = [
    "record_id",
    "first_name",
    "surname",
    "date_of_birth",
    "sex",
    "nhs_number",
    "nino",
    "upn",
    "uprn",
    "house_number",
    "street",
    "postcode",
    "phone",
    "email",
]
BLOCKS = (
    ["nhs_number"],
    ["nino"],
    ["upn"],
    ["date_of_birth", "surname"],
    ["date_of_birth", "first_name"],
    ["postcode", "surname"],
    ["postcode", "first_name"],
    ["email"],
)


def read(path: Path) -> pd.DataFrame:
    """The records as text, missing columns as nulls."""
    frame = pd.read_parquet(path)
    frame = frame.reindex(columns=COLUMNS)
    frame["postcode"] = frame["postcode"].mask(frame["postcode"].str.startswith("ZZ99", na=False))
    frame["date_of_birth"] = frame["date_of_birth"].astype("string")
    return frame.set_index("record_id")


def candidates(frame: pd.DataFrame) -> pd.MultiIndex:
    """Pairs of each block; records without the key are in none."""
    pairs = None
    for columns in BLOCKS:
        held = frame.dropna(subset=columns)
        indexer = recordlinkage.Index()
        indexer.block(columns)
        found = indexer.index(held)
        pairs = found if pairs is None else pairs.union(found)
    return pairs


def compare(frame: pd.DataFrame, pairs: pd.MultiIndex) -> pd.DataFrame:
    """One column of 0 and 1 for each comparison."""
    comparer = recordlinkage.Compare(n_jobs=2)
    comparer.string("first_name", "first_name", method="jarowinkler", threshold=0.88, label="first_name")
    comparer.string("surname", "surname", method="jarowinkler", threshold=0.90, label="surname")
    comparer.exact("date_of_birth", "date_of_birth", label="date_of_birth")
    comparer.exact("postcode", "postcode", label="postcode")
    comparer.exact("house_number", "house_number", label="house_number")
    return comparer.compute(pairs, frame)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("records", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--thresholds", type=float, nargs="+", required=True, help="match probabilities")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    frame = read(arguments.records)
    pairs = candidates(frame)
    vectors = compare(frame, pairs)
    classifier = recordlinkage.ECMClassifier()
    classifier.fit(vectors)
    probability = np.asarray(classifier.prob(vectors))
    left = frame.index.get_indexer(vectors.index.get_level_values(0))
    right = frame.index.get_indexer(vectors.index.get_level_values(1))
    for threshold in arguments.thresholds:
        kept = probability >= threshold
        graph = coo_matrix((np.ones(kept.sum()), (left[kept], right[kept])), shape=(len(frame), len(frame)))
        _, cluster = connected_components(graph, directed=False)
        clusters = pd.DataFrame({"record_id": frame.index, "cluster_id": cluster.astype(str)})
        clusters.to_parquet(arguments.out / f"clusters_{threshold:g}.parquet", index=False)


if __name__ == "__main__":
    main()
