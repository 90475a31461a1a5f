"""The prediction report: ranked, explained, filtered without a script, and escaped."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from rdkit import Chem

from molmeta import FewShotClassifier
from molmeta.assays import drug_mechanisms, open_library
from molmeta.learning import Learner
from molmeta.models import LinearHead
from molmeta.predict import predict_table
from molmeta.predict.report import write_report
from molmeta.predict.table import Predictions
from molmeta.runs.model import Model

FRAME = drug_mechanisms("test").query("assay == 'fluoroquinolone'").sample(frac=1, random_state=0)
KNOWN, LIBRARY = FRAME[:12], FRAME[12:20]
EVIL = "<script>alert('x')</script>"


def predicted(model: Model, folder: Path, **options: Any) -> Predictions:
    frame = LIBRARY[["smiles"]].assign(name=[EVIL, *(f"drug {i}" for i in range(1, 8))])
    frame = frame.assign(**{EVIL: "<img src=x onerror=alert(1)>"})
    bad = pd.DataFrame({"smiles": [EVIL], "name": ["bad"], EVIL: [""]})
    pd.concat([frame, bad]).to_csv(folder / "library.csv", index=False)
    classifier = FewShotClassifier(model).fit(KNOWN["smiles"], KNOWN["label"])
    return predict_table(classifier, open_library(folder / "library.csv"), **options)


def test_the_report_ranks_explains_and_escapes(any_model: Model, tmp_path: Path) -> None:
    found = predicted(any_model, tmp_path, error=0.4)
    write_report(found, EVIL, tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert not re.search(r"<script|<img|https?:|src=\"|url\(", page)
    assert "&lt;script&gt;" in page
    names = re.findall(r"<h3>(.*?)</h3>", page)
    best = found.table.sort_values("score", ascending=False)["name"][:-1]  # the last is NaN
    assert [html.unescape(name) for name in names] == best.tolist()
    shown = set(re.findall(r'<use href="#(known-\d+)"', page))
    assert shown <= set(re.findall(r'<svg id="(known-\d+)"', page))
    assert len(re.findall(r"\d+% (?:for|against)", page)) == 3 * len(LIBRARY)
    assert "Rejected" in page
    assert "possible classes: " in page


def test_a_very_large_molecule_is_drawn_without_shades(
    any_model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def contributions(
        self: FewShotClassifier, smiles: list[str]
    ) -> list[tuple[str, npt.NDArray[np.float64]]]:
        asked.extend(smiles)
        return [(one, np.ones(Chem.MolFromSmiles(one).GetNumAtoms())) for one in smiles]

    monkeypatch.setattr(FewShotClassifier, "atom_contributions", contributions)
    smiles = ["C" * 151, "C" * 150]
    pd.DataFrame({"smiles": smiles}).to_csv(tmp_path / "library.csv", index=False)
    classifier = FewShotClassifier(any_model).fit(KNOWN["smiles"], KNOWN["label"])
    found = predict_table(classifier, open_library(tmp_path / "library.csv"))
    write_report(found, "assay", tmp_path / "page.html")
    assert asked == smiles[1:]
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert len(re.findall(r"<circle[^>]*fill-opacity", page)) == 150


def test_a_model_that_weighs_no_molecule_shows_the_most_similar(
    model: Model, tmp_path: Path
) -> None:
    learner = Learner(model.learner.encoder, LinearHead(dim=8), projection=8).eval()
    write_report(predicted(replace(model, learner=learner), tmp_path), "a", tmp_path / "p.html")
    page = (tmp_path / "p.html").read_text(encoding="utf-8")
    assert "this model weighs none alone" in page
    assert page.count("<use href=") == 3 * len(LIBRARY)


def test_standard_errors_are_the_jackknifes(any_model: Model) -> None:
    """The oracle fits an estimator to the others each time; the prior is that of all of them."""
    smiles, labels = KNOWN["smiles"].tolist(), KNOWN["label"].to_numpy()
    fitted = FewShotClassifier(any_model).fit(smiles, labels)
    library = LIBRARY["smiles"].tolist()
    scores = []
    for i in range(len(smiles)):
        rest = np.arange(len(smiles)) != i
        others = FewShotClassifier(any_model).fit(KNOWN["smiles"][rest], labels[rest])
        odds = [(y.sum() + 0.5) / (len(y) - y.sum() + 0.5) for y in (labels, labels[rest])]
        scores.append(others.decision_function(library) + np.log(odds[0] / odds[1]))
    n = len(smiles)
    expected = np.sqrt((n - 1) / n * np.square(scores - np.mean(scores, 0)).sum(0))
    found = fitted.known_.standard_errors(fitted.featurize([*library, "no molecule"]))
    np.testing.assert_allclose(found[:-1], expected, atol=1e-4)
    assert np.isnan(found[-1])
