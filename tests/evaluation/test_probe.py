"""The linear probe: what it depends on, and an oracle."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import ortho_group
from sklearn.linear_model import LogisticRegression, Ridge

from molmeta.assays.store import AssayStore
from molmeta.evaluation import probe
from molmeta.evaluation.learners import named_methods
from molmeta.evaluation.probe import probe_scores
from molmeta.evaluation.protocol import Task
from molmeta.learning.embed import embed
from molmeta.runs import load_model

RNG = np.random.default_rng(0)
KNOWN, ASKED = RNG.normal(size=(20, 6)), RNG.normal(size=(9, 6))
VALUES = KNOWN @ RNG.normal(size=6)
LABELS = (VALUES > 0).astype(float)


@pytest.mark.parametrize(("task", "labels"), [("classification", LABELS), ("regression", VALUES)])
def test_neither_origin_nor_unit_nor_axes_matter(task: Task, labels: np.ndarray) -> None:
    turn, shift = ortho_group.rvs(6, random_state=0), RNG.normal(size=6)
    expected = probe_scores(KNOWN, labels, ASKED, task)
    moved = probe_scores(7 * KNOWN @ turn + shift, labels, 7 * ASKED @ turn + shift, task)
    np.testing.assert_allclose(moved, expected, atol=1e-6)
    alone = probe_scores(KNOWN, labels, ASKED[[3]], task)
    np.testing.assert_allclose(alone[0], expected[3], atol=1e-9)


def standardised() -> tuple[np.ndarray, np.ndarray]:
    centre = KNOWN.mean(0)
    length = np.sqrt(((KNOWN - centre) ** 2).sum(1).mean())
    return (KNOWN - centre) / length, (ASKED - centre) / length


def test_classification_is_logistic_regression_at_one_of_the_strengths() -> None:
    known, asked = standardised()
    found = probe_scores(KNOWN, LABELS, ASKED, "classification")
    oracles = [
        LogisticRegression(C=C, solver="newton-cg", tol=1e-10).fit(known, LABELS)
        for C in probe.STRENGTHS
    ]
    gaps = [np.abs(one.predict_proba(asked)[:, 1] - found).max() for one in oracles]
    assert min(gaps) < 1e-6


def test_regression_is_ridge_regression_at_one_of_the_noises() -> None:
    known, asked = standardised()
    found = probe_scores(KNOWN, VALUES, ASKED, "regression")[:, 0]
    gaps = [
        np.abs(Ridge(alpha).fit(known, VALUES).predict(asked) - found).max()
        for alpha in np.geomspace(0.01, 10, 13)
    ]
    assert min(gaps) < 1e-9


def test_the_strength_follows_the_support_set() -> None:
    labels = np.tile([0.0, 1.0], 10)
    told = np.outer(labels - 0.5, labels - 0.5)
    assert probe._best_strength(told, labels) == max(probe.STRENGTHS)
    noise = np.random.default_rng(0).normal(size=(20, 40))
    kernel = noise @ noise.T
    assert probe._best_strength(kernel, labels) == min(probe.STRENGTHS)
    lonely = np.zeros(20)
    lonely[0] = 1
    assert probe._best_strength(kernel, lonely) == 1.0


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_a_support_set_of_equal_vectors_says_the_same_of_all(task: Task) -> None:
    found = probe_scores(np.ones((4, 6)), np.array([0, 1, 1, 1.0]), np.ones((5, 6)), task)
    means = found if task == "classification" else found[:, 0]
    np.testing.assert_allclose(means, 0.75, atol=1e-6)


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_a_models_encoder_is_probed_by_name(store: AssayStore, run: Path, task: Task) -> None:
    (method,) = named_methods([f"probe:{run}"], task)
    assert method.name == "probe:tiny"
    assert method.training is not None
    assay = store.assay("assay 0")
    labels = assay.labels if task == "classification" else assay.values
    support, query = assay.molecules[:12], assay.molecules[12:]
    found = method.scores(store, support, labels[:12], query)
    encoder = load_model(run).learner.encoder
    known, asked = (embed(encoder, store, part).numpy() for part in (support, query))
    expected = probe_scores(
        known.astype(float), labels[:12].astype(float), asked.astype(float), task
    )
    np.testing.assert_allclose(found, expected, atol=1e-5)
