"""Support tables: every row with all its columns, and the labels it comes to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from molmeta.assays import Columns, featurize_files
from molmeta.assays.splits import split_assays, write_split
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


def test_a_column_of_a_wide_table(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("smiles,first,second\nCCO,1,0\nCC,0,\nC,,\nCN,,1\n")
    with pytest.raises(InputError, match=r"'first', 'second'.*--assay"):
        read_support(path)
    support = read_support(path, assay_id="second")
    np.testing.assert_array_equal(support.labels, [0, np.nan, np.nan, 1])
    assert support.blank.tolist() == [False, True, True, False]


def test_the_only_column_of_a_wide_table(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("smiles,hit\nCCO,1\nCC,\nC,0\nxyz,\nOCC,0\n")
    support = read_support(path)
    assert support.assay_id == "hit"
    assert support.rows.index.tolist() == [0, 1, 2, 3, 4]
    np.testing.assert_array_equal(support.labels, [1, np.nan, 0, np.nan, 0])
    assert support.blank.tolist() == [False, True, False, True, False]
    assert support.summary().to_dict("records") == [
        {"action": "dropped", "reason": "contradicting labels for one molecule", "n_rows": 2},
        {"action": "waiting for a prediction", "reason": "tested in no assay", "n_rows": 2},
        {"action": "kept", "reason": "", "n_rows": 1},
    ]


def test_an_assay_of_a_fold(tmp_path: Path) -> None:
    rows = [f"{assay},{'C' * n},{n % 2}" for assay in "ABC" for n in range(1, 20)]
    (tmp_path / "t.csv").write_text("\n".join(["assay,smiles,y", *rows]))
    store = featurize_files([tmp_path / "t.csv"], None)
    folds = write_split(store, split_assays(store, "molecule"), tmp_path / "split")
    for fold in folds.values():
        (assay_id,) = fold.assay_ids
        support = read_support(fold.path, assay_id=assay_id)
        assert len(support.rows) == fold.assays["n_rows"][0] < 19
        assert support.rows["row"].tolist() == fold.assay(0).rows.tolist()
        assert support.smiles == [fold.smiles[i] for i in fold.assay(0).molecules]
