"""Curation against its definition, on random tables."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from molmeta.assays.curation import curate

ROWS = st.lists(
    st.tuples(
        st.integers(0, 2),  # assay, 0 = none
        st.integers(0, 3),  # molecule
        st.sampled_from([0.0, 1.0, float("nan")]),
        st.sampled_from(["", "", "", "does not parse"]),
    ),
    max_size=25,
)


@given(ROWS)
@settings(deadline=None, max_examples=150)
def test_one_labelled_row_a_molecule_and_assay(rows: list[tuple[int, int, float, str]]) -> None:
    assays, molecules, labels, reasons = (np.array([row[i] for row in rows]) for i in range(4))
    numbers = np.arange(len(rows))
    curated = curate(
        assays.astype(np.int64), molecules.astype(np.int64), labels.astype(np.float32),
        numbers, reasons.astype(object),
    )  # fmt: skip
    for i, (assay, molecule, label, reason) in enumerate(rows):
        usable = [
            j
            for j, (other, same, known, set_aside) in enumerate(rows)
            if other == assay and same == molecule and known == known and not set_aside
        ]
        if reason or assay == 0 or label != label or len({rows[j][2] for j in usable}) > 1:
            expected = "dropped"
        else:
            expected = "kept" if usable[0] == i else "merged"
        assert curated.actions[i] == expected
        assert (curated.reasons[i] == "") == (expected == "kept")
    assert curated.kept.sum() == (curated.actions == "kept").sum()
