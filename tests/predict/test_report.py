"""The prediction report: what its table is given, what stands beside it, and escaping."""

from __future__ import annotations

import json
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
from molmeta.predict import predict_table, report
from molmeta.predict.report import write_report
from molmeta.predict.table import Predictions
from molmeta.runs.model import Model

FRAME = drug_mechanisms("test").query("assay == 'fluoroquinolone'").sample(frac=1, random_state=0)
KNOWN, LIBRARY = FRAME[:12], FRAME[12:20]
EVIL = "</script><script>alert('x')</script>"


def predicted(model: Model, folder: Path, **options: Any) -> Predictions:
    """Eight new molecules, one that is measured and one that is none."""
    frame = LIBRARY[["smiles"]].assign(name=[EVIL, *(f"drug {i}" for i in range(1, 8))])
    frame = frame.assign(**{EVIL: "<img src=x onerror=alert(1)>"})
    known = pd.DataFrame(
        {"smiles": KNOWN["smiles"][:1], "name": ["known"], EVIL: ["\x07" + "x" * 9999]}
    )
    bad = pd.DataFrame({"smiles": [EVIL], "name": ["bad"], EVIL: [""]})
    pd.concat([known, frame, bad]).to_csv(folder / "library.csv", index=False)
    classifier = FewShotClassifier(model).fit(
        KNOWN["smiles"], KNOWN["label"], options.pop("values", None)
    )
    return predict_table(classifier, open_library(folder / "library.csv"), **options)


def written(found: Predictions, folder: Path, *names: str) -> tuple[str, dict[str, Any]]:
    """The page without its own script, and the data in it."""
    write_report(found, EVIL, folder / "page.html", names)
    page = (folder / "page.html").read_text(encoding="utf-8")
    held = re.search(r'<script type="application/json" id="held">(.*?)</script>', page, re.DOTALL)
    assert held
    script = page.index('<script type="module">')
    return page[:script], json.loads(held[1])


@pytest.fixture(scope="module")
def found(any_model: Model, tmp_path_factory: pytest.TempPathFactory) -> Predictions:
    return predicted(any_model, tmp_path_factory.mktemp("found"), error=0.4)


@pytest.fixture(scope="module")
def shown(
    found: Predictions, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, dict[str, Any]]:
    """The page of these, and the data in it."""
    return written(found, tmp_path_factory.mktemp("shown"), *[EVIL] * 12)


def test_the_table_holds_the_new_ones_by_rank_then_the_measured(
    found: Predictions, shown: tuple[str, dict[str, Any]]
) -> None:
    _, held = shown
    best = found.table.dropna(subset="rank").sort_values("rank")
    rows = held["rows"]
    assert [row["rank"] for row in rows] == [*range(1, 9), None]
    assert [row["name"] for row in rows] == [*best["name"], "known"]
    assert [row["measured"] for row in rows] == [None] * 8 + [bool(KNOWN["label"].iloc[0])]
    assert all(row["p_low"] <= row["p_active"] <= row["p_high"] for row in rows)
    assert {row["possible"] for row in rows} <= {"active", "inactive", "either", "neither"}
    assert all(len(row["reasons"]) == 3 for row in rows)
    assert held["weighs"]
    assert {str(i) for i in range(9)} == set(held["drawings"])


def test_reasons_are_those_that_the_classifier_gives(
    found: Predictions, shown: tuple[str, dict[str, Any]]
) -> None:
    _, held = shown
    smiles = [row["smiles"] for row in held["rows"]]
    why = found.classifier.explain(smiles, top=3)
    given = [reason for row in held["rows"] for reason in row["reasons"]]
    assert [at for at, _, _ in given] == why["support"].tolist()
    np.testing.assert_allclose([weight for _, weight, _ in given], why["weight"], atol=1e-3)
    np.testing.assert_allclose([like for *_, like in given], why["similarity"], atol=1e-3)


def test_hostile_text_is_inert(shown: tuple[str, dict[str, Any]]) -> None:
    page, held = shown
    assert page.count("<script") == 1  # the data
    assert not re.search(r"<img|https?:|src=\"|url\((?!#)", page)
    assert "&lt;/script&gt;" in page
    assert held["columns"] == [EVIL]
    assert held["rows"][-1]["cells"] == ["x" * 119 + "…"]
    assert "Not ranked" in page


def test_the_policy_allows_this_script_alone(shown: tuple[str, dict[str, Any]]) -> None:
    page, _ = shown
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)
    assert policy
    rules = dict(rule.split(" ", 1) for rule in policy[1].split("; "))
    assert rules["default-src"] == "'none'"
    assert re.fullmatch(r"'sha256-[\w+/]{43}='", rules["script-src"])
    assert "unsafe" not in policy[1]


