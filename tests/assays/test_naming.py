"""Names of molecules: the column that a chemist would take for them."""

from __future__ import annotations

import pandas as pd
import pytest

from molmeta.assays.naming import name_column

SMILES = ["CCO", "CCN", "CCC", "CCF"]


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"price": [1, 2, 3, 4], "ID": [7, 8, 9, 10]}, "ID"),
        ({"ChEMBL ID": ["C1", "C2", "C3", "C4"], "Units": ["nM"] * 4}, "ChEMBL ID"),
        ({"Units": ["nM"] * 4, "code": ["a", "b", "c", "c"]}, "code"),
        ({"IC50": ["1", "2", ">3", ""], "Units": ["nM"] * 4}, None),
        ({"canonical_smiles": ["OCC", "NCC", "C(C)C", "FCC"]}, None),
        ({"name": ["", "", "", ""], "code": ["a", "b", "c", "d"]}, "code"),
        ({}, None),
    ],
)  # fmt: skip
def test_the_column_with_names(columns: dict[str, list[object]], expected: str | None) -> None:
    table = pd.DataFrame({"structure": SMILES, **columns})
    assert name_column(table, SMILES) == expected


def test_columns_that_were_added_name_nothing() -> None:
    table = pd.DataFrame({"smiles": SMILES, "reason": ["a", "b", "c", "d"]})
    assert name_column(table, SMILES, {"reason"}) is None
