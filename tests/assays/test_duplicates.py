"""Repeats of a substance in an assay: tautomers are one by InChIKey, and two by SMILES."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from rdkit import Chem
from rdkit.Chem.rdinchi import MolToInchiKey

from molmeta.assays import featurize_files
from molmeta.assays.collect import identity_numbers
from molmeta.assays.duplicates import find_substances, substances
from molmeta.chem.featurize import Featurized, featurize
from molmeta.chem.molecule import MAX_ATOMS, to_mol
from molmeta.errors import InputError

PYRIDONE, HYDROXYPYRIDINE, ETHANOL = "O=c1cccc[nH]1", "Oc1ccccn1", "CCO"
ROWS = f"""assay,smiles,active
A,{PYRIDONE},1
A,{HYDROXYPYRIDINE},1
A,{ETHANOL},0
A,COC,0
B,c1(O)ccccn1,1
B,{ETHANOL},0
B,OCC,1
B,CC,0
C,Oc1ccccn1,1
C,O=c1[nH]cccc1,0
C,CC,0
"""


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "t.csv"
    path.write_text(ROWS)
    return path


def reasons(path: Path, by: str) -> list[str]:
    return featurize_files([path], None, duplicates=by).audit["reason"].tolist()


def test_tautomers_are_merged_or_contradict_each_other(table: Path) -> None:
    contradicting = "contradicting labels for one molecule"
    same = ["same molecule as row 0", "", ""]
    ethanol = ["", contradicting, contradicting, ""]
    assert reasons(table, "inchikey") == ["", *same, *ethanol, *[contradicting] * 2, ""]
    assert reasons(table, "smiles") == ["", "", "", "", *ethanol, "", "", ""]
    with pytest.raises(InputError, match="--duplicates"):
        reasons(table, "name")


def test_the_store_keeps_both_molecules(table: Path) -> None:
    store = featurize_files([table], None)
    assert {PYRIDONE, HYDROXYPYRIDINE} <= set(store.smiles)
    assert len(set(store.identities)) == len({Chem.CanonSmiles(s) for s in store.smiles})


@pytest.mark.shared_data
def test_no_repeat_is_missed(shared_data: Path) -> None:
    """Against InChIKeys of every molecule, in assays of the validation file with repeats."""
    rows = pd.read_csv(shared_data / "fsmol/valid.csv.gz")[["assay_id", "smiles"]]
    names = ["CHEMBL1614202", "CHEMBL1614432", "CHEMBL1738510", "CHEMBL1963790"]
    rows = rows[rows["assay_id"].isin(names)].reset_index(drop=True)
    number, smiles = pd.factorize(rows["smiles"])
    features = featurize(list(smiles))
    assert features.parsed.all()
    table = pd.DataFrame(
        {
            "assay": pd.factorize(rows["assay_id"])[0] + 1,
            "molecule": number,
            "identity": identity_numbers(features.identities)[number],
        }
    )
    got = substances(table, list(smiles), features.graphs, standardize=None)
    keys = pd.Series([MolToInchiKey(to_mol(text, MAX_ATOMS)) for text in smiles])
    expected = pd.DataFrame({"assay": table["assay"], "key": keys[number].to_numpy()})
    found = table.assign(key=got)[["assay", "key"]]
    assert (found.groupby(["assay", "key"]).ngroup().nunique()) == len(expected.drop_duplicates())


TAUTOMERS = [
    ("Cc1ccc2nc(N)[nH]c2c1", "Cc1ccc2[nH]c(N)nc2c1"),
    (PYRIDONE, HYDROXYPYRIDINE),
    ("CC(=O)Nc1ccc(O)cc1", "CC(O)=Nc1ccc(O)cc1"),
    ("Clc1c[nH]cn1", "Clc1cnc[nH]1"),
]


@pytest.mark.parametrize(("one", "other"), TAUTOMERS)
def test_a_tautomer_is_found_among_known_molecules(one: str, other: str) -> None:
    smiles = list(map(Chem.CanonSmiles, [other, "CCO", one]))
    known = list(map(Chem.CanonSmiles, ["CCN", one, "COC"]))
    assert find_substances(smiles, known).tolist() == [1, -1, 1]


def test_an_exact_repeat_is_found_before_a_tautomer() -> None:
    known = [PYRIDONE, HYDROXYPYRIDINE, HYDROXYPYRIDINE]
    assert find_substances([HYDROXYPYRIDINE, PYRIDONE, ""], known).tolist() == [1, 0, -1]
    assert find_substances([PYRIDONE, ""], ["", PYRIDONE]).tolist() == [1, -1]
    assert find_substances(["CCO"], []).tolist() == [-1]


def test_keys_are_made_only_of_what_has_the_letters_of_a_known_molecule(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    def counted(smiles: list[str], **options: object) -> Featurized:
        asked.extend(smiles)
        return featurize(smiles, **options)  # type: ignore[arg-type]

    monkeypatch.setattr("molmeta.assays.duplicates.featurize", counted)
    found = find_substances(["CCCC", "c1ccccc1", HYDROXYPYRIDINE], [PYRIDONE])
    assert (found.tolist(), asked) == ([-1, -1, 0], [HYDROXYPYRIDINE, PYRIDONE])
