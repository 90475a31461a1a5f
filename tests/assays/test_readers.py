"""Known exports, in small files of our own: rows in = rows accounted for."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from molmeta.assays import Columns, featurize_files, load_assays
from molmeta.assays.readers import READERS, open_source
from molmeta.errors import InputError


def reader_of(path: Path) -> str:
    reader = open_source(path).reader
    return next(name for name, known in READERS.items() if known is reader)


CHEMBL = [
    "Molecule ChEMBL ID;Smiles;Standard Type;Standard Relation;Standard Value;Standard Units;"
    "pChEMBL Value;Data Validity Comment;Potential Duplicate;Assay ChEMBL ID;"
    "Assay Variant Mutation;Target ChEMBL ID;Target Name;Document Year;Properties",
    "M1;CCO;IC50;'=';10;nM;8.0;None;False;CHEMBL1;None;CHEMBL9;Tyrosine-protein kinase X;2001;None",
    "M2;CC;IC50;'>';10000;nM;;;False;CHEMBL1;;CHEMBL9;Tyrosine-protein kinase X;2001;",
    "M3;CCC;IC50;'=';300;nM;6.52;Outside typical range;False;CHEMBL1;;CHEMBL9;Kinase X;2001;",
    "M4;CCN;IC50;'=';300;nM;6.52;;True;CHEMBL1;;CHEMBL9;Tyrosine-protein kinase X;2001;",
    "M5;CCCCO.Cl;IC50;'=';200;nM;6.7;;False;CHEMBL1;;CHEMBL9;Tyrosine-protein kinase X;2001;",
    "M6;;IC50;'=';20;nM;;;False;CHEMBL1;;CHEMBL9;Tyrosine-protein kinase X;2001;",
    "M7;CCF;Inhibition;None;None;None;;;False;CHEMBL2;;CHEMBL8;Receptor;2002;",
    "M8;CCCl;Inhibition;'=';80;%;;;False;CHEMBL2;;CHEMBL8;Receptor;2002;",
]


@pytest.fixture
def chembl(tmp_path: Path) -> Path:
    path = tmp_path / "DOWNLOAD.csv"
    quoted = [";".join(f'"{cell}"' for cell in line.split(";")) for line in CHEMBL]
    path.write_text("\n".join(quoted) + "\n")
    return path


def test_chembl_web_export(chembl: Path) -> None:
    assert reader_of(chembl) == "chembl"
    store = load_assays(chembl)
    assert store.assay_ids == ["CHEMBL1", "CHEMBL2"]
    assert store.assays["target"].tolist() == ["Tyrosine-protein kinase X", "Receptor"]
    assert store.assays["unit"].tolist() == ["pXC50", "%"]
    # Median of 8, 5 and 6.7: within 5–7, as befits an enzyme.
    assert store.assays["threshold"].tolist() == pytest.approx([9 - np.log10(200), 80])
    assert store.audit["reason"].tolist() == [
        "",
        "",
        "ChEMBL: Outside typical range",
        "ChEMBL: potential duplicate",
        "",
        "no SMILES",
        "no label",
        "",
    ]
    np.testing.assert_array_equal(store.assay(0).labels[[0, 1, 4]], [1, 0, 0])


def test_names_of_chembl_beside_an_assay_column_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text(
        "SMILES,standard_relation,standard_value,standard_units,assay\n"
        "CCO,=,12,nM,A\nCCN,=,3100,nM,B\n"
    )
    assert load_assays(path, Columns(threshold=6)).assay_ids == ["A", "B"]


def test_chembl_threshold_can_be_chosen(chembl: Path) -> None:
    store = load_assays(chembl, Columns(threshold=6.0))
    np.testing.assert_array_equal(store.assay(0).labels[[0, 1, 4]], [1, 0, 1])


PUBCHEM = """PUBCHEM_RESULT_TAG,PUBCHEM_SID,PUBCHEM_CID,PUBCHEM_EXT_DATASOURCE_SMILES,\
PUBCHEM_ACTIVITY_OUTCOME,PUBCHEM_ACTIVITY_SCORE,PUBCHEM_ACTIVITY_URL,PUBCHEM_ASSAYDATA_COMMENT,Potency
RESULT_TYPE,,,,,,,,FLOAT
RESULT_DESCR,,,,,,,,"Concentration, half-maximal"
RESULT_UNIT,,,,,,,,MICROMOLAR
1,101,1,CCO,Active,90,,,0.5
2,102,2,CC,Inactive,0,,,
3,103,3,CCC,Inconclusive,10,,,20
4,104,4,CCN,Unspecified,0,,,
5,105,1,OCC,Active,80,,,0.7
6,106,5,CCCC,Probe,100,,,0.1
7,107,6,CCCl,Inactive,0,,,
8,108,6,ClCC,Active,40,,,5
"""


@pytest.fixture
def pubchem(tmp_path: Path) -> Path:
    path = tmp_path / "AID_1851_datatable.csv"
    path.write_text(PUBCHEM)
    return path


def test_pubchem_data_table(pubchem: Path) -> None:
    assert reader_of(pubchem) == "pubchem"
    store = load_assays(pubchem)
    assert store.assay_ids == ["AID1851"]
    assert store.audit["row"].tolist() == list(range(3, 11))
    assert store.audit["action"].tolist() == (
        ["kept", "kept", "dropped", "dropped", "merged", "kept", "dropped", "dropped"]
    )
    assert store.audit["reason"][2] == "outcome is inconclusive"
    assert "contradicting" in store.audit["reason"][7]
    with_values = load_assays(pubchem, Columns(value_column="Potency"))
    np.testing.assert_allclose(with_values.assay(0).values[0], 9 - np.log10(500))


def test_a_threshold_overrides_given_labels(pubchem: Path, tmp_path: Path) -> None:
    store = load_assays(pubchem, Columns(value_column="Potency", threshold=5.5))
    np.testing.assert_array_equal(store.assay(0).labels[[0, 1, 2, 7]], [1, np.nan, 0, 0])
    path = tmp_path / "fsmol.csv"
    path.write_text(
        "assay_id,smiles,active,value,log_value,relation\nX,CCO,0,10,8,=\nX,CC,1,1000,6,=\n"
    )
    assert load_assays(path, Columns(threshold=7.0)).assay(0).labels.tolist() == [1, 0]


def test_pubchem_without_descriptions_and_with_strange_outcomes(pubchem: Path) -> None:
    lines = PUBCHEM.splitlines()
    pubchem.write_text("\n".join([lines[0], *lines[4:]]))
    assert load_assays(pubchem).audit["row"].tolist() == list(range(8))
    pubchem.write_text(PUBCHEM.replace("Probe", "Perhaps"))
    with pytest.raises(InputError, match="row 8; got 'perhaps'"):
        load_assays(pubchem)


def test_pubchem_descriptions_alone_are_no_measurements(pubchem: Path) -> None:
    pubchem.write_text("\n".join(PUBCHEM.splitlines()[:4]))
    with pytest.raises(InputError, match="none in 0 rows"):
        load_assays(pubchem)


def fsmol_line(assay: str, smiles: str, label: str, value: float | None) -> str:
    fields: dict[str, object] = {
        "SMILES": smiles,
        "Property": label,
        "Assay_ID": assay,
        "RegressionProperty": value,
        "LogRegressionProperty": None if value is None else 9 - np.log10(value),
        "Relation": "=",
        "AssayType": "B",
        "fingerprints": [0, 1],
        "graph": {"adjacency_lists": []},
    }
    return json.dumps(fields)


@pytest.fixture
def fsmol(tmp_path: Path) -> Path:
    for split, assay in (("train", "CHEMBL1"), ("train", "CHEMBL2"), ("valid", "CHEMBL3")):
        path = tmp_path / "fsmol" / split / f"{assay}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [fsmol_line(assay, "CCO", "1.0", 10.0), fsmol_line(assay, "CC", "0.0", None)]
        path.write_text("\n".join(lines))
    return tmp_path / "fsmol"


def test_fsmol_folder_and_its_task_list(fsmol: Path) -> None:
    store = load_assays(fsmol)
    assert store.assay_ids == ["CHEMBL1", "CHEMBL2", "CHEMBL3"]
    assert store.assay(0).labels.tolist() == [1, 0]
    np.testing.assert_array_equal(store.assay(0).values, [8, np.nan])
    (fsmol / "fsmol-0.1.json").write_text(json.dumps({"train": ["CHEMBL2"], "valid": ["CHEMBL3"]}))
    assert load_assays(fsmol).assay_ids == ["CHEMBL2", "CHEMBL3"]
    assert load_assays(fsmol / "train").assay_ids == ["CHEMBL1", "CHEMBL2"]


def test_fsmol_table(tmp_path: Path) -> None:
    path = tmp_path / "valid.csv"
    path.write_text(
        "assay_id,assay_type,smiles,active,value,log_value,relation\n"
        "X,B,CCO,1,1000.0,6.0,=\nX,F,CC,0,-3.0,,\n"
    )
    assert reader_of(path) == "fsmol"
    np.testing.assert_allclose(load_assays(path).assay(0).values, [6.0, np.nan])


@pytest.mark.parametrize(
    ("header", "rows", "assays"),
    [
        ("mol,CID,Class,Model,pIC50,MW,Hs", ["CCO,B1,1,Train,7.0,46,0", "CC,B2,0,Test,4.0,30,1"],
         ["Class"]),
        ("num,name,p_np,smiles", ["1,a,1,CCO", "2,b,0,CC"], ["p_np"]),
        ("smiles,FDA_APPROVED,CT_TOX", ["CCO,1,0", "CC,0,1"], ["FDA_APPROVED", "CT_TOX"]),
        ("smiles,activity,HIV_active", ["CCO,CI,0", "CC,CA,1"], ["HIV_active"]),
    ],
)  # fmt: skip
def test_moleculenet(tmp_path: Path, header: str, rows: list[str], assays: list[str]) -> None:
    path = tmp_path / "t.csv"
    path.write_text("\n".join([header, *rows]))
    assert reader_of(path) == "moleculenet"
    assert load_assays(path).assay_ids == assays


def test_format_overrides(chembl: Path) -> None:
    with pytest.raises(InputError, match=r"'xyz'.*fsmol, chembl"):
        open_source(chembl, "xyz")
    assert open_source(chembl, "plain").reader is READERS["plain"]


def test_all_kinds_at_once(chembl: Path, pubchem: Path, fsmol: Path, tmp_path: Path) -> None:
    store = featurize_files([chembl, pubchem, fsmol], tmp_path / "store")
    assert store.assay_ids == ["CHEMBL1", "CHEMBL2", "AID1851", "CHEMBL3"]
    assert len(store.audit) == 8 + 8 + 3 * 2


@pytest.mark.shared_data
def test_fsmol_originals_give_the_labels_of_the_tables(shared_data: Path) -> None:
    store = load_assays(shared_data / "fsmol" / "original")
    names = ["train", "valid"]
    tables = pd.concat([pd.read_csv(shared_data / "fsmol" / f"{name}.csv.gz") for name in names])
    assert len(store) == 7
    for assay_id in store.assay_ids:
        expected = tables[tables["assay_id"] == assay_id]
        assay = store.assay(assay_id)
        np.testing.assert_array_equal(assay.labels, expected["active"])
        np.testing.assert_allclose(assay.values, expected["log_value"], atol=1e-6)
        assert [store.smiles[i] for i in assay.molecules] == expected["smiles"].tolist()


@pytest.mark.parametrize("columns", [Columns(), Columns(threshold="median"), Columns(threshold=6)])
def test_rows_that_cannot_be_read_are_to_be_left_out(tmp_path: Path, columns: Columns) -> None:
    path = tmp_path / "mine.csv"
    path.write_text(
        "smiles,Standard Type,Standard Value,Standard Units,Standard Relation\n"
        "CCO,?log10 IC50,7,,=\nCCN,IC50,50,nM,=\nCC,?log10 IC50,7,,=\nCCC,IC50,5000,nM,=\n"
    )
    with pytest.raises(InputError, match="unlike its assay") as told:
        load_assays(path, columns)
    assert "leave out the rows of the others" in str(told.value)
    assert "--threshold: median" not in str(told.value)
    rest = [line for line in path.read_text().splitlines() if "?" not in line]
    path.write_text("\n".join(rest))
    assert load_assays(path, Columns(threshold=6)).assay(0).labels.tolist() == [1, 0]
