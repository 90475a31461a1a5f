"""The outer step: gradients of episodes encoded together, the encoder's rate, assay sizes."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import chisquare
from torch import Tensor
from torch_geometric.data import Batch

from molmeta.assays import AssayStore, drug_mechanisms
from molmeta.episodes.batch import make_episode
from molmeta.episodes.sampler import EpisodeSampler
from molmeta.errors import InputError
from molmeta.learning import Learner
from molmeta.learning.embed import batches
from molmeta.runs.recipe import Recipe, build_learner, resolve_recipe
from molmeta.runs.rules import check_rules
from molmeta.runs.settings import Training
from molmeta.training.gradients import accumulate_gradients
from molmeta.training.metatrain import MetaTrainer, make_sampler
from molmeta.training.validation import Validation

GINE = {"name": "gine", "dim": 8, "layers": 1, "dropout": 0.0}
FINGERPRINT = {"name": "fingerprint", "dim": 8, "hidden": 12, "dropout": 0.0, "sketch": 4}
LEARNERS: dict[str, dict[str, Any]] = {
    "graphs": {"encoder": GINE},
    "fingerprints": {
        "encoder": FINGERPRINT,
        "head": {"name": "kernel", "dim": 8, "sketch": 4},
        "inner": {"steps": 0},
    },
    "context": {
        "encoder": FINGERPRINT,
        "context": {"dim": 8, "width": 8, "blocks": 1, "heads": 2, "dropout": 0.0},
    },
    "every weight": {"encoder": GINE, "learner": {"adapt": "all"}},
    "Reptile": {"encoder": GINE, "inner": {"order": "reptile", "steps": 2}},
}


@pytest.fixture(scope="module")
def store() -> AssayStore:
    return AssayStore.from_frame(drug_mechanisms("train"))


def resolved(name: str, **training: Any) -> Recipe:
    recipe = {**LEARNERS[name], "training": training}
    recipe["learner"] = {**recipe.get("learner", {}), "projection": 8}
    return resolve_recipe(recipe)


def build(name: str) -> Learner:
    torch.manual_seed(0)
    return build_learner(resolved(name)).train()


def gradient(learner: Learner) -> Tensor:
    return torch.cat(
        [
            (torch.zeros_like(p) if p.grad is None else p.grad).flatten()
            for p in learner.parameters()
        ]
    )


@pytest.mark.parametrize("name", LEARNERS)
def test_gradient_of_a_step_is_the_mean_of_its_episodes(name: str, store: AssayStore) -> None:
    sampler, together, alone = EpisodeSampler(store, (8,), 8, seed=0), build(name), build(name)
    loss = accumulate_gradients(together, sampler, step=3, slots=range(4), n_slots=4)
    total = 0.0
    for slot in range(4):
        episode = make_episode(store, *sampler.draw(3, slot), alone.encoder.reads)
        own = alone.outer_loss(episode) / 4
        own.backward()
        total += own.item()
    assert loss == pytest.approx(total, rel=1e-5)
    torch.testing.assert_close(gradient(together), gradient(alone), rtol=1e-4, atol=1e-6)
    assert gradient(together).any()


@pytest.mark.parametrize("name", ["graphs", "Reptile"])
def test_shares_of_several_processes_add_up(name: str, store: AssayStore) -> None:
    sampler, whole, parts = EpisodeSampler(store, (8,), 8, seed=0), build(name), build(name)
    settings: dict[str, Any] = {"step": 0, "n_slots": 5}
    loss = accumulate_gradients(whole, sampler, slots=range(5), **settings)
    shares = [range(0, 5, 2), range(1, 5, 2), range(5, 5)]
    losses = [accumulate_gradients(parts, sampler, slots=s, **settings) for s in shares]
    assert losses[2] == 0.0
    assert loss == pytest.approx(sum(losses), rel=1e-5)
    torch.testing.assert_close(gradient(whole), gradient(parts), rtol=1e-4, atol=1e-6)


def trainer(store: AssayStore, folder: Path, name: str = "graphs", **settings: Any) -> MetaTrainer:
    few = {"steps": 3, "assays_per_step": 2, "support_sizes": (8,), "query_size": 8, "warmup": 0,
           "weight_decay": 0.0}  # fmt: skip
    given = Training(**{**few, **settings})
    return MetaTrainer(
        build(name), make_sampler(store, given), Validation(None, given), folder, given
    )


def weights(subject: MetaTrainer) -> dict[str, Tensor]:
    return {name: p.detach().clone() for name, p in subject.learner.named_parameters()}


def moves(store: AssayStore, folder: Path, rate: float) -> dict[str, Tensor]:
    subject = trainer(store, folder, encoder_rate=rate)
    subject.begin(fresh=True)
    before = weights(subject)
    subject.step()
    return {name: value - before[name] for name, value in weights(subject).items()}


def test_encoder_rate_scales_the_encoders_steps_alone(store: AssayStore, tmp_path: Path) -> None:
    whole, tenth = (moves(store, tmp_path, rate) for rate in (1.0, 0.1))
    for name, moved in whole.items():
        share = 0.1 if name.startswith("encoder.") else 1.0
        torch.testing.assert_close(tenth[name], share * moved, rtol=1e-2, atol=1e-7)
    assert any(moved.any() for name, moved in whole.items() if name.startswith("encoder."))


def test_encoder_rate_zero_leaves_the_encoder_to_the_bit(store: AssayStore, tmp_path: Path) -> None:
    subject = trainer(store, tmp_path, encoder_rate=0.0, weight_decay=0.1)
    before = weights(subject)
    subject.run()
    for moved in (subject.learner, subject.averaged):
        for name, value in moved.named_parameters():
            if name.startswith("encoder."):
                assert torch.equal(value, before[name]), name
    assert not torch.equal(
        subject.learner.matcher.projection.weight, before["matcher.projection.weight"]
    )


@pytest.mark.parametrize("step", [1, 0])
def test_single_numbers_are_learned_at_a_rate_of_their_own(
    step: int, store: AssayStore, tmp_path: Path
) -> None:
    """AdamW's first step moves each number by its rate, whatever the gradient."""
    rates = {"inner": {"rates": "tensor", "lr": 0.5, "steps": 1}} if step else {}
    given = {**LEARNERS["graphs"], "inner": {"steps": 0}, **rates}
    subject = MetaTrainer(
        build_learner(resolve_recipe(given)).train(),
        make_sampler(store, settings := Training(
            steps=3, assays_per_step=2, support_sizes=(8,), query_size=8, warmup=0, lr=1e-4,
            scalar_lr=1e-2, weight_decay=0.0,
        )),
        Validation(None, settings), tmp_path, settings,
    )  # fmt: skip
    subject.begin(fresh=True)
    before = weights(subject)
    subject.step()
    moved = {
        name: float((value - before[name]).abs().max()) for name, value in weights(subject).items()
    }
    assert moved["matcher.head.attention.log_scale"] == pytest.approx(1e-2, rel=0.01)
    assert moved["matcher.projection.weight"] == pytest.approx(1e-4, rel=0.01)
    log_rates = [value for name, value in moved.items() if name.startswith("inner.")]
    assert bool(log_rates) == bool(step)
    if step:
        assert max(log_rates) == pytest.approx(3e-2, rel=0.01)


