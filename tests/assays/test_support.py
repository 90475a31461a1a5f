"""Support tables: every row with all its columns, and the labels it comes to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from molmeta.assays import Columns, featurize_files, load_assays
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


def supported(folder: Path, text: str, columns: Columns | None = None) -> tuple[list[float], str]:
    """The labels of a table, and the last note on it."""
    (folder / "mine.csv").write_text(text)
    support = read_support(folder / "mine.csv", columns)
    return support.labels.tolist(), support.notes[-1]


HEAD = "smiles,IC50 (nM)\n"


def test_values_alone_are_parted_at_one_micromolar_and_it_is_said(tmp_path: Path) -> None:
    labels, note = supported(tmp_path, HEAD + "CCO,10\nCCN,900\nCCC,>5000\nCCF,1000\n")
    assert labels == [1, 1, 0, 0]
    assert note == "active is pXC50 > 6 (below 1,000 nM), the default"


def test_concentrations_are_written_out(tmp_path: Path) -> None:
    rows = HEAD + "CCO,10\nCCN,90000\n"
    assert "(below 10,000 nM)" in supported(tmp_path, rows, Columns(threshold=5))[1]
    assert "(below 0.03162 nM)" in supported(tmp_path, rows, Columns(threshold=10.5))[1]


@pytest.mark.parametrize("scale", [1, 1_000_000])
def test_the_median_parts_what_one_micromolar_leaves_whole(tmp_path: Path, scale: int) -> None:
    rows = f"CCO,{scale}\nCCN,{2 * scale}\nCCC,{4 * scale}\nCCF,{8 * scale}\n"
    labels, note = supported(tmp_path, HEAD + rows)
    assert labels == [1, 1, 0, 0]
    assert note.endswith(", the median: 6 leaves a class empty")


def test_a_bound_that_decides_nothing_makes_no_class(tmp_path: Path) -> None:
    labels, note = supported(tmp_path, HEAD + "CCO,10\nCCN,20\nCCC,>500\nCCF,40\n")
    assert "the median" in note
    assert labels == [1, 1, 0, 0]


def test_percentages_are_parted_at_their_median(tmp_path: Path) -> None:
    labels, note = supported(tmp_path, "smiles,inhibition (%)\nCCO,80\nCCN,20\nCCC,3\nCCF,70\n")
    assert labels == [1, 0, 0, 1]
    assert note == "active is % > 45, the median"


def test_a_named_value_column_needs_no_threshold(tmp_path: Path) -> None:
    text = "smiles,first,second\nCCO,0.01,4\nCCN,50,3\n"
    labels, _ = supported(tmp_path, text, Columns(value_column="first", units="uM"))
    assert labels == [1, 0]


def test_labels_win_over_values(tmp_path: Path) -> None:
    """Also where only some rows have one: the others wait for a prediction or are not known."""
    text = "smiles,IC50 (nM),active\nCCO,10,0\nCCN,90000,1\nCCC,10,\nCCF,,\n"
    labels, note = supported(tmp_path, text)
    np.testing.assert_array_equal(labels, [0, 1, np.nan, np.nan])
    assert "active is" not in note
    (tmp_path / "none.csv").write_text("smiles,IC50 (nM),active\nCCO,10,\nCCN,90000,\n")
    assert read_support(tmp_path / "none.csv").labels.tolist() == [1, 0]


def test_what_is_named_is_taken(tmp_path: Path) -> None:
    text = HEAD + "CCO,10\nCCN,90000\nCCC,3\n"
    assert supported(tmp_path, text, Columns(threshold=8.2))[0] == [0, 0, 1]
    with pytest.raises(InputError, match="'IC50"):
        supported(tmp_path, text, Columns(label_column="IC50 (nM)"))


@pytest.mark.parametrize(
    "repeats",
    [
        {"C": ["5", "12000"]},  # contradict each other
        {"C": ["5", "12000", "12000"]},  # outvoted
        {"C": ["5", "12000"], "CC": ["34000", "3"]},
    ],
)
def test_the_default_counts_the_rows_that_are_kept(
    tmp_path: Path, repeats: dict[str, list[str]]
) -> None:
    rows = [(smiles, value) for smiles, values in repeats.items() for value in values]
    rows += [("C" * (3 + i), str(8000 + 1000 * i)) for i in range(9)]
    pd.DataFrame(rows, columns=["smiles", "IC50 (nM)"]).to_csv(tmp_path / "m.csv", index=False)
    support = read_support(tmp_path / "m.csv")
    assert support.notes[-1].endswith("the median: 6 leaves a class empty")
    assert set(support.labels[support.kept]) == {0, 1}


def test_the_default_holds_where_a_majority_makes_the_class(tmp_path: Path) -> None:
    text = "smiles,IC50 (nM)\nC,5\nC,6\nC,12000\nCC,34000\nCCC,8000\n"
    (tmp_path / "m.csv").write_text(text)
    support = read_support(tmp_path / "m.csv")
    assert support.notes[-1].endswith("the default")
    assert support.labels[support.kept].tolist() == [1, 0, 0]


def test_each_assay_has_its_own_default(tmp_path: Path) -> None:
    table = pd.DataFrame({"assay": list("AAABBB"), "smiles": ["CCO", "CCN", "CCC"] * 2})
    table.assign(**{"Ki (nM)": [1, 2, 9000, 1, 2, 4]}).to_csv(tmp_path / "mine.csv", index=False)
    store = load_assays(tmp_path / "mine.csv", Columns().of_support())
    assert [assay.labels.tolist() for assay in store] == [[1, 1, 0], [1, 0, 0]]
    assert store.assays["threshold"].round(3).tolist() == [6, 8.699]
    assert "each assay's own, 2 assays), the median where 6 leaves" in store.notes[-1]


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("smiles,IC50\nCCO,12\nCCN,50000\n", "--units"),
        ("smiles,Ki (nM),IC50 (nM)\nCCO,12,3\nCCN,50000,2\n", "--value-column"),
        ("smiles,rate\nCCO,12\nCCN,50000\n", "--label-column"),
        ("smiles,active\nCCO,\nCCN,\n", "--label-column"),
    ],
)
def test_what_is_not_known_is_asked_for(tmp_path: Path, text: str, asked: str) -> None:
    with pytest.raises(InputError, match=asked):
        supported(tmp_path, text)


def test_training_data_still_need_a_threshold(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text(HEAD + "CCO,10\nCCN,90000\n")
    with pytest.raises(InputError, match="--threshold"):
        featurize_files([tmp_path / "mine.csv"], None)


CHAIN = ["C" * n for n in range(1, 7)]
NANOMOLAR = ["12", "34000", "5", "56000", "91", "78000"]


def beside_values(folder: Path, cells: dict[str, list[str]]) -> Path:
    """Six measured molecules, three of them below 1 µM, and other columns."""
    table = pd.DataFrame({"smiles": CHAIN, "IC50 (nM)": NANOMOLAR, **cells})
    table.to_csv(folder / "mine.csv", index=False)
    return folder / "mine.csv"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Active?", ("yes", "no")),
        ("Hit", ("Y", "N")),
        ("Class", ("active", "inactive")),
        ("Activity Outcome", ("Active", "Inactive")),
        ("activity_class", ("1", "0")),
        ("Result", ("Active", "Inactive")),
        ("HitCall", ("1", "0")),
    ],
)
def test_the_labels_of_a_user_win_over_values(
    tmp_path: Path, name: str, words: tuple[str, str]
) -> None:
    yes, no = words
    path = beside_values(tmp_path, {name: [no, no, yes, yes, yes, no]})
    support = read_support(path)
    assert support.labels.tolist() == [0, 0, 1, 1, 1, 0]
    assert f"labels from {name!r}" in support.notes[0]


def test_what_is_inconclusive_or_blank_is_not_labelled_by_its_value(tmp_path: Path) -> None:
    words = ["Inactive", "Active", "Inconclusive", "", "Active", "Unspecified"]
    support = read_support(beside_values(tmp_path, {"Outcome": words}))
    np.testing.assert_array_equal(support.labels, [0, 1, np.nan, np.nan, 1, np.nan])
    assert support.reasons[2:] == ["label is Inconclusive", "no label", "", "label is Unspecified"]
    assert not support.blank.any()


@pytest.mark.parametrize(
    "cells",
    [
        {"CDK2 active": ["1", "0", "1", "0", "1", "1"]},
        {"counter screen": ["active", "inactive"] * 3},
        {"Hit": ["Y", "N"] * 3, "Outcome": ["Active", "Inactive"] * 3},
    ],
)
@pytest.mark.parametrize("columns", [Columns(), Columns().of_support()])
def test_labels_that_are_not_clear_are_asked_for(
    tmp_path: Path, cells: dict[str, list[str]], columns: Columns
) -> None:
    path = beside_values(tmp_path, cells)
    with pytest.raises(InputError, match=r"'IC50 \(nM\)'.*--label-column.*--value-column") as told:
        load_assays(path, columns)
    assert all(repr(name) in str(told.value) for name in cells)
    told_values = read_support(path, Columns(value_column="IC50 (nM)"))
    assert told_values.labels.tolist() == [1, 0, 1, 0, 1, 0]
    assert all(repr(name) in told_values.notes[1] for name in cells)


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("PAINS", ["0", "1", "0", "0", "1", "0"]),
        ("chiral", ["0", "1", "0", "0", "1", ""]),
        ("Lipinski violations", ["0", "1", "0", "0", "1", "0"]),
        ("SD", ["1"] * 6),
        ("n", ["1"] * 6),
        ("In stock", ["FALSE", "TRUE"] * 3),
        ("Reactive group", ["N", "Y"] * 3),
    ],
)
def test_classes_beside_values_are_no_labels(tmp_path: Path, name: str, cells: list[str]) -> None:
    path = beside_values(tmp_path, {name: cells})
    support = read_support(path)
    assert support.labels.tolist() == [1, 0, 1, 0, 1, 0]
    assert f"not read: {name!r}" in support.notes[1]
    assert read_support(path, assay_id=name).labels.tolist() != [1, 0, 1, 0, 1, 0]
    with pytest.raises(InputError, match=r"--label-column.*--value-column"):
        load_assays(path)


def test_classes_beside_several_values_are_no_labels(tmp_path: Path) -> None:
    path = beside_values(tmp_path, {"Ki (nM)": NANOMOLAR, "PAINS": ["0", "1"] * 3})
    with pytest.raises(InputError, match=r"several columns.*'IC50 \(nM\)', 'Ki \(nM\)'"):
        read_support(path)


def test_assays_named_like_values_are_assays(tmp_path: Path) -> None:
    path = tmp_path / "wide.csv"
    path.write_text("smiles,ERK inhibition,CDK inhibition\nCCO,1,0\nCC,0,1\n")
    assert load_assays(path).assay_ids == ["ERK inhibition", "CDK inhibition"]


GOOD = "CCCC,100,7\nCCCCC,1000,6\n"  # of two forms most rows must agree


@pytest.mark.parametrize(
    ("concentration", "logarithm"),
    [
        ("12", "7.92"),
        ("12", "7.9"),
        ("12", "8"),  # as it is rounded
        ("91", "7"),
        ("1", "8.9"),
        (">10000", "4.2"),  # a bound says nothing of the other
        ("", "7.1"),
        ("0.012 uM", "7.92"),  # refused itself, beside nM
        ("1.2e1", "7.92"),
        ("12", "<7.5"),
    ],
)
def test_two_forms_of_a_value_agree(tmp_path: Path, concentration: str, logarithm: str) -> None:
    text = (
        f"smiles,IC50 (nM),pIC50\nC,{concentration},{logarithm}\nCC,34000,4.47\nCCC,10,8.0\n" + GOOD
    )
    (tmp_path / "m.csv").write_text(text)
    support = read_support(tmp_path / "m.csv", Columns(threshold=5))
    assert support.notes[0].endswith("values from 'pIC50' in pXC50 rather than 'IC50 (nM)'")
    reasons = {""} | ({support.reasons[0]} if "<" in logarithm else set())
    assert {*support.reasons} <= reasons
    assert not any("disagree" in reason for reason in support.reasons)


@pytest.mark.parametrize(
    ("concentration", "logarithm"),
    [("12", "5.92"), ("12", "7.8"), ("12", "6"), ("12.0", "8.02")],
)
def test_two_forms_that_disagree_drop_their_row(
    tmp_path: Path, concentration: str, logarithm: str
) -> None:
    text = (
        f"smiles,IC50 (nM),pIC50\nC,{concentration},{logarithm}\nCC,34000,4.47\nCCC,10,8.0\n" + GOOD
    )
    (tmp_path / "m.csv").write_text(text)
    support = read_support(tmp_path / "m.csv")
    said = "'IC50 (nM)' and 'pIC50' disagree (--value-column says which)"
    assert support.reasons == [said, "", "", "", ""]
    assert np.isnan(support.values[0])
    assert not support.blank.any()
    told = read_support(tmp_path / "m.csv", Columns(value_column="pIC50"))
    assert told.reasons == [""] * 5


def test_the_form_beside_a_relation_is_compared_too(tmp_path: Path) -> None:
    text = "smiles,rel,Ki (uM),pKi\nC,=,0.012,5.92\nCC,>,34,4.47\nCCC,=,0.01,8.0\n"
    text += "CCCC,=,0.1,7\nCCN,=,0.1,7\n"
    (tmp_path / "m.csv").write_text(text)
    support = read_support(tmp_path / "m.csv")
    assert "values from 'Ki (uM)' in uM rather than 'pKi'" in support.notes[0]
    assert ["disagree" in reason for reason in support.reasons] == [True] + [False] * 4
    np.testing.assert_array_equal(support.labels, [np.nan, 0, 1, 1, 1])


def test_labels_keep_their_row_where_the_values_disagree(tmp_path: Path) -> None:
    text = "smiles,active,IC50 (nM),pIC50\nC,1,12,5.92\nCC,0,34000,4.47\n"
    (tmp_path / "m.csv").write_text(text)
    support = read_support(tmp_path / "m.csv")
    assert support.kept.tolist() == [True, True]
    np.testing.assert_allclose(support.values, [np.nan, 4.47], rtol=1e-5)
