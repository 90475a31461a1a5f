"""The evaluation: what reaches a method, what is written, and what is not computed twice."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file

from molmeta.assays.record import AssayRecord
from molmeta.assays.store import Assay, AssayStore
from molmeta.episodes.draw import Draw
from molmeta.errors import InputError, MolmetaError
from molmeta.evaluation import BASELINES, evaluate, make_baselines, read_results
from molmeta.evaluation.frequent_hitters import FrequentHitters
from molmeta.evaluation.learners import model_methods, named_methods
from molmeta.evaluation.measure import METRICS
from molmeta.evaluation.protocol import PROTOCOLS, Method, Scale
from molmeta.evaluation.results import JOURNAL
from molmeta.evaluation.workers import _features
from molmeta.metrics import delta_auprc
from tests.evaluation.conftest import make_frame

EVERY = sorted(set(BASELINES) - {"rf-grid"})


@dataclass
class Recorder:
    """A method that keeps what it was asked, and scores by the number of the molecule."""

    name: str = "recorder"
    scale: Scale = "ranking"
    fingerprint: str = "recorder"
    training: AssayRecord | None = None
    reads: tuple[str, ...] = ()
    give: Callable[[NDArray[np.int64]], NDArray[np.float64]] = lambda query: query.astype(float)
    calls: list[tuple[NDArray[Any], ...]] = field(default_factory=list)

    def scores(
        self,
        store: AssayStore,
        support: NDArray[np.int64],
        labels: NDArray[np.float32],
        query: NDArray[np.int64],
    ) -> NDArray[np.float64]:
        self.calls.append((support, labels, query))
        return self.give(query)


class Spy:
    """A method that keeps the bytes of the scores that another gives."""

    def __init__(self, method: Method) -> None:
        self.method, self.given = method, b""
        self.name, self.scale, self.training = method.name, method.scale, None
        self.reads = method.reads
        self.fingerprint = method.fingerprint

    def scores(self, *arguments: Any) -> NDArray[np.float64]:
        scores = self.method.scores(*arguments)
        self.given = scores.tobytes()
        return scores


def test_a_store_of_another_form_than_the_model_is_refused(store: AssayStore) -> None:
    training = AssayRecord({}, standardize=None)
    with pytest.raises(InputError, match="as recorder has them"):
        evaluate([Recorder(training=training)], store)


def test_columns_and_counts(store: AssayStore, tmp_path: Path) -> None:
    found = evaluate(
        make_baselines(["simsearch"]), store, support_sizes=[16, 28], draws=2, out=tmp_path
    )
    table = pd.read_csv(tmp_path / "results.csv")
    assert table.columns.tolist() == [
        *("assay_id", "method", "support_size", "seed", "n_support", "n_query", "n_rejected"),
        *("positive_query", "positive_support", "draw"),
        *METRICS["classification"],
    ]
    assert table.groupby(["assay_id", "support_size"]).size().to_dict() == {
        (f"assay {number}", size): 2 for number in range(3) for size in (16, 28)
    }
    assert (table["n_support"] + table["n_query"] + 0)[table["assay_id"] != "assay 2"].eq(30).all()
    assert table.loc[table["assay_id"] == "assay 2", "n_rejected"].eq(1).all()
    skipped = pd.read_csv(tmp_path / "skipped.csv")
    assert skipped["assay_id"].tolist() == ["small"] * 4
    assert "too few" in skipped["reason"][0]
    assert found.summary["n_assays"].tolist() == [3, 3]
    assert found.summary["n_clusters"].tolist() == [2, 2]
    assert found.summary["n_skipped"].tolist() == [2, 2]
    means = table[table["support_size"] == 16].groupby("assay_id")["delta_auprc"].mean()
    assert found.summary["delta_auprc"][0] == pytest.approx(means.mean())
    np.testing.assert_allclose(table["delta_auprc"], table["auprc"] - table["positive_query"])


def test_a_row_that_does_not_parse_is_skipped_or_scored_at_prevalence(store: AssayStore) -> None:
    recorder = Recorder(scale="probability", give=lambda query: np.linspace(0, 1, len(query)))
    table = evaluate([recorder], store.subset(["assay 2"]), draws=10).results
    assay = store.assay("assay 2")
    (bad,) = np.flatnonzero((assay.molecules < 0) & ~np.isnan(assay.labels))
    in_support = []
    for seed, (support, labels, query) in enumerate(recorder.calls):
        draw = PROTOCOLS["fsmol"](store, assay, "classification", 16, seed)
        in_support.append(bad in draw.support)
        assert len(support) == len(labels) == 16 - (bad in draw.support)
        assert len(query) == 16 - (bad in draw.query)
        assert min(support.min(), query.min()) >= 0
        if bad in draw.query:
            scores = np.linspace(0, 1, 15).tolist()
            scores.insert(draw.query.tolist().index(bad), labels.mean(dtype=float))
            expected = delta_auprc(assay.labels[draw.query], scores)
            assert table["delta_auprc"][seed] == pytest.approx(expected)
    assert 0 < sum(in_support) < 10
    assert table["n_query"].eq(16).all()


def test_scrambled_query_labels_leave_every_score_as_it_is(
    store: AssayStore, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assay = store.assay("assay 0")
    fixed = PROTOCOLS["fsmol"](store, assay, "classification", 16, 0)
    methods: list[Method] = [
        *named_methods([*EVERY, f"probe:{run}"]),
        *model_methods([run]),
        FrequentHitters.fit(store.subset(["assay 1"])),
    ]

    def scores_with(labels: NDArray[np.float32]) -> dict[str, bytes]:
        """What each method gives when the evaluator is fed these labels."""
        spies = [Spy(method) for method in methods]
        monkeypatch.setattr(AssayStore, "assay", lambda self, key: replace(assay, labels=labels))
        evaluate(spies, store.subset(["assay 0"]), draws=1)
        return {spy.name: spy.given for spy in spies}

    def same_draw(store: AssayStore, assay: Assay, task: str, size: int, seed: int) -> Draw:
        return fixed

    monkeypatch.setitem(PROTOCOLS, "fsmol", same_draw)
    honest = scores_with(assay.labels)
    scrambled_labels = assay.labels.copy()
    scrambled_labels[fixed.query] = np.random.default_rng(0).permutation(assay.labels[fixed.query])
    assert (scrambled_labels != assay.labels).any()
    assert scores_with(scrambled_labels) == honest
    assert len(honest) == len(EVERY) + 3
    other_support = assay.labels.copy()
    other_support[fixed.support] = 1 - assay.labels[fixed.support]
    changed = scores_with(other_support)
    assert {name for name in honest if changed[name] == honest[name]} == {"frequent-hitters"}


def test_constant_is_zero_to_the_last_bit(store: AssayStore) -> None:
    found = evaluate(make_baselines(["constant"]), store, draws=5)
    assert (found.results["delta_auprc"] == 0).all()
    assert (found.results["roc_auc"] == 0.5).all()


def test_workers_are_sent_what_methods_read_and_the_store_lacks(store: AssayStore) -> None:
    sent = _features([Recorder(reads=("graphs", "pairs"))], store)
    assert list(sent) == ["pairs"]
    assert (sent["pairs"] != store.pairs).nnz == 0
    assert not _features([Recorder()], store)


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_the_same_seeds_give_the_same_tables(
    store: AssayStore, tmp_path: Path, workers: int
) -> None:
    for name, n_workers in (("one", 1), ("other", workers)):
        methods = make_baselines(["rf", "knn"])
        evaluate(methods, store, draws=1, out=tmp_path / name, workers=n_workers)
    for table in ("results", "summary", "skipped", "calibration"):
        one, other = ((tmp_path / name / f"{table}.csv").read_bytes() for name in ("one", "other"))
        assert one == other


def test_what_is_done_is_not_done_again(store: AssayStore, tmp_path: Path) -> None:
    first, again = Recorder(), Recorder()
    evaluate([first], store, draws=2, out=tmp_path)
    before = (tmp_path / "results.csv").read_bytes()
    evaluate([again], store, draws=2, out=tmp_path)
    assert len(first.calls) == 6
    assert again.calls == []
    assert (tmp_path / "results.csv").read_bytes() == before


CHANGES: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "a label": lambda rows: rows.assign(label=[1 - rows["label"][0], *rows["label"][1:]]),
    "a value": lambda rows: rows.assign(value=[9.0, *rows["value"][1:]]),
    "a molecule": lambda rows: rows.assign(smiles=["NCCO", *rows["smiles"][1:]]),
    "another SMILES of a molecule": lambda rows: rows.assign(smiles=["CN", *rows["smiles"][1:]]),
    "the order": lambda rows: rows[::-1],
    "the assay's id": lambda rows: rows.assign(assay="other"),
}


@pytest.mark.parametrize("change", [*CHANGES, "protocol", "draws", "support_sizes", "method"])
def test_whatever_matters_is_done_again(tmp_path: Path, change: str) -> None:
    rows = make_frame(1)
    evaluate([Recorder()], AssayStore.from_frame(rows), draws=2, out=tmp_path)
    anew = Recorder(fingerprint="changed" if change == "method" else "recorder")
    asked: dict[str, Any] = {"draws": 2, "support_sizes": [16], "protocol": "fsmol"}
    others: dict[str, Any] = {"protocol": "random", "draws": 3, "support_sizes": [8]}
    if change in others:
        asked[change] = others[change]
    changed = CHANGES[change](rows).reset_index(drop=True) if change in CHANGES else rows
    evaluate([anew], AssayStore.from_frame(changed), out=tmp_path, **asked)
    assert len(anew.calls) == asked["draws"]


@pytest.mark.parametrize("library", ["rdkit", "sklearn"])
def test_other_versions_are_done_again(
    store: AssayStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, library: str
) -> None:
    evaluate([Recorder()], store, draws=1, out=tmp_path)
    monkeypatch.setattr(f"{library}.__version__", "0.1")
    anew = Recorder()
    evaluate([anew], store, draws=1, out=tmp_path)
    assert len(anew.calls) == 3


def test_a_models_fingerprint_tells_weights_steps_and_use(run: Path, tmp_path: Path) -> None:
    (model,), (probe,) = model_methods([run]), named_methods([f"probe:{run}"])
    assert model.training is not None
    fingerprints = {
        model.fingerprint,
        replace(model, steps=3).fingerprint,
        probe.fingerprint,
        named_methods([f"probe:{run}"], "regression")[0].fingerprint,
    }
    assert len(fingerprints) == 4
    copied = shutil.copytree(run, tmp_path / "copy")
    assert model_methods([copied])[0].fingerprint == model.fingerprint
    weights = load_file(copied / "model.safetensors")
    name = next(iter(weights))
    save_file({**weights, name: weights[name] + 1}, copied / "model.safetensors")
    assert model_methods([copied])[0].fingerprint != model.fingerprint


def test_a_killed_evaluation_goes_on(store: AssayStore, tmp_path: Path) -> None:
    whole, rest = Recorder(), Recorder()
    evaluate([whole], store, draws=2, out=tmp_path)
    before = (tmp_path / "results.csv").read_bytes()
    lines = (tmp_path / JOURNAL).read_bytes().splitlines(keepends=True)
    (tmp_path / JOURNAL).write_bytes(lines[0] + lines[1][:50])
    evaluate([rest], store, draws=2, out=tmp_path)
    assert len(rest.calls) == len(whole.calls) - 2
    assert (tmp_path / "results.csv").read_bytes() == before
    assert (tmp_path / JOURNAL).read_bytes().splitlines(keepends=True) == lines


def test_results_are_read_as_they_were_written(store: AssayStore, tmp_path: Path) -> None:
    classes = pd.DataFrame({"target_class": {"assay 0": "2", "assay 1": "kinase"}})
    written = evaluate(
        make_baselines(["gp", "simsearch"]), store.with_info(classes), draws=2, out=tmp_path
    )
    read = read_results(tmp_path)
    for name in ("results", "summary", "classes", "skipped", "assays", "calibration"):
        pd.testing.assert_frame_equal(
            getattr(read, name), getattr(written, name), check_dtype=False, rtol=1e-8
        )
    assert read.examples == written.examples
    assert read.info == written.info
    assert (
        written.classes[["target_class", "n_assays"]].values.tolist()
        == [
            ["2", 1],
            ["kinase", 1],
        ]
        * 2
    )


def test_regression(store: AssayStore) -> None:
    names = ["constant", "rf", "knn", "simsearch-soft", "gp"]
    found = evaluate(
        make_baselines(names, "regression"), store, draws=1, protocol="random", task="regression"
    )
    best = found.summary.set_index("method")["r2_os"]
    assert best["constant"] == pytest.approx(0, abs=1e-12)
    assert (best.drop("constant") > 0).any()
    assert found.results["rmse"].gt(0).all()
    assert "delta_auprc" not in found.results


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"methods": []}, "methods; got none"),
        ({"methods": make_baselines(["gp", "gp"])}, "distinct names"),
        ({"protocol": "nonsense"}, "unknown protocol"),
        ({"support_sizes": []}, "support sizes"),
        ({"support_sizes": [200]}, "no draw that can be made .*too few"),
        ({"task": "regression"}, "methods that do regression"),
    ],
)
def test_wrong_use_is_refused(store: AssayStore, change: dict[str, object], message: str) -> None:
    asked = {"methods": make_baselines(["constant"]), "store": store, **change}
    with pytest.raises(InputError, match=message):
        evaluate(**asked)  # type: ignore[arg-type]


def test_a_refused_evaluation_leaves_nothing_behind(store: AssayStore, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no draw that can be made"):
        evaluate(make_baselines(["gp"]), store, support_sizes=[200], out=tmp_path / "new")
    assert list(tmp_path.iterdir()) == []


def test_a_foreign_folder_is_left_alone(store: AssayStore, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="something that no evaluation wrote"):
        evaluate(make_baselines(["constant"]), store, out=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
    with pytest.raises(InputError, match=r"expected a folder written by `molmeta evaluate`"):
        read_results(tmp_path)


def test_tables_of_an_earlier_version_are_refused(store: AssayStore, tmp_path: Path) -> None:
    evaluate(make_baselines(["constant"]), store, draws=1, out=tmp_path / "out")
    table = tmp_path / "out" / "leakage.csv"
    table.write_text(table.read_text().replace(",same_content", ""))
    with pytest.raises(InputError, match=r"earlier version.*Run the evaluation again"):
        read_results(tmp_path / "out")


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_method_that_gives_no_number_is_named(store: AssayStore, bad: float) -> None:
    with pytest.raises(MolmetaError, match=r"'recorder' gave scores .* 1[0-9] of them not finite"):
        evaluate([Recorder(give=lambda query: np.full(len(query), bad))], store)


def test_leakage_is_counted_beside_every_mean(store: AssayStore) -> None:
    seen = AssayRecord.of(store.subset(["assay 0"]))
    assert len(seen.molecules) == 30 < store.n_molecules
    half = AssayRecord({"assay 0": None}, np.sort(store.identities)[::2])
    found = evaluate([Recorder(training=half), *make_baselines(["constant"])], store, draws=1)
    table = found.leakage.set_index("assay_id")
    assert table["seen_assay"].to_dict() == {
        "assay 0": True,
        "assay 1": False,
        "assay 2": False,
        "small": False,
    }
    assert 0.3 < table["seen_molecules"]["assay 0"] < 0.7
    assert found.summary["n_seen_assays"].tolist() == [1, 0]
    assert found.summary["seen_molecules"][1] == 0