@pytest.mark.parametrize("scalar_lr", [1e-2, None])
def test_learned_rates_do_not_decay(
    scalar_lr: float | None, store: AssayStore, tmp_path: Path
) -> None:
    """One an element is a matrix, which is no reason to draw it to where it began."""
    settings = Training(support_sizes=(8,), scalar_lr=scalar_lr, weight_decay=0.3)
    recipe = {**LEARNERS["graphs"], "inner": {"rates": "element"}}
    subject = MetaTrainer(
        build_learner(resolve_recipe(recipe)), make_sampler(store, settings),
        Validation(None, settings), tmp_path, settings, centre=False,
    )  # fmt: skip
    subject.begin(fresh=True)
    decay = {
        id(p): group["weight_decay"] for group in subject.optimizer.param_groups
        for p in group["params"]
    }  # fmt: skip
    rates = dict(subject.learner.inner.named_parameters())
    assert max(rate.ndim for rate in rates.values()) == 2
    assert {decay[id(rate)] for rate in rates.values()} == {0.0}
    assert decay[id(subject.learner.matcher.projection.weight)] == 0.3


def test_encoder_rate_zero_is_refused_where_the_encoder_adapts() -> None:
    with pytest.raises(InputError, match=r"training\.encoder_rate: 0; got a learner\.adapt"):
        check_rules(resolved("every weight", encoder_rate=0.0), build("every weight"))


