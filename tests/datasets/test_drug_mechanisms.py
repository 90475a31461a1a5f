"""The bundled drugs: well formed, described truly, and borne out by real data."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from rdkit import Chem, rdBase
from rdkit.Chem.MolStandardize import rdMolStandardize
from rdkit.Chem.rdinchi import MolToInchiKey
from rdkit.Chem.rdMolDescriptors import CalcMolFormula

_NO_STEREO = "UHFFFAOY"  # the second block of an InChIKey without stereo (and without isotopes)


@pytest.fixture(scope="module")
def folder(root: Path) -> Path:
    return root / "datasets" / "drug_mechanisms"


@pytest.fixture(scope="module")
def drugs(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "drugs.csv", dtype=str, keep_default_na=False)


@pytest.fixture(scope="module")
def card(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((folder / "dataset.yaml").read_text(encoding="utf-8"))
    return content


@pytest.fixture(scope="module")
def readme(folder: Path) -> str:
    return (folder / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def keys(drugs: pd.DataFrame) -> list[str]:
    with rdBase.BlockLogs():
        return [_key(Chem.MolFromSmiles(smiles)) for smiles in drugs["smiles"]]


def test_columns_are_those_of_the_card(drugs: pd.DataFrame, card: dict[str, Any]) -> None:
    assert list(drugs.columns) == ["name", "smiles", "formula", "mechanism"]
    assert list(card["columns"]) == list(drugs.columns)


def test_every_field_is_filled_and_trimmed(drugs: pd.DataFrame) -> None:
    for column in drugs.columns:
        assert all(value and value == value.strip() for value in drugs[column]), column


def test_rows_are_sorted_and_names_unique(drugs: pd.DataFrame) -> None:
    rows = list(zip(drugs["mechanism"], drugs["name"], strict=True))
    assert rows == sorted(rows)
    assert drugs["name"].is_unique


def test_formula_is_that_of_the_structure(drugs: pd.DataFrame) -> None:
    wrong = [
        (row.name, row.formula, formula)
        for row in drugs.itertuples(index=False)
        if (formula := CalcMolFormula(Chem.MolFromSmiles(row.smiles))) != row.formula
    ]
    assert wrong == []


def test_structures_are_canonical_neutral_and_whole(drugs: pd.DataFrame) -> None:
    for name, smiles in zip(drugs["name"], drugs["smiles"], strict=True):
        mol = Chem.MolFromSmiles(smiles)
        assert Chem.MolToSmiles(mol) == smiles, name
        assert "." not in smiles, name
        assert Chem.GetFormalCharge(mol) == 0, name
        assert all(atom.GetNumRadicalElectrons() == 0 for atom in mol.GetAtoms()), name


def test_no_two_drugs_share_structure_or_connectivity(drugs: pd.DataFrame, keys: list[str]) -> None:
    assert drugs["smiles"].is_unique
    assert len({key[:14] for key in keys}) == len(drugs)


def test_mechanisms_are_many_and_large_enough(drugs: pd.DataFrame) -> None:
    sizes = Counter(drugs["mechanism"])
    assert len(sizes) >= 24
    assert min(sizes.values()) >= 8
    assert all(re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)*", mechanism) for mechanism in sizes)


def test_counts_of_the_card_are_true(
    drugs: pd.DataFrame, card: dict[str, Any], keys: list[str]
) -> None:
    assert card["n_drugs"] == len(drugs)
    assert card["n_mechanisms"] == drugs["mechanism"].nunique()
    assert card["checked"]["formula"] == len(drugs)
    assert card["checked"]["connectivity"] == len(drugs)
    assert card["checked"]["stereo_stated"] == sum(_states_stereo(key) for key in keys)


def test_splits_cover_every_mechanism_once(drugs: pd.DataFrame, card: dict[str, Any]) -> None:
    assert list(card["splits"]) == ["train", "valid", "test"]
    listed = [mechanism for fold in card["splits"].values() for mechanism in fold]
    assert sorted(listed) == sorted(set(drugs["mechanism"]))


def test_folds_are_large_enough(drugs: pd.DataFrame, card: dict[str, Any]) -> None:
    sizes = Counter(drugs["mechanism"])
    n_drugs = {fold: sum(sizes[m] for m in names) for fold, names in card["splits"].items()}
    assert n_drugs["valid"] >= 40
    assert n_drugs["test"] >= 60
    assert len(card["splits"]["valid"]) >= 4
    assert len(card["splits"]["test"]) >= 6


@pytest.mark.parametrize(
    "family",
    [
        {"penicillin", "cephalosporin"},
        {"ace_inhibitor", "angiotensin_receptor_blocker"},
        {
            "tricyclic_antidepressant",
            "phenothiazine_antipsychotic",
            "h1_antihistamine",
            "muscarinic_antagonist",
            "selective_reuptake_inhibitor",
        },
        {"beta_blocker", "beta_agonist"},
        {"glucocorticoid", "progestin"},
        {"nucleoside_antiviral", "purine_pyrimidine_antimetabolite"},
        {"sulfonamide_antibacterial", "sulfonylurea", "thiazide_diuretic"},
    ],
    ids=lambda family: min(family),
)
def test_sister_classes_share_a_fold(family: set[str], card: dict[str, Any]) -> None:
    assert any(family <= set(fold) for fold in card["splits"].values())


def test_readme_lists_every_mechanism_with_its_count_and_fold(
    readme: str, drugs: pd.DataFrame, card: dict[str, Any]
) -> None:
    sizes = Counter(drugs["mechanism"])
    listed = re.findall(r"^\| `(\w+)` \| (\d+) \| (\w+) \|", readme, flags=re.MULTILINE)
    expected = [
        (mechanism, str(sizes[mechanism]), fold)
        for fold, names in card["splits"].items()
        for mechanism in names
    ]
    assert listed == expected


def test_readme_states_the_counts_of_the_card(
    readme: str, drugs: pd.DataFrame, card: dict[str, Any]
) -> None:
    n, checked, sizes = len(drugs), card["checked"], Counter(drugs["mechanism"])
    n_flat = n - checked["stereo_stated"]
    text = " ".join(readme.split())
    assert f"{n} marketed small-molecule drugs over {len(sizes)} mechanisms" in text
    assert text.count(f": {n} of {n}") == 2
    assert f"{checked['stereo_stated']} structures state stereochemistry" in text
    assert f"For {checked['stereo_confirmed']} of them" in text
    assert f"{n_flat} structures state no stereochemistry" in text
    for fold, names in card["splits"].items():
        assert f"| {fold} | {len(names)} | {sum(sizes[m] for m in names)} |" in readme
    named = {
        "MoleculeNet SIDER": "moleculenet/sider",
        "MoleculeNet Tox21": "moleculenet/tox21",
        "MoleculeNet ToxCast": "moleculenet/toxcast",
        "FS-Mol train": "fsmol/train",
        "FS-Mol valid": "fsmol/valid",
    }
    assert set(named.values()) == set(checked["connectivity_by_table"])
    for title, table in named.items():
        assert f"| {title} | {checked['connectivity_by_table'][table]} |" in readme


@pytest.mark.slow
@pytest.mark.shared_data
def test_structures_occur_in_public_data_as_the_card_says(
    drugs: pd.DataFrame, keys: list[str], card: dict[str, Any], shared_data: Path
) -> None:
    letters = {_letters(smiles) for smiles in drugs["smiles"]}
    found: dict[str, set[str]] = {}
    for table in card["checked"]["connectivity_by_table"]:
        path = shared_data / f"{table}.csv.gz"
        if not path.is_file():
            pytest.skip(f"real data are incomplete on this machine: {path} does not exist")
        found[table] = _reference_keys(path, letters, set(drugs["formula"]))

    everywhere = set().union(*found.values())
    skeletons = {key[:14] for key in everywhere}
    absent = [
        name for name, key in zip(drugs["name"], keys, strict=True) if key[:14] not in skeletons
    ]
    confirmed = sum(key in everywhere for key in keys if _states_stereo(key))
    by_table = {
        table: len({key[:14] for key in keys} & {key[:14] for key in references})
        for table, references in found.items()
    }
    assert absent == []
    assert by_table == card["checked"]["connectivity_by_table"]
    assert confirmed == card["checked"]["stereo_confirmed"]


def _reference_keys(path: Path, letters: set[tuple[int, ...]], formulas: set[str]) -> set[str]:
    """InChIKeys of the neutral parents in the table that have the formula of some drug.

    Letters are counted in the text first: parsing all the molecules would take minutes.
    """
    uncharger = rdMolStandardize.Uncharger()
    parents = {
        max(smiles.split("."), key=lambda part: sum(_letters(part))) if "." in smiles else smiles
        for smiles in pd.read_csv(path, usecols=["smiles"])["smiles"].unique()
    }
    found: set[str] = set()
    with rdBase.BlockLogs():
        for smiles in parents:
            mol = Chem.MolFromSmiles(smiles) if _letters(smiles) in letters else None
            if mol is None:
                continue
            neutral = uncharger.uncharge(mol)
            if CalcMolFormula(neutral) in formulas:
                found.add(_key(neutral))
    return found


def _letters(smiles: str) -> tuple[int, ...]:
    """Counts that any two SMILES of a molecule share: its heavy atoms, as letters."""
    lower = smiles.lower()
    return tuple(lower.count(letter) for letter in "bcfilnops")


def _key(mol: Chem.Mol) -> str:
    """The InChIKey without its last letter, which tells of protons alone."""
    return str(MolToInchiKey(mol))[:25]


def _states_stereo(key: str) -> bool:
    return key[15:23] != _NO_STEREO
