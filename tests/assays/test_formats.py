"""SDF, SMILES files and JSON lines as tables."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import pandas as pd
import pytest
from rdkit import Chem

from molmeta.assays import load_assays, open_library
from molmeta.assays.tables import open_table
from molmeta.errors import InputError


def rows_of(path: Path) -> pd.DataFrame:
    return pd.concat(open_table(path).chunks())


def record(structure: str, title: str = "", **properties: object) -> str:
    block = Chem.MolToMolBlock(Chem.MolFromSmiles(structure))
    lines = [title, *block.splitlines()[1:]]
    for key, value in properties.items():
        lines += [f">  <{key}>  (1)", str(value), ""]
    return "\n".join([*lines, "$$$$", ""])


@pytest.fixture
def sdf(tmp_path: Path) -> Path:
    path = tmp_path / "mine.sdf"
    text = record("CCO", "ethanol", active=1, note="two\nlines") + record("c1ccccc1", "benzene")
    path.write_text(text + record("C[C@H](N)C(=O)O", late="yes", active=0))
    return path


def test_sdf_properties_become_columns(sdf: Path) -> None:
    table = open_table(sdf)
    assert table.kind == "sdf"
    assert table.columns == ("smiles", "name", "active", "note", "late")
    rows = rows_of(sdf)
    assert rows["smiles"].tolist() == ["CCO", "c1ccccc1", "C[C@H](N)C(=O)O"]
    assert rows["name"].tolist() == ["ethanol", "benzene", ""]
    assert rows["active"].tolist() == ["1", "", "0"]
    assert rows["note"][0] == "two\nlines"
    assert rows["late"].tolist() == ["", "", "yes"]


def test_sdf_as_assay(sdf: Path) -> None:
    sdf.with_suffix(".sdf.gz").write_bytes(gzip.compress(sdf.read_bytes()))
    for path in (sdf, sdf.with_suffix(".sdf.gz")):
        store = load_assays(path)
        assert store.assay_ids == ["mine"]
        assert store.assay(0).kept.tolist() == [True, False, True]


def test_bad_sdf_records_keep_their_rows(sdf: Path) -> None:
    charged = record("C[N+](C)(C)C", active=1)
    valence = re.sub("M  CHG.*\n", "", re.sub(r"(N .*?)4( +0 *\n)", r"\g<1>0\2", charged))
    garbage = "x\ny\nz\nnot counts\n$$$$\n"
    truncated = record("CCCCCC", active=1)[:200]
    sdf.write_text(record("CC", active=0) + valence + garbage + record("C", active=1) + truncated)
    audit = load_assays(sdf).audit
    assert audit["row"].tolist() == [0, 1, 2, 3, 4]
    assert audit["action"].tolist() == ["kept", "dropped", "dropped", "kept", "dropped"]
    assert audit["smiles"][1] == "CN(C)(C)C"
    assert "valence" in audit["reason"][1]


def test_sdf_with_its_own_smiles_property(tmp_path: Path) -> None:
    (tmp_path / "t.sdf").write_text(record("CCO", smiles="OCC", active=1))
    table = open_table(tmp_path / "t.sdf")
    assert table.columns == ("smiles of the structure", "name", "smiles", "active")
    assert rows_of(tmp_path / "t.sdf")["smiles"].tolist() == ["OCC"]


@pytest.mark.parametrize(
    "text",
    ["CCO ethanol\nc1ccccc1\tbenzene ring\nnonsense\n\nCC\n" + "CCC propane\n" * 20],
)
def test_smi_by_content(tmp_path: Path, text: str) -> None:
    path = tmp_path / "library.txt"
    path.write_text(text)
    rows = rows_of(path)
    assert open_table(path).kind == "smi"
    assert rows["smiles"].tolist()[:5] == ["CCO", "c1ccccc1", "nonsense", "", "CC"]
    assert rows["name"].tolist()[:3] == ["ethanol", "benzene ring", ""]
    assert len(rows) == 25


def test_smi_by_name(tmp_path: Path) -> None:
    path = tmp_path / "library.smi.gz"
    path.write_bytes(gzip.compress(b"SMILES id\nxyz\nCCO e\n"))
    assert rows_of(path).to_dict("list") == {"SMILES": ["xyz", "CCO"], "id": ["", "e"]}
    library = open_library(path)
    assert library.smiles_column == "SMILES"


def test_a_column_of_smiles_is_no_smi(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("smiles\nCCO\nCC\n")
    assert open_table(path).kind == "delimited"


def test_json_lines(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    lines = [
        {"SMILES": "CCO", "x": [1, 2], "y": 1.5, "z": None},
        {"SMILES": "CC", "y": float("nan")},
    ]
    path.write_text("\n".join(json.dumps(line) for line in lines) + "\n\n")
    rows = rows_of(path)
    assert rows.to_dict("list") == {"SMILES": ["CCO", "CC"], "y": ["1.5", "nan"], "z": ["", ""]}


@pytest.mark.parametrize("second", ['{"SMILES": "C', "[1, 2]", "[" * 100_000])
def test_damaged_json_lines(tmp_path: Path, second: str) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text('{"SMILES": "CCO"}\n' + second)
    with pytest.raises(InputError, match="line 2"):
        rows_of(path)
