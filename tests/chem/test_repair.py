"""Phosphorus acids as FS-Mol's files have them: read as the acids that they stand for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from rdkit import Chem
from rdkit.Chem.rdMolDescriptors import CalcMolFormula

from molmeta.chem.featurize import featurize
from molmeta.chem.molecule import parse


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("CO[PH](=O)(=O)O", "COP(=O)(O)O"),
        ("O=[PH](=O)(O)CC", "CCP(=O)(O)O"),
        ("O=[PH](C)(C)=O", "CP(C)(=O)O"),
        ("C[C@H](N)C[PH](=O)(=O)CC name", "CCP(=O)(O)C[C@H](C)N"),
        ("CO[PH](=O)(=O)O[PH](=O)(=O)O", "COP(=O)(O)OP(=O)(O)O"),
        ("CC([PH](=O)(=O)[O-])C", "CC(C)P(=O)([O-])O"),
    ],
)
def test_examples(written: str, meant: str) -> None:
    (smiles,) = featurize([written]).identities
    assert smiles == Chem.CanonSmiles(meant)


@pytest.mark.parametrize(
    ("smiles", "reason"),
    [
        ("C[PH](=O)(=S)C", "Explicit valence for atom # 1 P, 7"),  # not two oxygens
        ("C[PH](C)(C)(C)(C)=O", "Explicit valence for atom # 1 P"),
        ("CO[PH](=O)(=O)O(C)C", "Explicit valence for atom"),
        ("C[PH](=O)(=O", "SMILES syntax error"),
        ("C[P](=O)(=O)(=O)C", "Explicit valence for atom # 1 P"),
    ],
)
def test_anything_else_stays_rejected(smiles: str, reason: str) -> None:
    assert str(parse(smiles)).startswith(reason)


def test_what_rdkit_reads_is_read_by_rdkit() -> None:
    for smiles in ("O=[PH](O)O", "C[PH](C)=O", "C[PH+](C)C"):
        assert featurize([smiles]).identities == [Chem.CanonSmiles(smiles)]


@pytest.mark.shared_data
def test_every_row_of_fsmol_has_a_molecule(real_smiles: Callable[..., Any]) -> None:
    for name in ("valid", "train"):
        written = [smiles for smiles in real_smiles(name) if "[PH]" in smiles]
        assert len(written) > 10
        for smiles in written:
            read = parse(smiles)
            assert isinstance(read, Chem.Mol), smiles
            drawn = Chem.MolFromSmiles(smiles, sanitize=False)
            drawn.UpdatePropertyCache(strict=False)
            assert CalcMolFormula(read) == CalcMolFormula(drawn)
