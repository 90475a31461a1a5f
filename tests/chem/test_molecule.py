"""Parsing: what is accepted, and the reason for what is not."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rdkit import Chem

from molmeta.chem.molecule import parse, parses


@pytest.mark.parametrize("smiles", ["CCO", " CCO ", "CCO ethanol", "CCO äthanol", np.str_("CCO")])
def test_accepts(smiles: str) -> None:
    mol = parse(smiles)
    assert not isinstance(mol, str)
    assert mol.GetNumAtoms() == 3


@pytest.mark.parametrize(
    ("given_", "reason"),
    [
        ("", "no SMILES"),
        (" \t", "no SMILES"),
        (None, "no SMILES"),
        (float("nan"), "no SMILES"),
        (np.float32("nan"), "no SMILES"),
        (pd.NA, "no SMILES"),
        (pd.NaT, "no SMILES"),
        (3.5, "not text but float"),
        (b"CCO", "not text but bytes"),
        (np.zeros(2), "not text but ndarray"),
        *(
            (word, "no SMILES")
            for word in ("NaN", "None", "NA", "n/a", "null", "#N/A", "-", " nan ")
        ),
        ("InChI=1S/CH4/h1H4", "InChI, not SMILES"),
        ("VNWKTOKETHGBQD-UHFFFAOYSA-N", "InChIKey, not SMILES"),
        ("[C][=C][Branch1][C][O][N]", "SELFIES, not SMILES"),
        ("CC(", "SMILES syntax error around position 3"),
        ("C\0C", "SMILES syntax error around position 2"),
        ("C1CC", "unclosed ring"),
        ("c1cc1", "Can't kekulize mol.  Unkekulized atoms: 0 1 2"),
        ("C(C)(C)(C)(C)C", "Explicit valence for atom # 0 C, 5, is greater than permitted"),
        ("[#200]", "Atomic number not found"),
        ("C |garbage|", "RDKit cannot read it"),
        ("CC>>CO", "a reaction, not a molecule"),
        (">>", "a reaction, not a molecule"),
        ("CCé", "'\\xe9' is not a SMILES character"),
        ("\ud800C", "'\\ud800' is not a SMILES character"),
        ("[C+20]", "atom 0 (C): no code for formal_charge 20"),
        ("Cl[Pt@SP1](Cl)([NH3])[NH3]", "atom 1 (Pt): no code for hybridization SP2D"),
        ("C" * 1001, "1,001 atoms, more than the limit of 1,000"),
        ("C1CC" * 301, "unclosed ring"),
    ],
)
def test_rejects_with_the_reason(given_: object, reason: str) -> None:
    assert parse(given_) == reason


@pytest.mark.parametrize("smiles", ["N", "C", "[Na]", "[Na+].[Cl-]", "[O][O]", "[C][C][O]", "Cn"])
def test_short_words_that_are_smiles(smiles: str) -> None:
    assert parses(smiles) == (smiles != "Cn")


def test_the_limit_of_atoms() -> None:
    assert isinstance(parse("C" * 10, max_atoms=10), Chem.Mol)
    assert isinstance(parse("[13CH2]" * 10, max_atoms=10), Chem.Mol)
    assert parse("C" * 11, max_atoms=10) == "11 atoms, more than the limit of 10"


@pytest.mark.parametrize("smiles", ["C" * 10_000_000, "C1CC1" * 4_000, "C(" * 10_000])
def test_huge_strings_are_rejected_at_once(smiles: str) -> None:
    start = time.perf_counter()
    assert not parses(smiles)
    assert time.perf_counter() - start < 5


def test_says_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    for smiles in ("CC(", "c1cc1", "[#200]", "[H]", "[H]O[H]"):
        parse(smiles)
    assert capfd.readouterr() == ("", "")


@given(
    text=st.one_of(
        st.text(max_size=60), st.text("CNOcnos[]()=#@/\\+-.123%*:>|{}~$ \0", max_size=40)
    )
)
def test_never_raises(text: str) -> None:
    result = parse(text)
    assert isinstance(result, Chem.Mol) or result
