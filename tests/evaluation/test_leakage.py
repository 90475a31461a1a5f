"""What was known before the support set: frequent hitters, leakage, assay information."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from molmeta.assays.record import AssayRecord
from molmeta.assays.store import AssayStore
from molmeta.chem.featurize import FEATURE_SPEC
from molmeta.errors import InputError
from molmeta.evaluation import evaluate
from molmeta.evaluation.frequent_hitters import FrequentHitters
from molmeta.runs.seen import load_seen, save_seen


def test_frequent_hitters_know_the_molecules_but_not_the_support(store: AssayStore) -> None:
    method = FrequentHitters.fit(store.subset(["assay 1"]))
    test = store.subset(["assay 0"])
    found = evaluate([method], test, draws=3)
    assert found.summary["delta_auprc"][0] > 0.1  # amines are active in every assay here
    assert found.summary["n_seen_assays"][0] == 0
    assert found.summary["seen_molecules"][0] == 1.0
    assay = store.assay("assay 0")
    one, other = (
        method.scores(store, assay.molecules[:8], labels, assay.molecules[8:])
        for labels in (assay.labels[:8], 1 - assay.labels[:8])
    )
    np.testing.assert_array_equal(one, other)


def test_training_records_are_read_from_a_run(store: AssayStore, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="to check for leakage"):
        load_seen(tmp_path)
    (tmp_path / "assays.json").write_text(json.dumps(["assay 0", "elsewhere"]))
    np.save(tmp_path / "molecules.npy", np.unique(store.identities))
    config = {"features": FEATURE_SPEC, "recipe": {}, "standardize": None}
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert load_seen(tmp_path).standardize is None
    seen = load_seen(tmp_path).overlap(store)
    assert seen[:2] == [("assay 0", True, False, 1.0), ("assay 1", False, False, 1.0)]


def test_an_assay_is_known_under_another_id(tmp_path: Path) -> None:
    smiles = ["CCO", "CCN", "CCC", "c1ccccc1", "CCCl", "CCBr"]
    rows = pd.DataFrame({"smiles": smiles, "label": [1, 1, 0, 0, 1, 0]})
    trained = AssayStore.from_frame(rows.assign(assay="first"))
    save_seen(tmp_path, AssayRecord.of(trained))
    assert trained.standardize is not None
    config = {"features": FEATURE_SPEC, "recipe": {}, "standardize": trained.standardize.spec}
    (tmp_path / "config.json").write_text(json.dumps(config))
    training = load_seen(tmp_path)
    shuffled = rows.sample(frac=1, random_state=0).assign(assay="second")
    other = rows.assign(assay="third", label=[0, 1, 0, 0, 1, 1])
    test = AssayStore.from_frame(pd.concat([shuffled, other, rows.assign(assay="first")]))
    assert set(training.overlap(test)) == {
        ("first", True, True, 1.0),
        ("second", False, True, 1.0),
        ("third", False, False, 1.0),
    }
    method = FrequentHitters(np.zeros(2048), training)
    found = evaluate([method], test.subset(["second", "third"]), support_sizes=[3], draws=1)
    assert found.summary["n_seen_assays"].tolist() == [1]
