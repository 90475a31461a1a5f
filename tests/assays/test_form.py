"""The standard form of molecules: it goes into a store, is recorded there, and is kept apart."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from molmeta.assays import AssayStore, featurize_files
from molmeta.assays.scaffolds import scaffold_numbers
from molmeta.assays.splits import split_assays, write_split
from molmeta.chem.featurize import featurize
from molmeta.chem.standardize import STANDARD, Standardizer
from molmeta.errors import InputError
from tests.cli.program import molmeta

SALTS = """assay,smiles,active
A,Cl.CN1CCCC1c1cccnc1,1
A,CN1CCCC1c1cccnc1,1
A,C[NH2+]C,0
A,CS(C)=O,0
A,C[C@H](N)c1ccccc1,1
A,C[C@@H](N)c1ccccc1,0
"""


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "salts.csv"
    path.write_text(SALTS)
    return path


def test_a_salt_and_its_parent_are_one_molecule(table: Path, tmp_path: Path) -> None:
    store = featurize_files([table], tmp_path / "s", features=["fingerprints"])
    assert store.standardize == AssayStore.open(tmp_path / "s").standardize == STANDARD
    assert store.audit["reason"].tolist()[1] == "same molecule as row 0"
    expected = featurize(
        ["CN1CCCC1c1cccnc1"] * 2 + ["CNC", "C[S+](C)[O-]"], reads=["graphs", "fingerprints"]
    )
    np.testing.assert_array_equal(store.graphs.n_atoms[:4], expected.graphs.n_atoms)
    assert (store.fingerprints[:4] != expected.fingerprints).nnz == 0
    assert store.identities[0] == store.identities[1]
    assert store.smiles[0].startswith("Cl.")  # as given


def test_as_drawn(table: Path) -> None:
    store = featurize_files([table], None, standardize=None)
    assert store.standardize is None
    assert (store.audit["action"] == "kept").all()
    assert store.graphs.n_atoms[0] == store.graphs.n_atoms[1] + 1


def test_what_is_computed_later_is_of_the_same_form(table: Path) -> None:
    form = Standardizer(keep_stereo=False)
    stored = featurize_files(
        [table], None, standardize=form, features=["fingerprints", "descriptors"]
    )
    later = featurize_files([table], None, standardize=form)
    assert (stored.fingerprints != later.fingerprints).nnz == 0
    np.testing.assert_array_equal(stored.descriptors, later.descriptors)
    assert stored.audit["reason"].tolist()[4:] == ["contradicting labels for one molecule"] * 2


def test_scaffolds_are_those_of_the_standard_form() -> None:
    rows = {"assay": ["A", "A"], "label": [1, 0], "row": [0, 1]}
    for first in ("c1ccccc1C(=O)O.c1ccncc1CCCNCC", "c1ccncc1O[PH](=O)(=O)O"):  # RDKit refuses that
        frame = pd.DataFrame({**rows, "smiles": [first, "c1ccncc1O"]})
        assert len(set(scaffold_numbers(AssayStore.from_frame(frame)))) == 1


def test_a_part_has_the_form_of_the_whole(tmp_path: Path) -> None:
    lines = [f"A{k},{'C' * n},{n % 2}" for k in range(9) for n in range(1, 9)]
    (tmp_path / "t.csv").write_text("\n".join(["assay,smiles,active", *lines]))
    whole = featurize_files([tmp_path / "t.csv"], None, standardize=None)
    folds = write_split(whole, split_assays(whole, "random"), tmp_path / "folds")
    assert [fold.standardize for fold in folds.values()] == [None] * 3


def test_another_form_is_refused(table: Path, tmp_path: Path) -> None:
    store = featurize_files([table], tmp_path / "s", standardize=None)
    with pytest.raises(InputError, match=r"as drawn \(--no-standardize\).*\(--standardize\)"):
        store.check_form(STANDARD, "model m")
    with pytest.raises(InputError, match="--no-stereo --one-tautomer"):
        store.check_form(Standardizer(keep_stereo=False, keep_tautomer=False), "model m")
    store.check_form(None, "model m")


@pytest.mark.parametrize("spec", [{"version": 99}, {**STANDARD.spec, "keep_tails": True}])
def test_the_form_of_another_version_is_refused(
    table: Path, tmp_path: Path, spec: dict[str, object]
) -> None:
    featurize_files([table], tmp_path / "s")
    file = tmp_path / "s" / "store.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"standardize": spec}))
    with pytest.raises(InputError, match="standard form"):
        AssayStore.open(tmp_path / "s")


@pytest.mark.parametrize(
    ("flags", "form"),
    [
        ([], STANDARD),
        (["--no-standardize"], None),
        (["--no-stereo", "--one-tautomer"], Standardizer(keep_stereo=False, keep_tautomer=False)),
        (["--no-isotopes"], Standardizer(keep_isotopes=False)),
    ],
)
def test_flags(table: Path, tmp_path: Path, flags: list[str], form: Standardizer | None) -> None:
    done = molmeta("featurize", table, "-o", tmp_path / "s", "--workers", 1, *flags)
    assert done.returncode == 0, done.stderr
    assert AssayStore.open(tmp_path / "s").standardize == form
    for flag in flags:
        assert flag in molmeta("info", tmp_path / "s").stdout


def test_flags_that_contradict_each_other(table: Path, tmp_path: Path) -> None:
    done = molmeta("featurize", table, "-o", tmp_path / "s", "--no-standardize", "--no-stereo")
    assert done.returncode == 2
    assert "--no-standardize" in done.stderr
    assert not (tmp_path / "s").exists()


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.shared_data
def test_fsmol_is_published_in_standard_form(shared_data: Path) -> None:
    """So that the default changes nothing there."""
    for name in ("valid", "train"):
        smiles = pd.read_csv(shared_data / f"fsmol/{name}.csv.gz")["smiles"].unique()
        drawn, standard = (
            featurize(smiles, standardize=form, workers=2) for form in (None, STANDARD)
        )
        assert drawn.reasons == standard.reasons
        assert drawn.identities == standard.identities
