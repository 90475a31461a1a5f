"""The pages of the documentation, and a folder that holds the files that they name."""

from __future__ import annotations

import importlib.util
import json
import shutil
import sys
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest

from molmeta.assays import drug_mechanisms
from molmeta.runs.model import shipped_models
from tests.cli.program import molmeta

ROOT = Path(__file__).parents[2]
RECIPE = """encoder: {name: gine, dim: 16, layers: 2}
training: {steps: 4, assays_per_step: 2, support_sizes: [8], valid_support_sizes: [8]}
"""


def from_docs(name: str, folder: str = "docs") -> ModuleType:
    """Import a script of docs/, or of another folder."""
    spec = importlib.util.spec_from_file_location(name, ROOT / folder / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def measure() -> ModuleType:
    """docs/measure.py."""
    return from_docs("measure")


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A reader's folder: files of every name that the how-to and reference pages use."""
    folder = tmp_path_factory.mktemp("reader")
    drugs = {fold: drug_mechanisms(fold).drop(columns="split") for fold in ("train", "test")}
    train = drugs["train"].rename(columns={"assay": "assay_id", "label": "active"})
    train.to_csv(folder / "mine.csv", index=False)
    names = train["assay_id"].unique()
    targets = pd.DataFrame({"assay_id": names, "target_id": [name[:4] for name in names]})
    targets.to_csv(folder / "targets.csv", index=False)
    folds = {"train": [*names[:12]], "valid": [*names[12:15]], "test": [*names[15:]]}
    (folder / "folds.json").write_text(json.dumps(folds), encoding="utf-8")
    test = drugs["test"].rename(columns={"assay": "assay_id", "label": "active"})
    test.to_csv(folder / "assays.csv", index=False)
    (folder / "recipe.yaml").write_text(RECIPE, encoding="utf-8")
    _one_assay(folder, drugs["test"])
    for fold in ("train", "valid"):
        drug_mechanisms(fold).drop(columns="split").to_csv(folder / f"{fold}.csv", index=False)
    train_, valid = folder / "train.csv", folder / "valid.csv"
    done = molmeta(
        "train", train_, "--valid", valid, "--config", folder / "recipe.yaml",
        "-o", folder / "runs" / "mine",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for name in ("graph", "fingerprint"):  # as if the reader had trained them again
        shutil.copytree(shipped_models()[name], folder / "runs" / name)
    return folder


def _one_assay(folder: Path, drugs: pd.DataFrame) -> None:
    """Write one assay's molecules as labels, as values, as exports, and a library."""
    assay = drugs.query("assay == 'fluoroquinolone'").sample(frac=1, random_state=0)
    known, library = assay[:20], assay[20:]
    for name in ("measured.csv", "panel.csv"):
        known[["smiles", "label"]].rename(columns={"label": "active"}).to_csv(
            folder / name, index=False
        )
    values = known[["smiles"]].assign(
        **{"IC50 (nM)": [10.0 if y else 9000.0 for y in known["label"]]}
    )
    values.to_csv(folder / "ic50.csv", index=False)
    chembl = pd.DataFrame({"Assay ChEMBL ID": "CHEMBL1", "Smiles": known["smiles"]}).assign(
        **{"Standard Type": "IC50", "Standard Relation": "=", "Standard Units": "nM"},
        **{"Standard Value": values["IC50 (nM)"]},
    )
    chembl.to_csv(folder / "chembl_export.csv", index=False)
    pubchem = pd.DataFrame({"PUBCHEM_RESULT_TAG": range(len(known))}).assign(
        PUBCHEM_EXT_DATASOURCE_SMILES=known["smiles"].to_numpy(),
        PUBCHEM_ACTIVITY_OUTCOME=["Active" if y else "Inactive" for y in known["label"]],
    )
    pubchem.to_csv(folder / "AID_1851.csv", index=False)
    _write_sdf(known, folder / "a.sdf")
    _write_sdf(library, folder / "library.sdf")
    (folder / "library").mkdir()
    for file in (folder / "library.csv", folder / "library" / "part.csv"):
        library[["smiles", "name"]].to_csv(file, index=False)
    (folder / "library.smi").write_text("\n".join(library["smiles"]) + "\n", encoding="utf-8")


def _write_sdf(rows: pd.DataFrame, file: Path) -> None:
    from rdkit import Chem

    with Chem.SDWriter(str(file)) as writer:
        for row in rows.itertuples():
            molecule = Chem.MolFromSmiles(row.smiles)
            molecule.SetProp("active", str(row.label))
            writer.write(molecule)
