"""Baselines against scikit-learn and by hand, and on real assays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, DotProduct, WhiteKernel
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV

from molmeta.assays import featurize_files
from molmeta.assays.store import AssayStore
from molmeta.errors import InputError
from molmeta.evaluation import BASELINES, evaluate, make_baselines
from molmeta.evaluation.baselines import (
    GaussianProcess,
    LogisticFingerprint,
    NearestNeighbours,
    SimilaritySearch,
    SoftSimilaritySearch,
)
from molmeta.evaluation.forest import (
    DEPTHS,
    FEATURES,
    LEAVES,
    N_TREES,
    forest_means,
    grid_means,
    tuned_forest_means,
)
from molmeta.models.gaussian_process import NOISE, predict_normal

KNOWN = csr_matrix(np.array([[2, 0, 1], [0, 3, 0], [1, 0, 1]], np.uint8))
LABELS = np.array([1.0, 0.0, 1.0])
QUERY = csr_matrix(np.array([[2, 0, 1], [1, 1, 0], [0, 3, 0]], np.uint8))


def test_similarity_search_by_hand() -> None:
    # Tanimoto of counts: Σ min / Σ max, for the second query 1/4 and 1/3 to the actives, 1/4 to
    # the inactive.
    expected = [1.0 - 0.0, 1 / 3 - 1 / 4, 0.0 - 1.0]
    np.testing.assert_allclose(SimilaritySearch().predict(KNOWN, LABELS, QUERY), expected)


def test_soft_similarity_search_is_a_softmax_over_the_support_set() -> None:
    similarity = np.array([[1, 0, 2 / 3], [1 / 4, 1 / 4, 1 / 3], [0, 1, 0]])
    weights = np.exp(5 * similarity)
    expected = weights[:, [0, 2]].sum(1) / weights.sum(1)
    found = SoftSimilaritySearch().predict(KNOWN, LABELS, QUERY)
    np.testing.assert_allclose(found, expected)


def test_nearest_neighbours_by_hand() -> None:
    found = NearestNeighbours(k=2).predict(KNOWN, LABELS, QUERY)
    np.testing.assert_allclose(found, [1.0, 1.0, 0.5])
    all_of_them = NearestNeighbours(k=9).predict(KNOWN, LABELS, QUERY)
    np.testing.assert_allclose(all_of_them, 2 / 3)


@pytest.mark.parametrize("leaf", [1, 2])
def test_the_forest_equals_scikit_learns(leaf: int) -> None:
    rng = np.random.default_rng(0)
    known, query = (rng.poisson(0.5, (n, 300)).astype(np.float32) for n in (24, 50))
    values = known[:, :5].sum(axis=1) + rng.normal(0, 0.5, 24)
    settings = {"max_features": "sqrt", "min_samples_leaf": leaf, "random_state": 0}
    found = forest_means(known, values, query, min_samples_leaf=leaf)
    oracle = RandomForestRegressor(100, **settings).fit(known, values).predict(query)
    np.testing.assert_allclose(found, oracle, rtol=1e-14)
    # Of two classes Gini and variance choose the same splits, but for rounding where splits tie.
    labels = (values > np.median(values)).astype(float)
    found = forest_means(known, labels, query, min_samples_leaf=leaf)
    classes = RandomForestClassifier(100, **settings).fit(known, labels)
    np.testing.assert_allclose(found, classes.predict_proba(query)[:, 1], atol=0.03)


def test_logistic_in_the_support_space_equals_the_whole_one() -> None:
    rng = np.random.default_rng(0)
    known, query = (csr_matrix(rng.poisson(0.5, (n, 300)).astype(np.uint8)) for n in (16, 50))
    labels = rng.integers(0, 2, 16).astype(float)
    whole = LogisticRegression(C=0.1, solver="newton-cg", tol=1e-10).fit(
        np.sqrt(known.toarray().astype(float)), labels
    )
    found = LogisticFingerprint().predict(known, labels, query)
    expected = whole.predict_proba(np.sqrt(query.toarray().astype(float)))[:, 1]
    np.testing.assert_allclose(found, expected, atol=1e-7)


def test_gaussian_process_equals_scikit_learn_at_the_best_noise() -> None:
    rng = np.random.default_rng(0)
    known, query = rng.normal(size=(20, 3)), rng.normal(size=(9, 3))
    values = 5 + known @ [1.0, -2.0, 0.5] + rng.normal(0, 0.5, 20)
    best_likelihood, best = -np.inf, np.empty(0)
    for noise in NOISE:
        # scikit-learn fits the signal variance; its ratio to the noise variance is held.
        shape = DotProduct(0.0, "fixed") + WhiteKernel(noise, "fixed")
        model = GaussianProcessRegressor(ConstantKernel(1.0, (1e-6, 1e6)) * shape)
        model.fit(known, values - values.mean())
        if model.log_marginal_likelihood_value_ > best_likelihood:
            best_likelihood = model.log_marginal_likelihood_value_
            # Its own standard deviation holds the noise of a new value, as ours does.
            mean, spread = model.predict(query, return_std=True)
            best = np.column_stack([values.mean() + mean, spread])
    own = (query**2).sum(axis=1)
    found = predict_normal(known @ known.T, values, query @ known.T, own)
    assert np.isinf(found[:, 2]).all()
    np.testing.assert_allclose(found[:, :2], best, rtol=1e-4)


def test_gaussian_process_of_equal_values_says_that_value() -> None:
    found = GaussianProcess(task="regression").predict(KNOWN, np.full(3, 6.5), QUERY)
    np.testing.assert_allclose(found[:, 0], 6.5)
    assert np.isnan(found[:, 1]).all()  # equal values tell no noise


@pytest.mark.parametrize("name", sorted(set(BASELINES) - {"rf-grid"}))
def test_scores_are_the_same_alone_and_among_others(store: AssayStore, name: str) -> None:
    (method,) = make_baselines([name])
    assay = store.assay("assay 0")
    support, query = assay.molecules[:16], assay.molecules[16:]
    labels = assay.labels[:16]
    together = method.scores(store, support, labels, query)
    again = method.scores(store, support, labels, query)
    assert together.tobytes() == again.tobytes()
    for number in (0, 5):
        alone: NDArray[np.float64] = method.scores(store, support, labels, query[[number]])
        assert alone[0] == pytest.approx(together[number], abs=1e-12)


@pytest.mark.parametrize(
    ("features", "n_features"), [(None, 1), (None, 8), ("sqrt", 8), ("log2", 8)]
)
def test_forests_of_a_grid_equal_scikit_learns(features: str | None, n_features: int) -> None:
    rng = np.random.default_rng(0)
    known, query = (rng.normal(size=(n, n_features)).astype(np.float32) for n in (60, 20))
    values = rng.normal(size=60)
    found = grid_means(known, values, query, features, 2, 3)
    # A tree that is cut has drawn the features of its splits in another order than one that never
    # grew: of several features only the whole trees can be equal.
    for i, depth in enumerate(DEPTHS if n_features == 1 else DEPTHS[-1:], -(n_features > 1)):
        for j, n_trees in enumerate(N_TREES):
            forest = RandomForestRegressor(
                n_trees, max_depth=depth, max_features=features, min_samples_leaf=2, random_state=3
            )
            expected = forest.fit(known, values).predict(query)
            np.testing.assert_allclose(found[i, j], expected, atol=1e-12)
    assert np.abs(found[0] - found[1]).max() > 1e-3  # some trees are deeper than 5


@pytest.mark.slow
def test_the_tuned_forest_takes_what_does_best_in_the_support_set() -> None:
    # One feature of two thousand says the class. A split that looks at eleven rarely meets it.
    rng = np.random.default_rng(0)
    known, query = (rng.poisson(0.3, (n, 2000)).astype(np.float32) for n in (30, 200))
    labels, truth = (part[:, 0] > 0 for part in (known, query))
    tuned = tuned_forest_means(known, labels.astype(float), query)
    fixed = forest_means(known, labels.astype(float), query, min_samples_leaf=2)
    assert ((tuned > 0.5) == truth).mean() > 0.95 > ((fixed > 0.5) == truth).mean()
    # The choice is scikit-learn's, up to trees drawn anew.
    grid = {"max_features": FEATURES, "min_samples_leaf": LEAVES, "max_depth": [DEPTHS[0]]}
    search = GridSearchCV(RandomForestClassifier(random_state=0), grid).fit(known, labels)
    oracle = search.predict_proba(query)[:, 1]
    assert np.corrcoef(oracle, tuned)[0, 1] > 0.98


@pytest.mark.parametrize("n_active", [1, 2])
def test_the_tuned_forest_does_with_few_of_a_class(n_active: int) -> None:
    known = np.random.default_rng(0).poisson(0.5, (2 * n_active, 30)).astype(np.float32)
    labels = np.repeat([1.0, 0.0], n_active)
    assert np.isfinite(tuned_forest_means(known, labels, known)).all()


def test_unknown_and_unfit_baselines_are_refused() -> None:
    with pytest.raises(InputError, match="Did you mean 'simsearch'"):
        make_baselines(["simserch"])
    with pytest.raises(InputError, match="baseline simsearch; got regression"):
        make_baselines(["simsearch"], "regression")


@pytest.fixture(scope="module")
def valid(shared_data: object, tmp_path_factory: pytest.TempPathFactory) -> AssayStore:
    """FS-Mol's validation assays."""
    out = tmp_path_factory.mktemp("fsmol") / "valid"
    return featurize_files([f"{shared_data}/fsmol/valid.csv.gz"], out, features=["fingerprints"])


@pytest.mark.slow
@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("constant", 0.0, 0.0),
        ("knn", 0.055, 0.080),
        ("rf", 0.100, 0.125),
        ("simsearch", 0.110, 0.130),
        ("simsearch-soft", 0.120, 0.145),
        ("gp", 0.120, 0.145),
    ],
)
def test_figures_on_real_assays(valid: AssayStore, name: str, low: float, high: float) -> None:
    draws = 2 if name == "rf" else 5
    row: Any
    (row,) = evaluate(make_baselines([name]), valid, draws=draws).summary.itertuples()
    assert low <= row.delta_auprc <= high
    assert (row.n_assays, row.n_clusters, row.n_skipped) == (39, 21, 0)
    # FS-Mol's plots subtract the support set's fraction, which is a little larger on average.
    assert row.delta_auprc_support < row.delta_auprc
