"""The report: everything a reader needs in one file."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from molmeta.assays.record import AssayRecord
from molmeta.assays.store import AssayStore
from molmeta.evaluation import evaluate, make_baselines
from molmeta.evaluation.compare import Comparison, compare
from molmeta.evaluation.figures import _ranks as mean_ranks
from molmeta.evaluation.measure import METRICS
from molmeta.evaluation.protocol import PROTOCOLS, Scale
from molmeta.evaluation.report import PROTOCOL_TEXTS, write_report
from molmeta.evaluation.texts import LABELS, MEANINGS


@dataclass
class Leaky:
    """A method trained on one of the test assays."""

    training: AssayRecord
    name: str = "leaky"
    scale: Scale = "log_odds"
    fingerprint: str = "leaky"
    reads: tuple[str, ...] = ()

    def scores(
        self,
        store: AssayStore,
        support: NDArray[np.int64],
        labels: NDArray[np.float32],
        query: NDArray[np.int64],
    ) -> NDArray[np.float64]:
        return query - query.mean()


@pytest.fixture(scope="module")
def comparison(store: AssayStore) -> Comparison:
    training = AssayRecord({"assay 1": None}, np.unique(store.identities))
    classes = pd.DataFrame({"target_class": {"assay 0": "hydrolase", "assay 1": "transferase"}})
    results = evaluate(
        [
            Leaky(training),
            Leaky(training, name="twin"),
            *make_baselines(["constant", "knn", "simsearch", "simsearch-soft", "gp"]),
        ],
        store.with_info(classes),
        support_sizes=[8, 16],
        draws=2,
    )
    return compare({"mine": results})


def read(comparison: Comparison, file: Path) -> str:
    write_report(comparison, file)
    return file.read_text(encoding="utf-8")


def test_every_section_says_what_it_should(comparison: Comparison, tmp_path: Path) -> None:
    page = read(comparison, tmp_path / "report.html")
    text = re.sub(r"<[^>]*>", " ", page)
    for expected in (
        "Learning curves",
        "95 % interval",
        "molecule sets",
        "leaky †",
        "leaky, twin: 1 of 4 test assays are training assays: assay 1.",
        "100% (same id)",
        "transferase (1)",
        "wins : losses",
        "Hardest: assay",
        "too few for a support set of 8",
        "calibration error",
        comparison.infos["mine"]["data"]["hash"],
        "SoftSimilaritySearch(",
        "rdkit 20",
        "0, 1",
    ):
        assert expected in text, expected
    assert len(page) < 3_000_000
    assert not re.search(r"https?:|url\(|@import|src=|<link|<script", page)
    for svg in re.findall(r"<svg.*?</svg>", page, flags=re.S):
        ElementTree.fromstring(svg)


def test_the_table_is_that_of_the_summary(comparison: Comparison, tmp_path: Path) -> None:
    page = read(comparison, tmp_path / "report.html")
    for row in comparison.results.summary.itertuples():
        mean = f"{row.delta_auprc:.3f}".replace("-", "−")
        low = f"{row.delta_auprc_low:.3f}".replace("-", "−")
        assert f"{mean} ({low}–" in page


def test_figures_are_explained_and_no_folder_is_shown(
    comparison: Comparison, tmp_path: Path
) -> None:
    info = comparison.infos["mine"]
    data = info["data"] | {"path": "/home/me/secret place/test.csv"}
    command = "molmeta evaluate --data '/home/me/secret place/test.csv' --model=/root/run -o out"
    moved = replace(comparison, infos={"mine": info | {"data": data, "command": command}})
    page = html.unescape(read(moved, tmp_path / "report.html"))
    assert "molmeta evaluate --data test.csv --model=run -o out" in page
    assert not re.search("secret place|/root/|/home/", page)
    for metric in METRICS["classification"]:
        assert MEANINGS[metric] in page
    assert all(set(METRICS[task]) <= set(MEANINGS) for task in METRICS)


def test_reports_are_the_same_to_the_byte(comparison: Comparison, tmp_path: Path) -> None:
    assert read(comparison, tmp_path / "a.html") == read(comparison, tmp_path / "b.html")


def test_regression_and_one_method_make_a_report_too(store: AssayStore, tmp_path: Path) -> None:
    methods = make_baselines(["gp"], "regression")
    results = evaluate(methods, store, protocol="random", draws=2, task="regression")
    page = read(compare({"r": results}), tmp_path / "report.html")
    assert "R² (out of sample)" in page
    assert "measured" in page
    assert page.count("both are equal") == 2  # predicted against measured, hardest and easiest
    assert "Method against method" not in page
    assert "Calibration" not in page


def test_unequal_draws_are_pointed_out(store: AssayStore, tmp_path: Path) -> None:
    few, many = (
        evaluate(make_baselines([name]), store, draws=n) for name, n in (("gp", 1), ("knn", 3))
    )
    assert "different numbers of draws" in read(compare({"a": few, "b": many}), tmp_path / "r.html")
    assert "different numbers of draws" not in read(compare({"b": many}), tmp_path / "r.html")


def test_everything_has_a_name_in_print() -> None:
    assert set(LABELS) == {metric for metrics in METRICS.values() for metric in metrics}
    assert set(PROTOCOL_TEXTS) == set(PROTOCOLS)


def test_methods_of_one_rank_keep_their_order() -> None:
    names = [f"method {i}" for i in range(9)]
    ranks = pd.DataFrame({"method": names, "support_size": 16, "n_assays": 3, "rank": 5.0})
    (figure,) = mean_ranks(cast(Any, SimpleNamespace(ranks=ranks)))
    assert re.findall(r">(method \d)<", str(figure)) == names
