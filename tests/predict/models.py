"""The small models, also for tests that need them in a process of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from numpy.typing import NDArray

from molmeta import FewShotClassifier
from molmeta.learning.inner import MAML
from molmeta.learning.learner import Learner
from molmeta.models import GINE, GraphEncoder, MatchingHead
from molmeta.models.encoders.fingerprint import FingerprintEncoder
from molmeta.models.heads.matching import kernel, matching
from molmeta.predict.learnt import LearntAssay, panel_of
from molmeta.predict.panel import Panel
from molmeta.runs.model import Model


def random_model(kind: str) -> Model:
    """A model of random weights, always the same ones."""
    torch.manual_seed(0)
    if kind == "fingerprint":
        learner = Learner(
            FingerprintEncoder(dim=12, hidden=16, layers=2, sketch=20),
            kernel(dim=8, sketch=20, distant=0.5),
            MAML(steps=0),
            projection=8,
        )
    elif kind == "taught":
        learner = Learner(
            GraphEncoder(dim=12, width=8, layers=2, readout=8, hidden=16, sketch=20, properties=3),
            matching(attention="ridge", tanimoto=1.0, properties=1.0, distant=0.5),
            MAML(steps=1, lr=10, order=1, loss="likelihood"),
            adapt="head",
            projection=8,
        )
    else:
        adapt: Literal["all", "matcher"] = "all" if kind == "adapts all" else "matcher"
        learner = Learner(GINE(dim=16, layers=1), MatchingHead(), adapt=adapt, projection=8)
    return Model(learner.eval(), {"encoder": {"name": kind}}, Path(kind))


def learn_panel(model: Model, known: Mapping[str, tuple[Sequence[str], NDArray[Any]]]) -> Panel:
    """Learn assays: SMILES and labels, 1 active and 0 inactive, by name."""
    return panel_of(
        [
            LearntAssay(name, FewShotClassifier(model).fit(smiles, labels.astype(int)))
            for name, (smiles, labels) in known.items()
        ]
    )