def test_no_path_and_no_jargon_is_shown(any_model: Model, tmp_path: Path) -> None:
    model = replace(any_model, path=tmp_path / "runs" / "my model")
    page, _ = written(predicted(model, tmp_path), tmp_path)
    text = page[page.index("<body") :]
    assert str(tmp_path) not in text
    assert "<dd>my model<" in text
    assert not re.search("auprc|roc_auc|leave-one-out", text, re.IGNORECASE)
    assert "0.5 is guessing" in text


def test_more_than_are_listed_are_counted(
    any_model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "N_LISTED", 5)
    page, held = written(predicted(any_model, tmp_path), tmp_path)
    assert [row["rank"] for row in held["rows"]] == [1, 2, 3, 4, 5, None]
    assert "The best 5 of 8 new molecules; 3 more" in page


def test_molecules_of_one_scaffold_are_a_group(any_model: Model, tmp_path: Path) -> None:
    smiles = ["Cc1ccccc1", "CCO", "Clc1ccccc1", "Cc1ccncc1"]
    pd.DataFrame({"smiles": smiles}).to_csv(tmp_path / "library.csv", index=False)
    classifier = FewShotClassifier(any_model).fit(KNOWN["smiles"], KNOWN["label"])
    _, held = written(predict_table(classifier, open_library(tmp_path / "library.csv")), tmp_path)
    group = {row["smiles"]: row["group"] for row in held["rows"]}
    assert group["Cc1ccccc1"] == group["Clc1ccccc1"] != group["Cc1ccncc1"]
    assert group["CCO"] is None
    assert held["groups"][group["Cc1ccccc1"] - 1] == "c1ccccc1"
    assert {row["name"] for row in held["rows"]} == {f"row {i}" for i in range(1, 5)}
    mw = {row["smiles"]: row["mw"] for row in held["rows"]}
    assert mw["Cc1ccccc1"] == pytest.approx(92.1)


def test_a_very_large_molecule_is_not_coloured(
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
    _, held = written(predict_table(classifier, open_library(tmp_path / "library.csv")), tmp_path)
    assert asked == smiles[1:]
    (drawing,) = held["drawings"].values()
    assert len(re.findall(r"<circle[^>]*fill-opacity", drawing)) == 150


def test_a_model_that_weighs_no_molecule_gives_the_most_similar(
    model: Model, tmp_path: Path
) -> None:
    learner = Learner(model.learner.encoder, LinearHead(dim=8), projection=8).eval()
    _, held = written(predicted(replace(model, learner=learner), tmp_path), tmp_path)
    assert not held["weighs"]
    for row in held["rows"]:
        assert [weight for _, weight, _ in row["reasons"]] == [None] * 3
        assert row["reasons"][0][::2] == [row["nearest"], row["similarity"]]


def test_measured_values_are_shown_beside_what_the_others_say(
    any_model: Model, tmp_path: Path
) -> None:
    values = np.linspace(4, 8, len(KNOWN))[np.argsort(np.argsort(KNOWN["label"], kind="stable"))]
    found = predicted(any_model, tmp_path, values=values)
    page, held = written(found, tmp_path, *(f"M-{i}" for i in range(12)))
    for i in range(12):
        assert f"M-{i}<" in page
        assert re.search(f", {values[i]:.2f}<", page)
    has_values = any_model.learner.matcher.has_covariance
    assert ("predicted from the others</text>" in page) == has_values
    assert (held["rows"][0]["value"] is not None) == has_values


def test_what_is_predicted_of_a_value_does_not_hang_on_it(kernel_model: Model) -> None:
    labels = KNOWN["label"].to_numpy()
    values = np.where(labels == 1, 7.0, 5.0) + np.arange(len(KNOWN)) / 10
    values[3] = np.nan
    before = FewShotClassifier(kernel_model).fit(KNOWN["smiles"], labels, values)
    changed = values.copy()
    changed[0] = 9.9
    after = FewShotClassifier(kernel_model).fit(KNOWN["smiles"], labels, changed)
    first, second = before.known_.left_out_values(), after.known_.left_out_values()
    assert np.isnan(first).tolist() == np.isnan(values).tolist()
    assert first[0] == pytest.approx(second[0], abs=1e-6)
    assert not np.allclose(first[1:3], second[1:3], atol=1e-3)


def test_too_few_values_are_not_predicted_from_one_another(kernel_model: Model) -> None:
    values = np.where(np.arange(len(KNOWN)) < 5, np.linspace(4, 8, len(KNOWN)), np.nan)
    found = FewShotClassifier(kernel_model).fit(KNOWN["smiles"], KNOWN["label"], values)
    assert np.isnan(found.known_.left_out_values()).all()


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
