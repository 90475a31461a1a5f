"""Panels: on one pass of molecules, the scores of each assay's own adapted learner."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from molmeta import FewShotClassifier
from molmeta.assays import drug_mechanisms
from molmeta.learning import MAML, Learner
from molmeta.learning.scorer import Scorer
from molmeta.models import MatchingHead
from molmeta.models.context import Context
from molmeta.models.encoders import FingerprintEncoder
from molmeta.models.heads.matching import kernel
from molmeta.runs.model import Model
from tests.predict.conftest import loaded
from tests.predict.models import learn_panel

DRUGS = drug_mechanisms("test")


def ridge(steps: int, context: Context | None = None) -> Learner:
    head = kernel(dim=8, sketch=8, distant=0.5)
    return Learner(encoder(8), head, MAML(steps=steps, lr=0.5), context, projection=8)


def encoder(sketch: int = 0) -> FingerprintEncoder:
    return FingerprintEncoder(dim=12, hidden=16, layers=1, sketch=sketch)


@pytest.mark.parametrize(
    "make",
    [
        lambda: ridge(0),
        lambda: ridge(3),
        lambda: ridge(0, Context(dim=8, width=8, blocks=1, heads=1)),
        lambda: Learner(encoder(), MatchingHead(), MAML(steps=3, lr=0.5), projection=8),
    ],
    ids=["kernel", "kernel that adapts", "kernel under a context", "matching that adapts"],
)
def test_scores_are_the_adapted_learners(make: Callable[[], Learner]) -> None:
    torch.manual_seed(0)
    model = loaded(make())
    known = {
        str(name): (rows["smiles"].tolist(), rows["label"].to_numpy(np.float32))
        for name, rows in DRUGS.groupby("assay")
        if name in sorted(DRUGS["assay"].unique())[:2]
    }
    library = model.featurize(DRUGS["smiles"].drop_duplicates().tolist()[:40])
    scores = learn_panel(model, known).score(library)
    for column, (smiles, labels) in zip(scores.T, known.values(), strict=True):
        adapted = Scorer(model.learner, model.featurize(smiles)).adapt(
            np.arange(len(labels)), labels
        )
        expected = Scorer(model.learner, library).score(adapted, np.arange(40))
        np.testing.assert_allclose(column, expected, rtol=1e-4, atol=1e-4)


def test_an_adapted_assay_is_a_panel_of_one(kernel_model: Model) -> None:
    rows = DRUGS.query("assay == 'fluoroquinolone'").sample(frac=1, random_state=0)
    smiles, labels = rows["smiles"][:12].tolist(), rows["label"][:12].to_numpy(np.float32)
    classifier = FewShotClassifier(kernel_model).fit(smiles, labels)
    library = kernel_model.featurize([*rows["smiles"][12:], "no molecule"])
    several = learn_panel(kernel_model, {"it": (smiles, labels), "again": (smiles, labels)})
    single = classifier.known_.panel.score(library)
    np.testing.assert_array_equal(several.score(library), np.hstack([single, single]))
    np.testing.assert_allclose(classifier.score_features(library), single[:, 0], rtol=1e-6)
    rare = classifier.known_.panel.score(library, prevalence=0.01)
    shift = kernel_model.shift(labels, 0.01)
    np.testing.assert_allclose(rare, single + shift, rtol=1e-5)
