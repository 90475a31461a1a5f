"""Plain tables → measurements: columns by name, long or wide, labels in any honest spelling."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from molmeta.assays import load_assays
from molmeta.assays.columns import Columns
from molmeta.assays.readers import open_source
from molmeta.assays.readers.reading import SeveralValues
from molmeta.errors import InputError


def read(tmp_path: Path, text: str, columns: Columns | None = None) -> pd.DataFrame:
    path = tmp_path / "mine.csv"
    path.write_text(text)
    return pd.concat(open_source(path).read(columns or Columns()).frames)


@pytest.mark.parametrize("name", ["smiles", "SMILES", "Canonical_Smiles", "mol", "Ligand SMILES"])
def test_known_smiles_columns(tmp_path: Path, name: str) -> None:
    rows = read(tmp_path, f"id,{name},active\n1,CCO,1\n")
    assert rows["smiles"].tolist() == ["CCO"]


def test_unnamed_smiles_column_is_found_by_its_cells(tmp_path: Path) -> None:
    rows = read(tmp_path, "kind,what,active\nB,CCO,1\nF,c1ccccc1,0\n")
    assert rows["smiles"].tolist() == ["CCO", "c1ccccc1"]


def test_no_smiles_column_lists_the_columns(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"'id', 'active'.*--smiles-column"):
        read(tmp_path, "id,active\nxyz,1\n")


@pytest.mark.parametrize("assay", ["assay_id", "assay", "Assay ChEMBL ID", "ASSAY"])
def test_long_table(tmp_path: Path, assay: str) -> None:
    rows = read(tmp_path, f"{assay},smiles,label\nA,CCO,1\nB,CC,0\nA,C,\n")
    assert rows["assay"].tolist() == ["A", "B", "A"]
    np.testing.assert_array_equal(rows["label"], [1, 0, np.nan])
    assert rows["row"].tolist() == [0, 1, 2]


def test_long_table_without_assay_is_one_assay_named_after_the_file(tmp_path: Path) -> None:
    assert read(tmp_path, "smiles,y\nCCO,1\n")["assay"].tolist() == ["mine"]


def test_value_and_relation_come_along(tmp_path: Path) -> None:
    rows = read(tmp_path, "smiles,active,value,relation\nCCO,1,7.5,>\nCC,0,,\n")
    np.testing.assert_array_equal(rows["value"], [7.5, np.nan])
    assert rows["relation"].tolist() == [">", ""]


def test_a_unit_makes_a_value_column(tmp_path: Path) -> None:
    rows = read(tmp_path, "smiles,Result (nM)\nCCO,12\nCCN,30\n", Columns(threshold=6))
    assert rows["value"].tolist() == [12, 30]


def test_an_empty_column_of_another_quantity_does_not_win(tmp_path: Path) -> None:
    text = "smiles,type,value (nM),Ki (nM)\nCCO,IC50,12,3\nCCN,IC50,30,\n"
    with pytest.raises(InputError, match=r"several columns.*'value \(nM\)', 'Ki \(nM\)'"):
        read(tmp_path, text, Columns(threshold=6))


def test_a_line_of_units_agrees_or_is_refused(tmp_path: Path) -> None:
    text = "smiles,pIC50\n,{}\nCCO,6.5\nCCN,4.1\n"
    assert read(tmp_path, text.format("M"), Columns(threshold=6))["value"].count() == 2
    with pytest.raises(InputError, match="'mM' in a cell, and values in pXC50"):
        read(tmp_path, text.format("mM"), Columns(threshold=6))


def test_a_word_among_the_signs_leaves_them_relations(tmp_path: Path) -> None:
    text = "smiles,=,IC50 (nM)\nCCO,,12\nCCN,<,9000\nCCC,>,9000\nCCCl,<,5\nCCBr,total,1\n"
    rows = read(tmp_path, text, Columns(threshold=6))
    assert rows["relation"].tolist()[:4] == ["", "<", ">", "<"]
    assert rows["reason"].iloc[4] == "relation is not known: total"


def test_a_unit_that_is_asked_for_is_not_blank(tmp_path: Path) -> None:
    text = "smiles,-log10 IC50,Units\nCCO,7.9,M\nCCN,4.1,\nCCC,6.5,?\n"
    rows = read(tmp_path, text, Columns(threshold=6))
    assert (rows["reason"] != "").tolist() == [False, False, True]


@pytest.mark.parametrize(
    "beside",
    [
        "IC50,Top dose unit,Top dose\nCCO,12,uM,30",
        "IC50,max tested conc\nCCO,12,uM",
        "IC50,LLOQ\nCCO,12,uM",
        "IC50,Ki unit\nCCO,12,uM",
        "IC50,IC50 top dose unit\nCCO,12,uM",
        "IC50,Top dose,Unit\nCCO,12,30,uM",
        "CDK1 IC50,CDK2 IC50 unit\nCCO,12,uM",
    ],
)
def test_units_of_something_else_are_not_those_of_the_value(tmp_path: Path, beside: str) -> None:
    with pytest.raises(InputError, match="without a unit"):
        read(tmp_path, f"smiles,{beside}\n", Columns(threshold=6))


def test_solubility_has_its_own_unit(tmp_path: Path) -> None:
    text = "smiles,Value,Solubility unit\nCCO,12,uM\nCC,3,uM\n"
    assert read(tmp_path, text, Columns(threshold=6))["unit"].tolist() == ["", ""]


@pytest.mark.parametrize(
    ("name", "units"),
    [
        ("IC50", "Unit"),
        ("IC50", "IC50 unit"),
        ("IC50", "IC50_Units"),
        ("IC50", "Unit of IC50"),
        ("IC50", "Standard Units"),
        ("IC 50", "IC50 UOM"),
        ("CDK2 IC50", "IC50 unit"),
        ("Value", "value_units"),
    ],
)
def test_a_column_that_says_units_of_the_value(tmp_path: Path, name: str, units: str) -> None:
    text = f"smiles,dose,Units,{name},batch,{units}\nCCO,7,mM,12,B1,nM\n"
    if units == "Unit":
        text = text.replace("dose,Units,", "dose,dose unit,")
    assert read(tmp_path, text, Columns(threshold=6))["unit"].tolist() == ["nM"]


def test_units_may_be_said_in_another_language(tmp_path: Path) -> None:
    six = Columns(threshold=6)
    rows = read(tmp_path, "smiles,IC50,Einheit\nCCO,12,nM\nCC,3,uM\n", six)
    assert rows["unit"].tolist() == ["nM", "uM"]
    with pytest.raises(InputError, match="'mM' contradicts 'pIC50'"):
        read(tmp_path, "smiles,pIC50,Einheit\nCCO,4.9,mM\nCC,3.6,mM\n", six)
    with pytest.raises(InputError, match="without a unit"):  # male, not molar
        read(tmp_path, "smiles,IC50,sex\nCCO,12,M\nCC,3,M\n", six)


def test_relations_beside_another_value_are_asked_for(tmp_path: Path) -> None:
    text = "smiles,CC50 (nM),pIC50,relation\nCCO,12,7.9,=\nCC,250,6.6,@\n"
    with pytest.raises(InputError, match="could be those of 'CC50 \\(nM\\)', 'pIC50'"):
        read(tmp_path, text, Columns(value_column="CC50 (nM)", threshold=6))


def test_values_that_cannot_be_read_count_for_the_type_of_their_assay(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text(
        "smiles,endpoint,Result (nM)\nCCO,Ki,900\nCC,Ki,15\nCCN,IC50,33000\nCCC,IC50,8 to 9\n"
        "CCF,IC50,5.5 <\n"
    )
    audit = load_assays(path, Columns(threshold=6)).audit
    assert audit["action"].tolist() == ["dropped", "dropped", "kept", "dropped", "dropped"]


def test_a_type_that_cannot_be_read_sets_its_row_aside(tmp_path: Path) -> None:
    text = "smiles,endpoint,Value (ug/mL)\nCCO,?log10 IC50,2.7\nCC,?log10 IC50,1.2\n"
    rows = read(tmp_path, text, Columns(threshold=6))
    assert rows["reason"].str.contains("a sign that was decoded wrongly").all()


def test_named_columns_win(tmp_path: Path) -> None:
    columns = Columns(smiles_column="b", label_column="HIT", assay_column="plate")
    rows = read(tmp_path, "smiles,b,active,hit,plate\nC,CCO,1,0,P1\n", columns)
    assert rows[["smiles", "assay", "label"]].iloc[0].tolist() == ["CCO", "P1", 0.0]


def test_unknown_column_suggests_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--label-column; got 'activ'.*Did you mean 'active'"):
        read(tmp_path, "smiles,active\nC,1\n", Columns(label_column="activ"))


@pytest.mark.parametrize(
    ("word", "label"),
    [
        *[(word, 1) for word in ("1", "1.0", "Active", "yes", "true")],
        *[(word, 0) for word in ("0", "0.00", "INACTIVE", "No", "False")],
        *[(word, math.nan) for word in ("", "NaN", "None", "n/a")],
    ],
)
def test_label_words(tmp_path: Path, word: str, label: float) -> None:
    np.testing.assert_array_equal(read(tmp_path, f"smiles,active\nC, {word}\n")["label"], [label])


@pytest.mark.parametrize("word", ["2", "0.7", "maybe", "inf", "-1"])
def test_anything_else_is_no_label(tmp_path: Path, word: str) -> None:
    with pytest.raises(InputError, match=r"row 1; got '.*active or inactive"):
        read(tmp_path, f"smiles,active\nC,1\nCC,{word}\n")


def test_wide_table(tmp_path: Path) -> None:
    text = (
        'mol_id,smiles,A,weight,"B, and more",late\n'
        "0,CCO,1,46.1,,\n"
        "1,CC,,30.1,0.0,\n"
        "1,C,,16.0,,\n"
        "0,CO,0,32.0,1,1\n"
    )
    rows = read(tmp_path, text).sort_values("row", kind="stable")
    measured = rows[rows["reason"] == ""]
    assert measured[["row", "assay", "label"]].values.tolist() == [
        [0, "A", 1],
        [1, "B, and more", 0],
        [3, "A", 0],
        [3, "B, and more", 1],
        [3, "late", 1],
    ]
    untested = rows[rows["reason"] != ""]
    assert untested[["row", "assay", "smiles", "reason"]].values.tolist() == [
        [2, "", "C", "tested in no assay"]
    ]


def test_no_label_lists_the_columns(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"'weight'.*--label-column"):
        read(tmp_path, "smiles,weight\nC,16.0\n")


def test_an_ic50_and_a_pic50_of_two_targets_are_no_twins(tmp_path: Path) -> None:
    path = tmp_path / "two.csv"
    path.write_text("smiles,EGFR IC50 (nM),HER2 pIC50\nCCO,10,5\nCCN,5000,9\nCCC,100,4\n")
    with pytest.raises(SeveralValues, match="several columns") as refused:
        load_assays(path, Columns(threshold=6))
    assert refused.value.names == ("EGFR IC50 (nM)", "HER2 pIC50")
    path.write_text("smiles,IC50 (nM),pIC50\nCCO,10,8.0\nCCN,5000,5.3\nCCC,>100,<7\n")
    assert "values from 'pIC50'" in load_assays(path, Columns(threshold=6)).notes[0]


FRACTIONS = "smiles,% inhibition\nCCO,0.91\nCC,0.05\nCCN,1.02\nCCC,-0.1\n"


@pytest.mark.parametrize(
    "text",
    [
        FRACTIONS,
        "smiles,inhibition,units\nCCO,0.91,%\nCC,-0.1,%\nCCN,1.02,%\n",
        "smiles,% inhibition,active\nCCO,0.91,1\nCC,-0.1,0\nCCN,1.02,1\n",
    ],
    ids=["in the name", "in a column", "beside labels"],
)
def test_percentages_that_look_like_fractions_are_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError, match=r"between -0\.1 and 1\.02.*--units %"):
        read(tmp_path, text, Columns(threshold="default" if "active" not in text else None))


def test_a_user_can_say_that_small_percentages_are_right(tmp_path: Path) -> None:
    said = read(tmp_path, FRACTIONS, Columns(units="%").of_support())
    np.testing.assert_allclose(said["value"], [0.91, 0.05, 1.02, -0.1], rtol=1e-6)
    assert (said["unit"] == "%").all()


@pytest.mark.parametrize(
    "text",
    [
        FRACTIONS + "CCCC,50\n",
        "smiles,% inhibition\nCCO,0.91 %\nCC,0.05 %\n",
        "smiles,% inhibition\nCCO,1\nCC,2\nCCN,-1\n",
        "smiles,IC50 (uM)\nCCO,0.91\nCC,0.05\n",
    ],
    ids=["one that is larger", "cells that say %", "whole numbers", "concentrations"],
)
def test_other_small_values_are_read(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text, Columns().of_support())["value"].notna().all()


def test_the_percentage_that_tells_may_come_late(tmp_path: Path) -> None:
    rows = "".join(f"{'C' * (1 + i % 9)},0.5\n" for i in range(3_000))
    read(tmp_path, f"smiles,% inhibition\n{rows}C,50\n", Columns(threshold=50))
    with pytest.raises(InputError, match=r"all lie between 0\.5 and 0\.5"):
        read(tmp_path, f"smiles,% inhibition\n{rows}", Columns(threshold=50))


def test_percentages_hold_no_thousands(tmp_path: Path) -> None:
    path = tmp_path / "three.csv"
    path.write_text("smiles,% inhibition\nCCO,91.125\nCC,5.250\nCCN,1.375\n")
    store = load_assays(path, Columns(threshold=50))
    assert store.assay(0).values.tolist() == [91.125, 5.25, 1.375]


def test_a_column_is_named_where_none_is_left(tmp_path: Path) -> None:
    path = tmp_path / "two.csv"
    path.write_text("smiles,active\nCCO,1\nCCN,0\n")
    with pytest.raises(InputError, match="got 'nope'; expected none: no column is left"):
        load_assays(path, Columns(value_column="nope"))
