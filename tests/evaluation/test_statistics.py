"""Intervals and paired tests."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from molmeta.assays.store import AssayStore
from molmeta.evaluation.statistics import clustered_mean, molecule_set_clusters, paired


def test_assays_on_the_same_molecules_are_one_cluster(store: AssayStore) -> None:
    clusters = molecule_set_clusters(store)
    assert clusters["assay 0"] == clusters["assay 1"]
    assert len(set(clusters.values())) == 3
    # The names mean the same in every store.
    assert molecule_set_clusters(store.subset(["assay 1"])) == {"assay 1": clusters["assay 1"]}


def test_the_interval_of_independent_assays_is_the_normal_one() -> None:
    values = np.random.default_rng(0).normal(0.2, 0.1, 400)
    mean = clustered_mean(values, np.arange(400).astype(str))
    error = values.std() / np.sqrt(400)
    assert mean.mean == pytest.approx(values.mean())
    assert mean.low == pytest.approx(mean.mean - 1.96 * error, abs=0.1 * error)
    assert mean.high == pytest.approx(mean.mean + 1.96 * error, abs=0.1 * error)
    assert (mean.n, mean.n_clusters) == (400, 400)


def test_copies_of_an_assay_do_not_narrow_the_interval() -> None:
    values = np.random.default_rng(1).normal(0.2, 0.1, 50)
    names = np.arange(50).astype(str)
    once = clustered_mean(values, names)
    tenfold = clustered_mean(np.repeat(values, 10), np.repeat(names, 10))
    assert tenfold.mean == pytest.approx(once.mean)
    assert tenfold.high - tenfold.low == pytest.approx(once.high - once.low, rel=0.01)


def test_one_cluster_has_no_interval_and_nan_is_left_out() -> None:
    mean = clustered_mean(np.array([0.1, 0.3, np.nan]), np.array(["a", "a", "b"]))
    assert mean.mean == pytest.approx(0.2)
    assert np.isnan([mean.low, mean.high]).all()
    assert (mean.n, mean.n_clusters) == (2, 1)
    assert np.isnan(clustered_mean(np.array([]), np.array([], dtype=str)).mean)


def test_pairing_sees_a_small_difference_between_noisy_methods() -> None:
    rng = np.random.default_rng(2)
    hard = rng.normal(0.2, 0.15, 60)
    first, second = hard + 0.01 + rng.normal(0, 0.01, 60), hard
    names = np.arange(60).astype(str)
    found = paired(first, second, names)
    alone = clustered_mean(first, names)
    assert 0 < found.difference.low < 0.01 < found.difference.high < 0.02
    assert found.difference.high - found.difference.low < (alone.high - alone.low) / 5
    assert found.wins + found.losses == 60
    assert found.wins > 45
    assert found.p_value == pytest.approx(stats.wilcoxon(first, second).pvalue)


def test_a_method_against_itself() -> None:
    values = np.array([0.1, 0.2, np.nan])
    found = paired(values, values, np.array(["a", "b", "c"]))
    assert (found.difference.mean, found.wins, found.losses, found.p_value) == (0, 0, 0, 1)
    assert found.difference.n == 2
