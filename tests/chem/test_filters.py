"""What chemists filter by, against RDKit's own functions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from rdkit import Chem
from rdkit.Chem import Descriptors

from molmeta.chem.filters import FILTER_COLUMNS, filter_table
from molmeta.chem.standardize import STANDARD

SMILES = ["O=C1CSC(=S)N1", "Oc1ccccc1O", "no molecule", "", "CC(=O)[O-].[Na+]", "CCN(CC)CC"]


def test_numbers_are_those_of_rdkit() -> None:
    table = filter_table(SMILES)
    for i in (0, 1, 4, 5):
        mol = Chem.MolFromSmiles(SMILES[i])
        known: Any = Descriptors  # made at run time
        expected = known.MolWt(mol), known.MolLogP(mol), known.TPSA(mol)
        np.testing.assert_allclose(table.iloc[i, :3].astype(float), expected, atol=0.051)


def test_alerts_are_named_and_a_molecule_without_any_is_blank() -> None:
    table = filter_table(SMILES)
    assert "rhod" in table["pains_alerts"][0]
    assert table["brenk_alerts"][1] == "catechol"
    assert table.iloc[5, 3:].tolist() == ["", ""]


def test_without_alerts_the_numbers_stay() -> None:
    smiles = ["Oc1ccccc1O", "C("]
    full, quick = filter_table(smiles), filter_table(smiles, alerts=False)
    numbers = ["mw", "clogp", "tpsa"]
    assert full[numbers].equals(quick[numbers])
    assert quick["pains_alerts"].tolist() == ["", ""]


def test_what_does_not_parse_is_blank_and_keeps_its_row() -> None:
    table = filter_table(SMILES)
    assert len(table) == len(SMILES)
    assert table.dtypes.astype(str).to_dict() == FILTER_COLUMNS
    assert table.iloc[2:4, :3].isna().all(axis=None)
    assert (table.iloc[2:4, 3:] == "").all(axis=None)
    pd.testing.assert_frame_equal(filter_table([]), table[:0], check_index_type=False)


def test_a_salt_is_its_parent() -> None:
    parent = filter_table(["CC(=O)O"])
    pd.testing.assert_frame_equal(filter_table([SMILES[4]], STANDARD), parent)
    assert filter_table([SMILES[4]])["mw"][0] > parent["mw"][0]


def test_processes_give_the_same_rows() -> None:
    many = SMILES * 100
    pd.testing.assert_frame_equal(filter_table(many, workers=2), filter_table(many))