def test_an_encoder_that_stays_embeds_each_molecule_once_and_without_dropout(
    store: AssayStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject = trainer(store, tmp_path, "fingerprints", encoder_rate=0.0)
    encoder: Any = subject.learner.encoder
    encoder.dropout.p = 0.5
    embedded: list[int] = []
    encode = subject.learner.encoder.forward

    def counted(batch: Batch) -> Tensor:
        embedded.append(len(batch.descriptors))
        return encode(batch)

    monkeypatch.setattr(subject.learner.encoder, "forward", counted)
    subject._centre = False
    subject.begin(fresh=True)
    reference = build("fingerprints")
    reference.encoder.eval()
    for slot in range(2):
        drawn = subject.episodes.draw(0, slot)
        episode = make_episode(store, *drawn, reference.encoder.reads)
        (reference.outer_loss(episode) / 2).backward()
    monkeypatch.setattr(subject, "_update", lambda step, norm: None)
    monkeypatch.setattr(subject, "settings", replace(subject.settings, clip=1e9))
    subject.step()
    assert sum(embedded) == len(subject.molecules())
    subject.learner.zero_grad()
    subject.step()
    assert sum(embedded) == len(subject.molecules())
    for name, parameter in subject.learner.matcher.named_parameters():
        expected = reference.matcher.get_parameter(name).grad
        torch.testing.assert_close(parameter.grad, expected, rtol=1e-4, atol=1e-6)


def test_what_a_user_froze_stays_frozen(store: AssayStore, tmp_path: Path) -> None:
    subject = trainer(store, tmp_path)
    encoder: Any = subject.learner.encoder
    encoder.atoms.weight.requires_grad_(False)
    before = weights(subject)
    subject.run()
    assert torch.equal(encoder.atoms.weight, before["encoder.atoms.weight"])
    assert not encoder.atoms.weight.requires_grad


@pytest.mark.parametrize("weight", [0.0, 2.0, 6.0])
def test_assays_are_drawn_by_a_power_of_their_size(store: AssayStore, weight: float) -> None:
    sampler = EpisodeSampler(store, (8,), 8, 0, weight)
    drawn = Counter(sampler.draw(step, 0)[0].id for step in range(1500))
    ids = [store.assay(int(number)).id for number in sampler.assays]
    sizes = np.array([store.assay(assay_id).kept.sum() for assay_id in ids], float) ** weight
    assert sizes.max() > 2 * sizes.min() or weight == 0
    expected = 1500 * sizes / sizes.sum()
    assert chisquare([drawn[assay_id] for assay_id in ids], expected).pvalue > 1e-3
    # A function of seed, step and slot, as ever.
    again = EpisodeSampler(store, (8,), 8, 0, weight).draw(2, 1)
    np.testing.assert_array_equal(again[1].support, sampler.draw(2, 1)[1].support)


def test_a_core_reads_graphs_in_small_batches_and_an_accelerator_in_large_ones(
    store: AssayStore,
) -> None:
    encoder, molecules = build("graphs").encoder, np.arange(100)
    sizes = {
        device: [len(batch.ptr) - 1 for batch in batches(encoder, store, molecules, device)]
        for device in ("cpu", "meta")
    }
    assert sizes == {"cpu": [64, 36], "meta": [100]}
