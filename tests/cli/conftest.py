"""Small files for the program."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from molmeta.assays import drug_mechanisms
from tests.cli.program import molmeta

NAME = "fluoroquinolone"


@pytest.fixture
def support(tmp_path: Path) -> Path:
    drugs = drug_mechanisms("test")
    known = drugs[drugs["assay"] == NAME].groupby("label").head(6)
    known[["smiles", "label"]].to_csv(tmp_path / "support.csv", index=False)
    return tmp_path / "support.csv"


@pytest.fixture
def library(tmp_path: Path) -> Path:
    smiles = drug_mechanisms("test")["smiles"].drop_duplicates().tolist()[:60]
    pd.DataFrame({"smiles": smiles, "note": [f"{i:0>100}" for i in range(60)]}).to_csv(
        tmp_path / "library.csv", index=False
    )
    return tmp_path / "library.csv"


@pytest.fixture
def few(library: Path) -> Path:
    """The library's first eight: a report explains each molecule, atom by atom."""
    lines = library.read_text().splitlines(keepends=True)
    library.write_text("".join(lines[:9]))
    return library


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("example") / "example"
    assert molmeta("example", "-o", folder).returncode == 0
    return folder
