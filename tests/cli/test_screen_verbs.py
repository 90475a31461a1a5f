"""`embed`, `screen` and `suggest` from the program."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from molmeta.assays import drug_mechanisms
from tests.cli.program import molmeta


def test_libraries_from_the_program(tmp_path: Path) -> None:
    drugs = drug_mechanisms("test")
    names = sorted(drugs["assay"].unique())[:2]
    for name in names:
        known = drugs[drugs["assay"] == name].groupby("label").head(8)
        known[["smiles", "label"]].to_csv(tmp_path / f"{name}.csv", index=False)
    library = tmp_path / "library.smi"
    library.write_text("CCO ethanol\nbroken( no\nCCN ethylamine\nCc1ccccc1 toluene\n")
    supports = [part for name in names for part in ("--support", tmp_path / f"{name}.csv")]

    vectors = tmp_path / "v.parquet"
    done = molmeta("embed", "--input", library, "-o", vectors, "--dtype", "fp16", "--workers", 1)
    assert (done.returncode, "1 rejected" in done.stderr) == (0, True)
    for source in (("--input", library), ("--embeddings", vectors)):
        out = tmp_path / source[0].strip("-")
        for _ in range(2):
            done = molmeta("screen", *supports, *source, "-o", out, "--top", 2, "--workers", 1)
            assert done.returncode == 0
        assert "4 rows read, 1 rejected" in done.stderr
        assert "assays: 2; measured molecules of all: 32" in done.stderr
        assert "went on after 4 rows" in done.stderr
        best = pd.read_csv(out / "top.csv")
        assert best.columns.tolist() == ["assay", "p_active", "score", "smiles", "name"]
        assert best["assay"].value_counts().tolist() == [2, 2]

    measured = tmp_path / f"{names[0]}.csv"
    out = tmp_path / "next.csv"
    done = molmeta("suggest", "--support", measured, "--input", library, "-o", out, "-n", 2)
    assert done.returncode == 0
    assert len(pd.read_csv(out)) == 2
    for wrong in (["--input", library, "--embeddings", vectors], [], ["--shard", "3/2"]):
        done = molmeta("screen", *supports, *wrong, "-o", tmp_path / "wrong")
        assert done.returncode == 2
        assert not (tmp_path / "wrong").exists()
