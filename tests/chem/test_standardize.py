"""The standard form: equal to RDKit's charge parent, though most molecules are left alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem, rdBase
from rdkit.Chem.MolStandardize import rdMolStandardize

from molmeta.chem.featurize import featurize
from molmeta.chem.standardize import Standardizer, could_change
from tests.chem.conftest import assert_same_counts

PIECES = [
    *(
        "C",
        "N",
        "O",
        "S",
        "P",
        "c1ccccc1",
        "c1cc[nH]c1",
        "c1cc[n+]([O-])cc1",
        "C(=O)O",
        "C(=O)[O-]",
    ),
    *(
        "[N+](=O)[O-]",
        "N=[N+]=[N-]",
        "[N+]",
        "[N-]",
        "[O-]",
        "[OH2+]",
        "S(=O)",
        "[S+]([O-])",
        "[C-]",
    ),
    *(
        "S(=O)(=O)",
        "S(=O)(=O)[O-]",
        "P(=O)(=O)",
        "[P+]",
        "[NH+]",
        "[NH3+]",
        "=",
        "#",
        "(",
        ")",
        "1",
    ),
    *(
        ".",
        ".[Na+]",
        ".Cl",
        ".[Cl]",
        ".O",
        "[Na]",
        "[Mg]",
        "[Fe]",
        "[Pt]",
        "[Sn]",
        "[Hg]",
        "B",
        "[B-]",
    ),
    *(
        "[Se]",
        "[As]",
        "[Sb]",
        "[I+]",
        "[2H]",
        "[13C]",
        "[H]",
        "*",
        "[C@H]",
        "/C=C/",
        "[CH2]",
        "[n-]1nnnc1",
    ),
]


def assert_charge_parents(smiles: Iterable[str]) -> None:
    standardize = Standardizer()
    with rdBase.BlockLogs():
        for text in smiles:
            mol = Chem.MolFromSmiles(text)
            if mol is None or could_change(mol):
                continue  # then it is the charge parent by definition
            assert standardize(mol) is mol
            parent = rdMolStandardize.ChargeParent(mol)
            assert Chem.MolToSmiles(parent) == Chem.MolToSmiles(mol), text


def test_every_kind_of_molecule(assorted: list[str]) -> None:
    assert_charge_parents(assorted)


@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=9))
@settings(max_examples=1000)
def test_any_molecule(pieces: list[str]) -> None:
    assert_charge_parents(["".join(pieces)])


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.shared_data
def test_real_molecules(real_smiles: Callable[..., Any]) -> None:
    smiles = real_smiles("train")
    smiles = smiles[:: len(smiles) // 20_000]
    assert_charge_parents(smiles)
    mols = [mol for mol in map(Chem.MolFromSmiles, smiles[:2000]) if mol is not None]
    assert np.mean([could_change(mol) for mol in mols]) < 0.05


@pytest.mark.parametrize(
    ("smiles", "standard"),
    [
        ("CC(=O)[O-].[Na+]", "CC(=O)O"),
        ("Cl.CN1CCCC1c1cccnc1", "CN1CCCC1c1cccnc1"),
        ("C[NH3+]", "CN"),
        ("C[N+](C)(C)C", "C[N+](C)(C)C"),
        ("[NH3+]CC(=O)[O-]", "NCC(=O)O"),
        ("CS(C)=O", "C[S+](C)[O-]"),
        ("O=[N+]([O-])c1ccccc1", "O=[N+]([O-])c1ccccc1"),
        ("CC(=O)O[Na]", "CC(=O)O"),
        ("C[C@H](N)C(=O)O", "C[C@H](N)C(=O)O"),
        ("[13CH3]O", "[13CH3]O"),
        # Clean-up would saturate the rings of mesoionic molecules: they stay as they are.
        ("CCOC(=O)[N-]c1c[n+](N2CCOCC2)no1", "CCOC(=O)[N-]c1c[n+](N2CCOCC2)no1"),
        ("Cc1ccc(-n2c([S-])c(C=O)[n+]3ccccc23)cc1", "Cc1ccc(-n2c([S-])c(C=O)[n+]3ccccc23)cc1"),
    ],
)
def test_examples(smiles: str, standard: str) -> None:
    assert featurize([smiles], standardize=Standardizer()).identities == [standard]


@pytest.mark.parametrize(
    ("keep", "smiles", "standard"),
    [
        ("keep_stereo", "C[C@H](N)/C=C/F", "CC(N)C=CF"),
        ("keep_isotopes", "[2H]C([13CH3])O", "CCO"),
        ("keep_isotopes", "[2H][C@H](C)O", "CCO"),
        ("keep_tautomer", "Oc1ccccn1", "O=c1cccc[nH]1"),
        ("keep_tautomer", "C=C(C)O", "CC(C)=O"),
    ],
)
def test_what_is_not_kept(keep: str, smiles: str, standard: str) -> None:
    assert featurize([smiles], standardize=Standardizer()).identities != [standard]
    standardize = Standardizer(**{keep: False})
    assert featurize([smiles], standardize=standardize).identities == [standard]
    assert standardize.spec != Standardizer().spec


@pytest.mark.parametrize("form", [None, Standardizer(), Standardizer(keep_isotopes=False)])
def test_it_is_recorded_and_read_back(form: Standardizer | None) -> None:
    assert Standardizer.from_spec(form.spec if form else None) == form


def test_graphs_and_fingerprints_are_those_of_the_standard_form(
    assert_same: Callable[..., Any],
) -> None:
    salt = featurize(
        ["CC(=O)[O-].[Na+]"], standardize=Standardizer(), reads=["graphs", "fingerprints"]
    )
    acid = featurize(["CC(=O)O"], reads=["graphs", "fingerprints"])
    assert_same(salt.graphs, acid.graphs)
    assert_same_counts(salt.fingerprints, acid.fingerprints)


@pytest.mark.parametrize(
    "drawn",
    [
        "CC(c1ccccc1)C(=O)[O-].[Na+]",  # a possible stereocentre
        "C[C@H](c1ccccc1)C(=O)[O-].[Na+]",
        "[2H]C(C)(c1ccccc1)C(=O)O",
        "C[C@@H](O)C(O)/C=C/C1CC1",
    ],
)
@pytest.mark.parametrize("left", ["stereo", "isotopes", "tautomer", None])
def test_descriptors_are_those_of_the_standard_form(drawn: str, left: str | None) -> None:
    form = Standardizer() if left is None else Standardizer(**{f"keep_{left}": False})
    written = Chem.MolToSmiles(form(Chem.MolFromSmiles(drawn)))
    there, again = (
        featurize([smiles], standardize=how, reads=["descriptors"]).descriptors
        for smiles, how in ((drawn, form), (written, None))
    )
    np.testing.assert_array_equal(there, again)


def test_a_molecule_without_a_standard_form_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(mol: Chem.Mol) -> Chem.Mol:
        raise ValueError("no luck")

    monkeypatch.setattr(rdMolStandardize, "ChargeParent", fail)
    result = featurize(["CCO", "C[NH3+]", "nonsense"], standardize=Standardizer())
    assert result.reasons[:2] == ["", "no standard form: no luck"]
    assert result.graphs.n_atoms.tolist() == [3, 0, 0]


def test_inchikeys(capfd: pytest.CaptureFixture[str]) -> None:
    smiles = ["Oc1ccccn1", "O=c1cccc[nH]1", "*C", "nonsense", "[NH3+]CC(=O)[O-]", "NCC(=O)O"]
    keys = featurize(smiles, inchikeys=True, standardize=Standardizer()).identities
    assert keys[0] == keys[1] == "UBQKCCHYAOITMY-UHFFFAOYSA-N"
    assert keys[2:4] == ["*C", ""]
    assert keys[4] == keys[5]
    assert capfd.readouterr() == ("", "")
