"""Warnings on chance: said of a ranking only where so many molecules can tell."""

from __future__ import annotations

import numpy as np
import pytest

from molmeta.predict import FewShotClassifier
from molmeta.predict.support_report import report_classes
from molmeta.runs.model import Model


def said(model: Model, left_out: list[float], n_active: int) -> str:
    """What the report says of these left-out scores; the actives come first."""
    chains = ["C" * (1 + i // 3) + "NOF"[i % 3] for i in range(len(left_out))]
    labels = [1] * n_active + [0] * (len(left_out) - n_active)
    known = FewShotClassifier(model).fit(chains, labels).known_
    report = report_classes(known, np.array(left_out), ("0", "1"))
    found = [one for one in report.warnings if "chance" in one and "only" not in one]
    assert len(found) < 2
    return found[0] if found else ""


def scores(n_active: int, n_inactive: int, auc: float) -> list[float]:
    """Scores of that many actives and inactives, whose ROC-AUC is nearly so."""
    inactive = [float(i) for i in range(n_inactive)]
    return [round(auc * n_inactive) - 0.5] * n_active + inactive


@pytest.mark.parametrize(
    ("n_active", "n_inactive", "auc", "expected"),
    [
        (10, 10, 0.9, ""),
        (10, 10, 0.4, "no better than chance"),
        (10, 10, 0.6, "20 molecules are too few to tell"),
        (4, 4, 0.5, "8 molecules are too few to tell"),
        (4, 4, 0.25, "no better than chance"),
        (60, 60, 0.53, "no better than chance"),
        (60, 60, 0.6, ""),
    ],
)
def test_chance_is_told_from_too_few(
    model: Model, n_active: int, n_inactive: int, auc: float, expected: str
) -> None:
    told = said(model, scores(n_active, n_inactive, auc), n_active)
    assert bool(told) == bool(expected), told
    assert expected in told
