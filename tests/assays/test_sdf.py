"""Records of SDF come back property by property, however they are written."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem

from molmeta.assays import load_assays
from molmeta.assays.library import find_smiles
from molmeta.assays.tables import open_table
from molmeta.errors import InputError
from molmeta.predict.files import write_table

FOLDER = tempfile.TemporaryDirectory(prefix="molmeta-sdf-")
SMILES = ["CCO", "c1ccccc1", "CC(N)C(=O)O", "C[C@H](N)C(=O)O", "CCCl"]
NAMES = ["active", "IC50", "ic50", "IC50 > 5", "a<b>", "note", "DT12"]
HEADERS = ["> <{}>", ">  <{}>", ">  <{}>  (12)", "> 25 <{}>", ">  DT12 <{}>", ">  <{}> "]
VALUES = ["1", "0", "7.92", "two\nlines", "a\n\nb", " x", "", "µM", "M  END of it", "$5", "a > b"]


def block(smiles: str, title: str = "", *, v3000: bool = False) -> str:
    mol = Chem.MolFromSmiles(smiles)
    write = Chem.MolToV3KMolBlock if v3000 else Chem.MolToMolBlock
    return title + "\n" + write(mol).partition("\n")[2]


def file_of(text: str, end: str = "\n", encoding: str = "utf-8") -> Path:
    path = Path(FOLDER.name) / "t.sdf"
    path.write_bytes(text.replace("\n", end).encode(encoding))
    return path


def rows_of(path: Path) -> pd.DataFrame:
    return pd.concat(open_table(path).chunks())


@st.composite
def records(draw: st.DrawFn) -> list[tuple[str, str, dict[str, str]]]:
    """Records: SMILES, title, properties, any of which may be missing."""
    properties = st.dictionaries(st.sampled_from(NAMES), st.sampled_from(VALUES), max_size=4)
    titles = st.sampled_from(["", "mol 1", "> x", "12"])
    return draw(
        st.lists(st.tuples(st.sampled_from(SMILES), titles, properties), min_size=1, max_size=6)
    )


@given(
    wanted=records(),
    header=st.sampled_from(HEADERS),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"]),
    v3000=st.booleans(),
    terminated=st.lists(st.booleans(), min_size=6, max_size=6),
)
@settings(max_examples=120)
def test_records_keep_what_is_theirs(
    wanted: Sequence[tuple[str, str, dict[str, str]]],
    header: str,
    end: str,
    encoding: str,
    v3000: bool,
    terminated: list[bool],
) -> None:
    text = ""
    for (smiles, title, properties), ends in zip(wanted, terminated, strict=False):
        text += block(smiles, title, v3000=v3000)
        for name, value in properties.items():
            text += f"{header.format(name)}\n{value}\n\n"
        text += "$$$$\n" * ends
    rows = rows_of(file_of(text, end, encoding))
    assert rows["smiles"].tolist() == [smiles for smiles, _, _ in wanted]
    assert rows["name"].tolist() == [title for _, title, _ in wanted]
    for row, (_, _, properties) in zip(rows.to_dict("records"), wanted, strict=True):
        read = {name: value for name, value in row.items() if name not in ("smiles", "name")}
        assert {name: value for name, value in read.items() if value} == {
            name: value for name, value in properties.items() if value
        }


LINES = ["a", "", "$$$$", "> <active>", ">", "M  END", "  1  0  0  0 V2000", " x", "é", "> 5"]


@given(
    cells=st.lists(
        st.lists(st.sampled_from(LINES), max_size=4).map("\n".join) | st.text(max_size=8),
        min_size=1,
        max_size=4,
    ),
    name=st.sampled_from(["note", "name", "a>b", "> <x>", "a<b", "a>", "$$$$"]),
)
@settings(max_examples=120)
def test_any_cell_can_be_written(cells: list[str], name: str) -> None:
    cells = [re.sub(r"[\ud800-\udfff\0]", "", cell) for cell in cells]
    table = pd.DataFrame({name: cells, "active": [str(i) for i in range(len(cells))]})
    path = Path(FOLDER.name) / "out.sdf"
    write_table(table, path, smiles=["CCO"] * len(cells))
    rows = rows_of(path)
    assert rows["smiles"].tolist() == ["CCO"] * len(cells)
    assert rows["active"].tolist() == table["active"].tolist()
    others = rows.drop(columns=["smiles", "active"]).agg("".join, axis=1)
    assert [cell.split() for cell in others] == [cell.split() for cell in cells]
    by_rdkit = [mol for mol in Chem.SDMolSupplier(str(path)) if mol is not None]
    assert [mol.GetProp("active") for mol in by_rdkit] == table["active"].tolist()


def test_plain_cells_are_written_as_they_are() -> None:
    cells = ["a", "two\nlines", "  b", "", "x  y"]
    path = Path(FOLDER.name) / "out.sdf"
    write_table(pd.DataFrame({"note": cells, "a>b": cells}), path, smiles=[""] * len(cells))
    rows = rows_of(path)
    assert rows["note"].tolist() == cells
    assert rows["a>b"].tolist() == cells


def test_a_smiles_field_in_some_records() -> None:
    texts = [block("CCO") + f"> <SMILES>\n{field}\n\n$$$$\n" for field in ("OCC", "", "NaN")]
    path = file_of("".join(texts) + block("CC"))
    table = open_table(path)
    assert find_smiles(table) == "SMILES"
    assert rows_of(path)["SMILES"].tolist() == ["OCC", "CCO", "CCO", "CC"]
    assert "3 of 4 records" in table.notes[0]


def test_a_property_named_twice_in_a_record() -> None:
    path = file_of(block("CCO") + "> <y>\n1\n\n> <y>\n0\n\n$$$$\n")
    table = open_table(path)
    assert table.columns == ("smiles", "name", "y", "y.2")
    assert table.repeated == {"y"}


def test_properties_without_blank_lines() -> None:
    properties = "> <note>\nsee\n> <active>\n1\n"
    assert rows_of(file_of(block("CCO") + properties + "$$$$\n"))["active"].tolist() == ["1"]
    with pytest.raises(InputError, match="record 1; got '> <active>' directly below 'see'"):
        open_table(file_of(block("CCO") + properties + "\n$$$$\n"))


def test_odd_structures_are_rows_with_a_reason() -> None:
    whole = block("CCCC", "whole")
    lines = whole.splitlines()
    shorter = "\n".join([*lines[:6], *lines[8:], ""])  # two atoms fewer than it counts
    nothing = block("")
    cut_off = "\n".join([*lines[:6], ""])
    misplaced = "\n\n" + whole  # blank lines too many
    label = "> <active>\n1\n\n$$$$\n"
    texts = [shorter, nothing, cut_off, misplaced, whole]
    rows = rows_of(file_of(label.join([*texts, ""])))
    assert rows["smiles"].tolist() == ["", "", "", "CCCC", "CCCC"]
    assert rows["active"].tolist() == ["1"] * 5
    assert rows["name"].tolist() == ["whole", "", "whole", "whole", "whole"]
    audit = load_assays(file_of(label.join([*texts, ""]))).audit
    assert audit["reason"].tolist()[:3] == ["no SMILES"] * 3


def test_a_structure_cut_off_before_the_next() -> None:
    lines = block("CCCC", "first").splitlines()
    rows = rows_of(file_of("\n".join([*lines[:6], block("CO", "second"), "$$$$", ""])))
    assert rows["smiles"].tolist() == ["", "CO"]
    assert rows["name"].tolist() == ["first", "second"]


def test_a_structure_as_a_property() -> None:
    inner = block("CC", "inner").replace("\n\n", "\nby hand\n")
    path = file_of(block("CCO") + f"> <drawn>\n{inner}\n> <active>\n1\n\n$$$$\n" + block("CN"))
    rows = rows_of(path)
    assert rows["smiles"].tolist() == ["CCO", "CN"]
    assert rows["drawn"][0] == inner.strip()
    assert rows["active"].tolist() == ["1", ""]


def test_a_second_structure_without_a_beginning_is_refused() -> None:
    old = block("CC").replace("V2000", "")
    with pytest.raises(InputError, match=r"line \d+; got a second structure"):
        open_table(file_of(block("CCO") + "> <active>\n1\n\n" + old))
