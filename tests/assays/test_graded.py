"""Graded labels: on their own side of one half, in the order of the values, on any scale."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from molmeta.assays import Columns, load_assays
from molmeta.assays.graded import grade

pxc50 = st.lists(st.floats(3, 10), min_size=2, max_size=20).map(np.array)


def by_threshold(values: NDArray[np.float64]) -> NDArray[np.float32]:
    return (values > np.median(values)).astype(np.float32)


@given(pxc50)
def test_labels_stay_on_their_side_and_in_order(values: NDArray[np.float64]) -> None:
    labels = by_threshold(values)
    graded = grade(labels, values)
    assert ((graded > 0.5) == (labels > 0.5)).all()
    assert ((graded >= 0) & (graded <= 1)).all()
    assert (np.diff(graded[np.argsort(values, kind="stable")]) >= -1e-6).all()


@given(pxc50, st.floats(0.1, 10), st.floats(-5, 5), st.sampled_from([1, -1]))
def test_scale_origin_and_sign_of_values_do_not_matter(
    values: NDArray[np.float64], scale: float, origin: float, sign: int
) -> None:
    values = np.round(values, 3)
    labels = by_threshold(values)
    moved = grade(labels, sign * scale * values + origin)
    np.testing.assert_allclose(moved, grade(labels, values), atol=1e-4)


def test_what_values_do_not_say_is_left_to_the_labels() -> None:
    labels = np.array([1, 1, 1, 0, 0], np.float32)
    nan = np.nan
    for values in ([nan] * 5, [8, nan, nan, 4, nan], [5] * 5, [8, 7, 6, nan, nan]):
        assert grade(labels, np.array(values, float)).tolist() == labels.tolist()
    assert grade(labels, np.array([nan, 8, 7, 4, nan])).tolist() == labels.tolist()
    graded = grade(labels, np.array([nan, 8, 7, 4, 5]))
    assert graded[0] == 1
    assert graded[4] > graded[3]


def test_of_a_file_bounds_and_unknown_units_are_not_graded(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("smiles,IC50 (nM)\nCCO,10\nCCN,800\nCCC,2000\nCCCl,90000\nCCBr,>50000\n")
    assay = load_assays(path, Columns(threshold=6)).assay(0)
    assert assay.exact.tolist() == [True] * 4 + [False]
    graded = grade(assay.labels, assay.exact_values)
    assert 1 > graded[0] > graded[1] > 0.5 > graded[2] > graded[3] > graded[4] == 0
    path.write_text("smiles,half-life (min)\nCCO,10\nCCN,800\nCCC,2000\nCCCl,90000\n")
    columns = Columns(value_column="half-life (min)", threshold=900, direction="higher")
    assay = load_assays(path, columns).assay(0)
    assert grade(assay.labels, assay.exact_values).tolist() == [0, 0, 1, 1]
