"""bfloat16 in the encoder: the same learner to a few digits in training, to the bit in use."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from molmeta.chem.featurize import featurize
from molmeta.episodes.batch import make_batch
from molmeta.episodes.episode import Episode, LabelledSet
from molmeta.learning import Learner
from molmeta.models import ENCODERS
from molmeta.runs.recipe import build_learner, resolve_recipe

SMILES = ["CCO", "CCN", "c1ccccc1O", "CC(=O)O", "CCCl", "C1CCCCC1", "c1ccncc1", "CC(C)N"]
MOLECULES = featurize(SMILES, reads=["graphs", "fingerprints", "descriptors"])
LABELS = torch.tensor([1.0, 0.0, 1.0, 0.0])
SETTINGS = {
    "joined": {"first": {"name": "gine", "dim": 16}, "second": {"name": "fingerprint", "dim": 16}}
}


def learner(encoder: str, *, bf16: bool) -> Learner:
    torch.manual_seed(0)
    recipe = {
        "encoder": {"name": encoder} | SETTINGS.get(encoder, {"dim": 32}),
        "learner": {"adapt": "all", "bf16": bf16},
        "inner": {"steps": 2},
    }
    subject = build_learner(resolve_recipe(recipe))
    for module in subject.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    return subject.train()


def labelled(subject: Learner, start: int) -> LabelledSet:
    reads = subject.encoder.reads
    return LabelledSet(make_batch(MOLECULES, np.arange(start, start + 4), reads), LABELS)


def gradient(subject: Learner) -> Tensor:
    subject.outer_loss(Episode("", labelled(subject, 0), labelled(subject, 4))).backward()
    found = [p.grad for p in subject.parameters() if p.grad is not None]
    assert {part.dtype for part in found} == {torch.float32}
    return torch.cat([part.flatten() for part in found])


@pytest.mark.parametrize("encoder", ENCODERS.names())
def test_every_encoder_learns_by_second_order_in_bf16(encoder: str) -> None:
    whole, half = (gradient(learner(encoder, bf16=bf16)) for bf16 in (False, True))
    assert half.isfinite().all()
    assert not torch.equal(whole, half)
    assert torch.nn.functional.cosine_similarity(whole, half, dim=0) > 0.98


def test_in_use_nothing_is_in_half_precision() -> None:
    whole, half = (learner("gine", bf16=bf16).eval() for bf16 in (False, True))
    support, query = labelled(whole, 0), labelled(whole, 4).molecules
    assert torch.equal(whole.adapt(support).score(query), half.adapt(support).score(query))
