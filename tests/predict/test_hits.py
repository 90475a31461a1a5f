"""The best of a screening as `predict` tells them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from molmeta.assays import open_library, read_support
from molmeta.predict import predict_table
from molmeta.predict.learnt import LearntAssay, panel_of
from molmeta.predict.library.hits import tell_hits
from molmeta.predict.library.screen import screen
from molmeta.predict.library.sources import MoleculeSource
from molmeta.predict.table import OUTPUT_COLUMNS
from molmeta.runs.model import Model

LIBRARY = "code,smiles\n007,CCCO\n1.50,OCC\nNA,C(\nd,c1ccccc1O\n,OCCC\nf,CCCl\n"


@pytest.fixture
def learnt(model: Model, tmp_path: Path) -> list[LearntAssay]:
    found = []
    for name, labels in (("one", "1100"), ("two", "0110")):
        rows = [f"{s},{y}" for s, y in zip(("CCO", "CCN", "CCC", "CC"), labels, strict=True)]
        (tmp_path / f"{name}.csv").write_text("\n".join(["smiles,active", *rows]))
        found.append(LearntAssay.learn(model, read_support(tmp_path / f"{name}.csv")))
    return found


def test_hits_are_rows_of_predict(learnt: list[LearntAssay], tmp_path: Path) -> None:
    (tmp_path / "l.csv").write_text(LIBRARY)
    library = open_library(tmp_path / "l.csv")
    done = screen(panel_of(learnt), MoleculeSource(library), tmp_path / "out", top=4)
    table, smiles = tell_hits(learnt, done.result, "smiles", properties=True)
    assert table.columns.tolist()[:3] == ["assay", "code", "smiles"]
    assert table.columns.tolist()[3 : 3 + len(OUTPUT_COLUMNS)] == list(OUTPUT_COLUMNS)
    assert table["assay"].tolist() == ["one"] * 4 + ["two"] * 4
    assert table["smiles"].tolist() == smiles
    assert set(table["code"]) <= {"007", "1.50", "d", "", "f"}
    for one in learnt:
        hits = table[table["assay"] == one.name].reset_index(drop=True)
        whole = predict_table(one.classifier, library, measured=one.measured).table
        best = whole.nlargest(4, "score").set_index("code")
        assert set(hits["code"]) == set(best.index)
        new = hits["rank"].notna()
        assert hits["rank"][new].tolist() == list(range(1, new.sum() + 1))
        assert hits["p_active"][new].is_monotonic_decreasing
        np.testing.assert_allclose(hits["score"], best["score"][hits["code"]], atol=2e-3)
        assert (hits["already_measured"] == best["already_measured"][hits["code"]].array).all()
    assert table["already_measured"].any()
    assert table["mw"].notna().all()


def test_an_assay_may_have_no_hit(learnt: list[LearntAssay], tmp_path: Path) -> None:
    pd.DataFrame(columns=["assay", "p_active", "score", "smiles"]).to_csv(tmp_path / "t.csv")
    table, smiles = tell_hits(learnt, tmp_path / "t.csv", "smiles")
    assert (len(table), smiles) == (0, [])
