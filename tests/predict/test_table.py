"""Tables: any support that a chemist holds, and one output row for every input row."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rdkit import Chem

from molmeta.assays import Columns, Support, featurize_files, open_library, read_support
from molmeta.assays.library import Library
from molmeta.assays.tables import open_table
from molmeta.chem.repair import respell
from molmeta.errors import InputError
from molmeta.predict import learn
from molmeta.predict import predict_table as predict
from molmeta.predict.files import write_table
from molmeta.predict.table import OUTPUT_COLUMNS
from molmeta.reporting.molecules import draw
from molmeta.runs.model import Model

LIBRARY = "id,structure,note\na,CCCO,x\nb,no molecule,\nc,,y\nd,c1ccccc1O,\na,CCCO,x\n"


def predict_table(
    model: Model, support: Support, library: Library | None = None, *, labels_only: bool = False
) -> pd.DataFrame:
    return predict(learn(model, support, labels_only=labels_only), library or support).table


@pytest.fixture
def library(tmp_path: Path) -> Path:
    path = tmp_path / "library.csv"
    path.write_text(LIBRARY)
    return path


def written(folder: Path, text: str) -> Path:
    (folder / "support.csv").write_text(text)
    return folder / "support.csv"


SUPPORTS = {
    "words": ("smiles,active\nCCO,yes\nCC,no\nCCN,Active\nCCC,inactive\n", Columns()),
    "numbers": ("smiles,active\nCCO,1.0\nCC,0.0\nCCN,1\nCCC,0\n", Columns()),
    "values": (
        "smiles,IC50 (nM)\nCCO,10\nCC,>10000\nCCN,30\nCCC,5000\n",
        Columns(value_column="IC50 (nM)", threshold="6"),
    ),
    "values that name no unit": (
        "smiles,IC50,relation\nCCO,0.01,=\nCC,10,>\nCCN,0.03,\nCCC,5,=\n",
        Columns(units="uM", threshold="6", value_column="IC50"),
    ),
    "percentages": (
        "smiles,inhibition\nCCO,90\nCC,10\nCCN,80\nCCC,5\n",
        Columns(value_column="inhibition", units="%", threshold="median"),
    ),
    "rates, lower is active": (
        "smiles,rate\nCCO,1\nCC,10\nCCN,2\nCCC,50\n",
        Columns(value_column="rate", threshold="5", direction="lower"),
    ),
    "wide table of one assay": ("name,smiles,hit\na,CCO,1\nb,CC,0\nc,CCN,1\nd,CCC,0\n", Columns()),
    "repeats, conflicts, no molecules": (
        "smiles,active\nCCO,1\nOCC,1\nCC,0\nCCN,1\nCCC,0\nCCF,1\nFCC,0\nxyz,1\n,0\n", Columns()
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", list(SUPPORTS))
def test_any_support_gives_one_row_a_row(
    kind: str, model: Model, library: Path, tmp_path: Path
) -> None:
    text, columns = SUPPORTS[kind]
    support = read_support(written(tmp_path, text), columns)
    known = [support.smiles[i] for i in np.flatnonzero(support.kept)]
    assert known == ["CCO", "CC", "CCN", "CCC"]
    assert support.labels[support.kept].tolist() == [1, 0, 1, 0]
    out = predict_table(model, support, open_library(library))
    given = pd.read_csv(library, keep_default_na=False)
    pd.testing.assert_frame_equal(out[given.columns], given)
    assert out.columns.tolist() == [*given.columns, *OUTPUT_COLUMNS]
    assert out["status"].tolist() == ["ok", "rejected", "rejected", "ok", "ok"]
    assert (out["reason"] != "").tolist() == [False, True, True, False, False]
    assert out["p_active"].notna().tolist() == [True, False, False, True, True]
    assert out["score"][0] == out["score"][4]
    assert out["nearest_support"].tolist()[:3] == ["CCO", "", ""]


def test_the_same_labels_give_the_same_scores_however_they_are_written(
    model: Model, library: Path, tmp_path: Path
) -> None:
    supports = (read_support(written(tmp_path, one[0]), one[1]) for one in SUPPORTS.values())
    scores = [
        predict_table(model, support, open_library(library), labels_only=True)["score"]
        for support in supports
    ]
    for other in scores[1:]:
        np.testing.assert_array_equal(other, scores[0])


def test_sdf_as_support_and_as_library(model: Model, tmp_path: Path) -> None:
    path = tmp_path / "mine.sdf"
    with Chem.SDWriter(str(path)) as writer:
        for smiles, label in (("CCO", "1"), ("CC", "0"), ("CCN", "1"), ("CCC", "")):
            mol = Chem.MolFromSmiles(smiles)
            mol.SetProp("active", label)
            writer.write(mol)
    support = read_support(path)
    assert support.kept.tolist() == [True, True, True, False]
    out = predict_table(model, support, open_library(path))
    assert out["smiles"].tolist() == ["CCO", "CC", "CCN", "CCC"]
    out = predict_table(model, support)
    assert out["smiles"].tolist() == ["CCC"]


@pytest.mark.parametrize(
    ("text", "columns", "expected"),
    [
        ("id,smiles,active\na,CCO,1\nb,CC,0\nc,CCN,\nd,CCO,\ne,xyz,\nf,,\ng,CCC,n/a\n", Columns(),
         "cdefg"),
        ("id,smiles,hit\na,CCO,1\nb,CC,0\nc,CCN,\nd,CCO,\ne,xyz,\n", Columns(), "cde"),
        # A value that is known to lie somewhere is no blank, though it decides nothing.
        ("id,smiles,Ki_nM\na,CCO,1\nb,CC,5000\nc,CCN,\nd,CCO,>10\ne,xyz,\nf,CCC,n.d.\n",
         Columns(value_column="Ki_nM", threshold="6"), "cef"),
    ],
)  # fmt: skip
def test_without_a_library_the_blank_rows_are_predicted(
    model: Model, tmp_path: Path, text: str, columns: Columns, expected: str
) -> None:
    out = predict_table(model, read_support(written(tmp_path, text), columns))
    assert out["id"].tolist() == list(expected)
    assert (out["status"] == "rejected").tolist() == [
        smiles in ("xyz", "") for smiles in out["smiles"]
    ]


def test_a_store_as_support_and_as_library(model: Model, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("assay,smiles,y\nA,CCO,1\nA,CC,0\nB,CCN,1\nB,CCC,0\nB,CCF,\nB,xyz,\n")
    featurize_files([path], tmp_path / "store")
    with pytest.raises(InputError, match=r"2 assays.*--assay"):
        read_support(tmp_path / "store")
    support = read_support(tmp_path / "store", assay_id="B")
    assert support.rows["row"].tolist() == [2, 3, 4, 5]
    assert predict_table(model, support)["smiles"].tolist() == ["CCF", "xyz"]
    out = predict_table(model, support, open_library(tmp_path / "store"))
    assert out["smiles"].tolist() == ["CCO", "CC", "CCN", "CCC", "CCF"]


def test_what_cannot_be_predicted_is_said(model: Model, library: Path, tmp_path: Path) -> None:
    support = read_support(written(tmp_path, "smiles,active\nCCO,1\nCC,0\n"))
    with pytest.raises(InputError, match=r"no row to predict.*--input"):
        predict_table(model, support)
    one_class = read_support(written(tmp_path, "smiles,active\nCCO,1\nCC,1\n"))
    with pytest.raises(InputError, match="at least one active and one inactive"):
        predict_table(model, one_class, open_library(library))
    library.write_text("smiles,score\nCCO,3\n")
    with pytest.raises(InputError, match=r"library.csv.*'score', which molmeta adds"):
        predict_table(model, support, open_library(library))


def test_sdf_out_holds_every_row(model: Model, library: Path, tmp_path: Path) -> None:
    text, columns = SUPPORTS["words"]
    support = read_support(written(tmp_path, text), columns)
    found = predict(learn(model, support), open_library(library), error=0.4)
    found.table.insert(0, "odd <name>", "two\n\nlines\n$$$$")
    write_table(found.table, tmp_path / "out.sdf", found.smiles)
    back = pd.concat(open_table(tmp_path / "out.sdf").chunks())
    assert back["smiles"].tolist() == ["CCCO", "", "", "Oc1ccccc1", "CCCO"]
    for name in ("id", "structure", "note", "status", "reason", "possible_classes"):
        assert back[name].tolist() == found.table[name].tolist(), name
    scores = pd.to_numeric(back["score"].replace("", None)).to_numpy()
    np.testing.assert_allclose(scores, found.table["score"])
    assert set(back["odd name>"]) == {"two\n \nlines\n $$$$"}
    assert (back["possible_classes"] == "").tolist() == (back["status"] == "rejected").tolist()
    assert "V2000" in (tmp_path / "out.sdf").read_text()


def test_a_repaired_molecule_has_atoms_in_an_sdf_and_in_drawings(tmp_path: Path) -> None:
    acid = "C[PH](=O)(=O)O"  # refused by RDKit as it stands
    write_table(pd.DataFrame({"id": ["a", "b"]}), tmp_path / "out.sdf", [acid, "nonsense"])
    found = list(Chem.SDMolSupplier(str(tmp_path / "out.sdf")))
    assert [mol.GetNumAtoms() for mol in found] == [5, 0]
    assert "not drawable" in draw(acid)
    assert "not drawable" not in draw(respell(acid))
    assert [respell(text) for text in ("CCO", "nonsense")] == ["CCO", "nonsense"]


def test_an_error_rate_that_is_too_low_is_refused_before_the_library_is_read(
    model: Model, library: Path, tmp_path: Path
) -> None:
    support = read_support(written(tmp_path, SUPPORTS["words"][0]))
    seen: list[int] = []
    with pytest.raises(InputError, match="2 active and 2 inactive"):
        predict(learn(model, support), open_library(library), error=0.1, progress=seen.append)
    assert not seen
