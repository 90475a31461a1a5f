"""Values → labels: units, censoring, thresholds, and FS-Mol's own cleaned assay as the oracle."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from molmeta.assays import AssayStore, Columns, featurize_files, load_assays
from molmeta.assays.activity import check_threshold, label_values
from molmeta.assays.units import Unit, comparable
from molmeta.errors import InputError


@pytest.mark.parametrize(
    ("value", "unit", "pxc50"),
    [
        (1000, "nM", 6),
        (1, "uM", 6),
        (1, "µM", 6),
        (1, "μM", 6),
        (0.001, "mM", 6),
        (1e-6, "M", 6),
        (1e6, "pM", 6),
        (1, "umol/L", 6),
        (1, "micromolar", 6),
        (1, "10^-6 M", 6),
        (3, "x10-9 M", 8.522879),
        (7.25, "pIC50", 7.25),
        (5, "ug.mL-1", 5),  # at 500 g/mol this is 10 µM
        (5, "µg/ml", 5),
        (5, "mg/L", 5),
        (5, "mg.L-1", 5),
        (5000, "ng/mL", 5),
        (5, "g m3", None),
        (55, "%", None),
    ],
)
def test_units(value: float, unit: str, pxc50: float | None) -> None:
    row = comparable(pd.Series([value]), pd.Series([unit]), pd.Series(["="]), np.array([500.0]))
    assert row["value"][0] == pytest.approx(value if pxc50 is None else pxc50)
    assert (row["kind"][0] == "pXC50") == (pxc50 is not None)


def test_same_unit_same_key() -> None:
    spellings = ["ug.mL-1", "ug/mL", "µg mL-1", "mg/L", "mg L^-1", "ug·mL(-1)"]
    assert {Unit.parse(text).key for text in spellings} == {"ug/ml"}


def table(*rows: tuple[float, str, str], **columns: object) -> pd.DataFrame:
    """One assay of molecules of 500 g/mol: value, unit, relation each."""
    frame = pd.DataFrame(rows, columns=["value", "unit", "relation"])
    weights = np.full(len(frame), 500.0)
    known = comparable(frame["value"].astype(float), frame["unit"], frame["relation"], weights)
    quantity = np.where(frame["unit"] == "%", "inhibition", "")
    extra: dict[str, Any] = {
        "assay": 1,
        "identity": np.arange(len(frame)),
        "weight": 500.0,
        "enzyme": False,
    }
    extra["quantity"] = quantity if len(set(quantity)) == 1 else ""
    extra["usual"] = extra["quantity"]
    return known.assign(**{**extra, **columns})


def labels(result: pd.DataFrame) -> list[float | None]:
    return [None if math.isnan(label) else label for label in result["label"]]


@pytest.mark.parametrize(
    ("relation", "expected"),
    [
        ("=", [1, 0]),
        ("~", [1, 0]),
        ("", [1, 0]),
        (">", [None, 0]),  # less active than the value says
        (">=", [None, 0]),
        (">>", [None, 0]),
        ("<", [1, None]),
        ("<=", [1, None]),
        ("<<", [1, None]),
    ],
)
def test_censored_concentrations(relation: str, expected: list[float | None]) -> None:
    result = label_values(table((10, "nM", relation), (100_000, "nM", relation)), 6.0)
    assert labels(result) == expected
    assert (result["reason"] != "").tolist() == [label is None for label in expected]


def test_censored_percentages_point_the_other_way() -> None:
    rows = (90, "%", ">"), (90, "%", "<"), (10, "%", ">"), (10, "%", "<")
    assert labels(label_values(table(*rows), 50.0)) == [1, None, None, 0]


@pytest.mark.parametrize(
    ("unit", "direction", "expected"),
    [
        ("nM", None, [1, 0]),
        ("nM", "lower", [1, 0]),
        ("nM", "higher", [0, 1]),
        ("pIC50", None, [0, 1]),
        ("pIC50", "higher", [0, 1]),
        ("pIC50", "lower", [1, 0]),
        ("%", None, [0, 1]),
        ("%", "lower", [1, 0]),
        ("", "lower", [1, 0]),
    ],
)
def test_direction_is_of_the_value_as_measured(
    unit: str, direction: str | None, expected: list[float]
) -> None:
    low_high = table((4, unit, "="), (8, unit, "="))
    threshold = 8.2 if unit == "nM" else 6.0
    assert labels(label_values(low_high, threshold, direction)) == expected


def test_a_told_direction_is_of_the_form_that_most_values_have() -> None:
    rows = table((12, "nM", "="), (5000, "nM", "="), (7.1, "pIC50", "="))
    labelled = label_values(rows, 6, "higher")
    assert labelled["label"].tolist()[:2] == [0, 1]
    assert "turns round what --direction says" in labelled["reason"][2]
    assert label_values(rows, 6)["label"].tolist() == [1, 0, 1]


def test_censoring_turns_with_the_direction() -> None:
    rows = (10, "%", ">"), (10, "%", "<"), (90, "%", ">"), (90, "%", "<")
    assert labels(label_values(table(*rows), 50.0, "lower")) == [None, 1, 0, None]


def test_median_counts_a_measurement_listed_twice_once() -> None:
    values = [(v, "pXC50", "=") for v in (4.0, 4.0, 4.0, 5.0, 6.0)]
    result = label_values(table(*values, identity=[0, 0, 0, 1, 2]), "median")
    assert set(result["threshold"]) == {5.0}
    assert labels(result) == [0, 0, 0, 0, 1]


@pytest.mark.parametrize(
    ("values", "unit", "enzyme", "threshold"),
    [
        ([4.5, 5.5, 5.9], "pXC50", False, 5.5),
        ([6.5, 6.6, 6.7], "pXC50", False, 5.0),
        ([6.5, 6.6, 6.7], "pXC50", True, 6.6),
        ([4.4, 4.5, 4.6], "pXC50", True, 5.0),
        ([3.0, 3.5, 4.5], "pXC50", False, 5.0),
        ([10, 20, 90], "%", False, 50.0),
        ([10, 70, 90], "%", False, 70.0),
    ],
)
def test_fsmol_thresholds(values: list[float], unit: str, enzyme: bool, threshold: float) -> None:
    given = {"pXC50": ("nM", lambda v: 10 ** (9 - v)), "%": ("%", lambda v: v)}[unit]
    rows = [(given[1](v), given[0], "=") for v in values]
    result = label_values(table(*rows, enzyme=enzyme), "fsmol")
    assert result["threshold"].tolist() == pytest.approx([threshold] * 3)


def test_fsmol_sets_aside() -> None:
    rows = [(100, "nM", "=")] * 3 + [(1, "ug.mL-1", "="), (1e4, "nM", "="), (120, "nM", "=")]
    result = label_values(
        table(*rows, weight=[500, 901, 500, 500, 500, 500], identity=[0, 1, 2, 3, 2, 0]), "fsmol"
    )
    assert [bool(reason) for reason in result["reason"]] == [False, True, True, True, True, False]
    assert "heavier" in result["reason"][1]
    assert "far apart" in result["reason"][2]
    assert "unit" in result["reason"][3]


def test_the_commonest_kind_of_unit_is_the_assays() -> None:
    rows = [(1, "nM", "="), (50, "%", "="), (1, "uM", "=")]
    result = label_values(table(*rows), 7.0)
    assert labels(result) == [1, None, 0]
    assert "unlike its assay" in result["reason"][1]


def test_thresholds_as_typed() -> None:
    assert check_threshold("6.5") == 6.5
    assert check_threshold("median") == "median"
    for wrong in ("mean", "nan", "inf", ""):
        with pytest.raises(InputError, match=rf"'{wrong}'.*median or fsmol"):
            check_threshold(wrong)
    with pytest.raises(InputError, match=r"pXC50.*6 for 1000 nM"):
        label_values(table((10, "nM", "=")), 1000.0)


def test_values_become_labels_in_a_store(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("smiles,IC50 (uM),relation\nCCO,0.1,=\nCC,0,=\nCCC,20,>\nCCN,,\nCCCC,2,>\n")
    columns = Columns(value_column="IC50 (uM)", threshold=6.0)
    store = load_assays(path, columns)
    np.testing.assert_array_equal(store.assay(0).labels, [1, np.nan, 0, np.nan, 0])
    np.testing.assert_allclose(store.assay(0).values[[0, 2]], [7.0, 9 - np.log10(20_000)])
    assert store.assays.iloc[0][["unit", "threshold"]].tolist() == ["pXC50", 6.0]
    assert store.audit["reason"].tolist() == ["", "value without a logarithm", "", "no label", ""]


def test_signs_before_the_number(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text('smiles,Ki [nM]\nCCO,<10\nCC,> 10000\nC,≥2\nCCC,~5\nCN,"3,5"\nCF,n/a\n')
    store = load_assays(path, Columns(value_column="Ki [nM]", threshold=6.0))
    np.testing.assert_array_equal(store.assay(0).labels, [1, 0, np.nan, 1, 1, np.nan])
    assert store.table("measurements")["bound"].tolist() == [1, -1, -1, 0, 0, 0]
    assert "commas as decimal marks" in store.notes[0]
    assert store.audit["reason"][5] == "no label"


def test_concentrations_without_a_unit_are_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("smiles,IC50\nCCO,100\nCC,5\n")
    with pytest.raises(InputError, match="--units"):
        load_assays(path, Columns(value_column="IC50", threshold=6.0))
    store = load_assays(path, Columns(value_column="IC50", threshold=7.5, units="nM"))
    assert store.assay(0).labels.tolist() == [0, 1]


@pytest.mark.shared_data
def test_chembl_rows_give_fsmols_own_cleaned_assay(shared_data: Path, tmp_path: Path) -> None:
    # FS-Mol's repository holds its cleaned CHEMBL1001235: of 51 rows 21 remain, 10 of them
    # active, at a threshold of 4.609064892896621.
    source = shared_data / "chembl" / "CHEMBL1001235_raw.csv"
    store = featurize_files([source], tmp_path / "store")
    assert store.assay_ids == ["CHEMBL1001235"]
    assert store.assays["threshold"][0] == pytest.approx(4.609064892896621, abs=1e-12)
    assay = store.assay(0)
    rows = pd.DataFrame(
        {"molecule": assay.molecules, "value": assay.values, "label": assay.labels}
    ).dropna()
    distinct = rows.drop_duplicates(["molecule", "value"])
    assert len(distinct) == 21
    assert distinct["label"].sum() == 10


@pytest.mark.shared_data
def test_mass_concentrations_need_a_threshold_other_than_fsmols(shared_data: Path) -> None:
    source = shared_data / "chembl" / "CHEMBL1000114_raw.csv"  # µg/mL throughout
    with pytest.raises(InputError, match="28 × unit other than nM"):
        load_assays(source)
    store = load_assays(source, Columns(threshold="median"))
    raw = pd.read_csv(source)
    assay = store.assay(0)
    amphotericin = assay.values[0]  # 0.06 µg/mL, 924 g/mol
    assert raw["standard_value"][0] == 0.06
    assert amphotericin == pytest.approx(9 - math.log10(0.06 * 1e6 / 924.09), abs=1e-3)
    assert np.isfinite(assay.labels).sum() == raw["standard_value"].notna().sum()
    assert 0 < store.assays["n_active"][0] < store.assays["n_kept"][0]


def test_labels_win_over_values_unless_a_threshold_is_given(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("smiles,active,pIC50\nCCO,0,8\nCC,1,4\n")
    assert load_assays(path).assay(0).labels.tolist() == [0, 1]
    assert load_assays(path, Columns(threshold=6.0)).assay(0).labels.tolist() == [1, 0]


def test_a_given_label_needs_no_logarithm(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("smiles,active,value,units\nCCO,1,0,nM\nCC,0,10,nM\n")
    assert load_assays(path).assay(0).kept.tolist() == [True, True]


def test_direction_as_typed(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("smiles,value\nCCO,0\nCC,9\n")
    store = load_assays(path, Columns(threshold=5, direction="lower"))
    assert store.assay(0).labels.tolist() == [1, 0]
    with pytest.raises(InputError, match="--direction"):
        load_assays(path, Columns(threshold=5, direction="down"))


@pytest.mark.parametrize("value", ["inf", "-inf", "nan", "1e400", "NaN"])
def test_nan_and_infinities_are_no_values(tmp_path: Path, value: str) -> None:
    (tmp_path / "t.csv").write_text(f"smiles,pIC50\nCCO,{value}\nCC,5\nCCC,7\n")
    store = load_assays(tmp_path / "t.csv", Columns(threshold=6.0))
    assert store.audit["action"].tolist() == ["dropped", "kept", "kept"]
    assert np.isnan(store.assay(0).values[0])
    (tmp_path / "u.csv").write_text(f"smiles,active\nCCO,{value}\nCC,0\nCCC,1\n")
    if value.casefold() == "nan":
        assert load_assays(tmp_path / "u.csv").audit["reason"][0] == "no label"
    else:
        with pytest.raises(InputError, match="label"):
            load_assays(tmp_path / "u.csv")


def test_no_values_no_threshold() -> None:
    frame = pd.DataFrame({"assay": "A", "smiles": ["CCO", "CC"], "label": [1, 0]})
    assert AssayStore.from_frame(frame).assays["unit"].tolist() == [""]
