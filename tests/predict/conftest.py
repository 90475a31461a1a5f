"""Small models of random weights: what tables and estimators do does not depend on their skill."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from molmeta.assays import AssayStore, drug_mechanisms
from molmeta.config import Sections
from molmeta.learning import MAML, Learner
from molmeta.models import GINE, MatchingHead
from molmeta.models.encoders import FingerprintEncoder
from molmeta.models.heads.matching import kernel
from molmeta.runs.domain import Domain
from molmeta.runs.model import Model

NO_RECIPE: Sections = {}


def loaded(learner: Learner) -> Model:
    for parameter in learner.parameters():  # also those that begin at zero
        if not parameter.any():
            nn.init.normal_(parameter, std=0.3)
    return Model(learner.eval(), NO_RECIPE, Path("random"))


@pytest.fixture(scope="session")
def model() -> Model:
    torch.manual_seed(0)
    return loaded(Learner(GINE(dim=16, layers=1), MatchingHead(), projection=8))


@pytest.fixture(scope="session")
def kernel_model() -> Model:
    """As the shipped recipe: fingerprints with a sketch, a kernel head, no inner step."""
    torch.manual_seed(0)
    encoder = FingerprintEncoder(dim=16, hidden=32, layers=1, sketch=32)
    head = kernel(dim=8, sketch=32)
    return loaded(Learner(encoder, head, MAML(steps=0), projection=8))


@pytest.fixture(scope="session", params=["matching", "kernel"])
def any_model(request: pytest.FixtureRequest, model: Model, kernel_model: Model) -> Model:
    return model if request.param == "matching" else kernel_model


@pytest.fixture(scope="session")
def with_domain(kernel_model: Model) -> Model:
    training = AssayStore.from_frame(drug_mechanisms("train"))
    return replace(kernel_model, domain=Domain.sample(training))
