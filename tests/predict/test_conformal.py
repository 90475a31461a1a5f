"""Conformal sets against crepes, their coverage where the theory is exact, and their refusals."""

from __future__ import annotations

import numpy as np
import pytest

from molmeta import FewShotClassifier
from molmeta.errors import InputError
from molmeta.predict.conformal import check_error_rate, p_values
from molmeta.runs.model import Model


def drawn(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = (np.arange(n) % 3 == 0).astype(float)
    return rng.normal(labels, 1).round(1), labels  # rounded: ties occur


def test_p_values_are_crepes() -> None:
    known, labels = drawn(40)
    scores, _ = drawn(25, seed=1)
    oracle = pytest.importorskip("crepes").ConformalClassifier()
    oracle.fit(np.where(labels == 1, -known, known), bins=labels)
    expected = np.column_stack(
        [
            oracle.predict_p(
                np.column_stack([sign * scores]), bins=np.full(25, label), smoothing=False
            )
            for label, sign in ((0.0, 1), (1.0, -1))
        ]
    )
    np.testing.assert_allclose(p_values(known, labels, scores), expected)


def test_each_class_is_covered() -> None:
    """Exact for exchangeable scores: a class's own p-value is at most e with probability e."""
    missed = np.zeros((400, 2))
    for seed in range(400):
        scores, labels = drawn(60, seed)
        p = p_values(scores[:30], labels[:30], scores[30:])
        for label in (0, 1):
            missed[seed, label] = (p[labels[30:] == label, label] <= 0.2).mean()
    assert (missed.mean(0) < 0.22).all()
    assert (missed.mean(0) > 0.12).all()


def test_rates_that_a_support_set_cannot_bear_are_refused() -> None:
    known, labels = np.arange(16.0), (np.arange(16) < 8).astype(float)
    check_error_rate(1 / 9, known, labels)
    with pytest.raises(InputError, match=r"1/9 = 0\.111.*at least 9 of each class"):
        check_error_rate(0.1, known, labels)
    known[3] = np.nan
    with pytest.raises(InputError, match="7 active and 8 inactive"):
        check_error_rate(1 / 9, known, labels)
    for rate in (0.0, 1.0, float("nan")):
        with pytest.raises(InputError, match="between 0 and 1"):
            check_error_rate(rate, known, labels)


@pytest.mark.filterwarnings("ignore::molmeta.errors.RejectedWarning")
def test_sets_name_the_classes(any_model: Model) -> None:
    smiles = ["CCO", "CCN", "CCC", "c1ccccc1", "c1ccccc1C", "c1ccccc1CC"]
    fitted = FewShotClassifier(any_model).fit(smiles, [0, 0, 0, 1, 1, 1])
    sets = fitted.predict_set(["no molecule", "CCCO"], 0.25)
    assert sets.shape == (2, 2)
    assert sets[0].all()
    with pytest.raises(InputError, match="error rate"):
        fitted.predict_set(["CCCO"], 0.1)
