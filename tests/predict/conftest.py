"""A small model of random weights: what tables and estimators do does not depend on its skill."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from molmeta.meta.learner import Learner
from molmeta.meta.run import LoadedModel
from molmeta.models import GINE, MatchingHead


@pytest.fixture(scope="session")
def model() -> LoadedModel:
    torch.manual_seed(0)
    learner = Learner(GINE(dim=16, layers=1), MatchingHead(), projection=8)
    return LoadedModel(learner.eval(), {}, Path("random"))
