"""Suggestions: never what is measured, each molecule once, by what was asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix

from molmeta.assays import open_library, read_support
from molmeta.chem.featurize import featurize
from molmeta.chem.fingerprint import tanimoto
from molmeta.errors import InputError
from molmeta.predict.learnt import LearntAssay
from molmeta.predict.library.suggest import choose, suggest
from molmeta.predict.table import predict_table
from molmeta.runs.model import Model

SUPPORT = "smiles,active\nCCO,1\nCC,0\nCCN,1\nCCC,0\nCCCl,\n"
LIBRARY = "id,smiles\na,CCCO\nb,OCC\nc,no molecule\nd,c1ccccc1O\ne,OCCC\nf,CCCl\ng,CCBr\n"


def test_what_is_measured_repeated_or_no_molecule_is_not_suggested(
    model: Model, tmp_path: Path
) -> None:
    (tmp_path / "s.csv").write_text(SUPPORT)
    (tmp_path / "l.csv").write_text(LIBRARY)
    support, library = read_support(tmp_path / "s.csv"), open_library(tmp_path / "l.csv")
    learnt = LearntAssay.learn(model, support)
    out = suggest(learnt, library, 10)
    assert sorted(out["id"]) == ["a", "d", "f", "g"]
    assert out["rank"].tolist() == [1, 2, 3, 4]
    expected = predict_table(learnt.classifier, library).table.set_index("id")["score"]
    np.testing.assert_allclose(out["score"], expected[out["id"]], atol=1e-5)
    assert out["score"].is_monotonic_decreasing
    assert suggest(learnt, library, 2)["id"].tolist() == out["id"].tolist()[:2]
    (tmp_path / "l.csv").write_text("id,smiles\na,CCO\n")
    with pytest.raises(InputError, match="not measured yet"):
        suggest(learnt, open_library(tmp_path / "l.csv"), 2)


def test_uncertain_ones_are_those_near_one_half() -> None:
    scores = np.array([5.0, -0.1, 0.2, -3.0])
    assert choose(scores, csr_matrix((4, 8)), 2, "uncertain").tolist() == [1, 2]


def test_a_diverse_batch_takes_the_best_of_each_kind() -> None:
    smiles = ["CCCCCCO", "CCCCCCCO", "CCCCCCCCO", "c1ccccc1N", "c1ccccc1NC", "CCCCCCO"]
    fingerprints = featurize(smiles, reads=["graphs", "fingerprints"]).fingerprints
    assert fingerprints is not None
    scores = np.array([3.0, 2.9, 2.8, 1.0, 0.9, 2.7])
    assert choose(scores, fingerprints, 3, "greedy").tolist() == [0, 1, 2]
    chosen = choose(scores, fingerprints, 6, "diverse")
    assert chosen[:2].tolist() == [0, 3]
    assert sorted(chosen) == list(range(6))
    assert chosen[-1] == 5  # the same molecule as the first
    # By brute force: the next is always the best by p · (1 − T).
    similarity, p = tanimoto(fingerprints, fingerprints), 1 / (1 + np.exp(-scores))
    for k in range(1, 5):
        worth = p * (1 - similarity[:, chosen[:k]].max(1))
        worth[chosen[:k]] = -1
        assert worth[chosen[k]] == worth.max()


def test_other_strategies_are_refused() -> None:
    with pytest.raises(InputError, match="greedy"):
        choose(np.zeros(2), csr_matrix((2, 8)), 1, "gready")
    assert pd.Series(choose(np.zeros(0), csr_matrix((0, 8)), 3, "diverse")).empty


@pytest.mark.parametrize("n", [0, -1])
def test_less_than_one_is_refused(n: int) -> None:
    with pytest.raises(InputError, match="1 or more"):
        choose(np.zeros(3), csr_matrix((3, 4)), n)
