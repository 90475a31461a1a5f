"""Support tables: every row with all its columns, and the labels it comes to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from molmeta.assays import Columns
from molmeta.assays.support import read_support
from molmeta.errors import InputError


def test_rows_keep_their_columns_and_order(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("id,smiles,active\na,CCO,yes\nb,xyz,no\nc,,1\nd,CC,\ne,OCC,yes\nf,C,no\n")
    support = read_support(path)
    assert support.assay_id == "mine"
    assert support.rows["id"].tolist() == list("abcdef")
    assert support.smiles == ["CCO", "xyz", "", "CC", "OCC", "C"]
    np.testing.assert_array_equal(support.labels, [1, 0, 1, np.nan, 1, 0])
    assert support.kept.tolist() == [True, False, False, False, False, True]
    assert support.reasons[4] == "same molecule as row 0"


def test_values_make_labels(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("smiles,Ki (nM)\nCCO,10\nCC,\nC,5000\n")
    support = read_support(path, Columns(value_column="Ki (nM)", threshold=7.0))
    np.testing.assert_array_equal(support.labels, [1, np.nan, 0])


def test_one_of_several_assays(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("assay,smiles,y\nA,CCO,1\nB,CC,0\nA,C,0\n")
    with pytest.raises(InputError, match="2 assays"):
        read_support(path)
    assert read_support(path, assay_id="A").rows.index.tolist() == [0, 2]
