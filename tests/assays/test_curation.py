"""Curation against its definition, on random tables."""

from __future__ import annotations

import math
from statistics import median_low

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from molmeta.assays.curation import Limits, curate

Row = tuple[int, int, float, float, str]
ROWS = st.lists(
    st.tuples(
        st.integers(0, 2),  # assay, 0 = none
        st.integers(0, 3),  # identity
        st.sampled_from([0.0, 1.0, math.nan]),
        st.sampled_from([5.0, 6.0, 8.0, math.nan]),
        st.sampled_from(["", "", "", "does not parse"]),
    ),
    max_size=25,
)


def table_of(rows: list[Row]) -> pd.DataFrame:
    columns = ["assay", "identity", "label", "value", "reason"]
    table = pd.DataFrame(rows, columns=columns).astype({"label": float, "value": float})
    return table.astype({"assay": int, "identity": int, "reason": object}).assign(
        row=np.arange(len(rows))
    )


def is_usable(row: Row) -> bool:
    return row[0] > 0 and not math.isnan(row[2]) and not row[4]


@given(ROWS)
def test_one_labelled_row_a_molecule_and_assay(rows: list[Row]) -> None:
    curated = curate(table_of(rows))
    assert ((curated["reason"] == "") == (curated["action"] == "kept")).all()
    for i, row in enumerate(rows):
        if not is_usable(row):
            assert curated["action"][i] == "dropped"
            continue
        same = [j for j, other in enumerate(rows) if other[:2] == row[:2] and is_usable(other)]
        labels = [rows[j][2] for j in same]
        kept = [j for j in same if curated["action"][j] == "kept"]
        if labels.count(1) == labels.count(0):
            assert curated["action"][i] == "dropped"
            continue
        assert len(kept) == 1
        winner = rows[kept[0]]
        assert winner[2] == (labels.count(1) > labels.count(0))
        if i != kept[0]:
            assert curated["action"][i] == "merged"
            assert f"row {kept[0]}" in curated["reason"][i]
            assert ("outvoted" in curated["reason"][i]) == (row[2] != winner[2])
        values = sorted(v for j in same if rows[j][2] == winner[2] and (v := rows[j][3]) == v)
        if len(values) % 2:
            assert winner[3] == median_low(values)
        else:
            assert not values or winner[3] in values[len(values) // 2 - 1 : len(values) // 2 + 1]


@pytest.mark.parametrize(
    ("limits", "kept"),
    [
        (Limits(), [1, 2]),
        (Limits(min_molecules=3), [1]),
        (Limits(min_per_class=1), [1]),
        (Limits(min_per_class=2), []),
    ],
)
def test_assays_too_small_or_one_sided_are_dropped_whole(limits: Limits, kept: list[int]) -> None:
    rows = [(1, 0, 1.0, 5.0, ""), (1, 1, 0.0, 5.0, ""), (1, 2, 0.0, 5.0, "")]
    rows += [(2, 0, 1.0, 5.0, ""), (2, 1, 1.0, 5.0, "")]
    table = table_of(rows)
    curated = curate(table, limits)
    assert sorted(set(table["assay"][curated["action"] == "kept"])) == kept
    assert curated["reason"][curated["action"] == "dropped"].str.startswith("assay with").all()
