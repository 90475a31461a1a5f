"""Assays in groups, such as those of one target, which share a part of their readouts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from sklearn.metrics import roc_auc_score

from molmeta.assays import AssayStore
from molmeta.errors import InputError, Interrupted
from molmeta.learning.embed import embed
from molmeta.models import FingerprintEncoder
from molmeta.models.encoders.profiles import Profiles
from molmeta.runs import Model, load_model
from molmeta.runs.recipe import build_learner, resolve_recipe
from molmeta.training import train
from molmeta.training.division import groups_of
from molmeta.training.final_epochs import carry_over
from molmeta.training.pretrain import Epoch
from molmeta.training.progress import Progress
from molmeta.training.readouts import Readouts
from tests.training.test_pretrain import (
    RECIPE,
    assert_same_bits,
    changed,
    encoder,
    pretrainer,
    rules,
    rules_of,
)


def profiles_of(model: Model) -> Profiles:
    encoder = model.learner.encoder
    assert isinstance(encoder, FingerprintEncoder)
    assert encoder.profiles is not None
    return encoder.profiles


GROUPED = {
    **changed("pretraining", final=1, groups=["family"], values=0.2),
    "encoder": {**RECIPE["encoder"], "profile": 4},
    "head": {**RECIPE["head"], "profile": 4},
}


@pytest.fixture(scope="module")
def grouped(stores: tuple[AssayStore, AssayStore]) -> tuple[AssayStore, AssayStore]:
    """Twenty assays of the same molecules, so that each has a profile."""
    store = AssayStore.from_frame(pd.concat([rules_of(n) for n in range(4)]))
    ids = store.assay_ids
    families = [f"family {number % 3}" for number in range(len(ids) - 1)]
    return store.with_info(pd.DataFrame({"family": families}, index=ids[:-1])), stores[1]


def test_groups_are_numbered_through_and_what_is_not_known_is_one(
    grouped: tuple[AssayStore, AssayStore],
) -> None:
    store = grouped[0].subset(grouped[0].assay_ids[-4:])
    codes = groups_of(store, ["family", "assay_id"])
    assert codes[:, 0].tolist() == [0, 1, 2, 3]
    assert codes[:, 1].tolist() == [4, 5, 6, 7]
    assert groups_of(store, []).shape == (4, 0)


def test_a_readout_is_an_assays_own_and_what_its_groups_share() -> None:
    torch.manual_seed(0)
    readout = Readouts(4, torch.tensor([[0, 2], [1, 2], [0, 3]]), 4, values=True)
    assert torch.equal(readout.whole()[:, :4], readout.weights)  # nothing is shared at first
    assert readout.shared_weights is not None
    torch.nn.init.normal_(readout.shared_weights)
    vectors, assays = torch.randn(2, 4), torch.tensor([2, 1])
    labels, none = torch.tensor([1.0, 0.0]), torch.full((2,), torch.nan)
    own, shared = readout.weights, readout.shared_weights
    whole = torch.stack([own[2] + shared[0] + shared[3], own[1] + shared[1] + shared[2]])
    torch.testing.assert_close(readout.whole()[assays, :4], whole)
    loss = torch.nn.functional.binary_cross_entropy_with_logits(
        (vectors * whole).sum(-1), labels, reduction="sum"
    )
    torch.testing.assert_close(readout.loss(vectors, assays, labels, none, 1.0), loss)
    assert readout.value_weights is not None
    assert readout.shared_value_weights is not None
    torch.nn.init.normal_(readout.shared_value_weights)
    own, shared = readout.value_weights, readout.shared_value_weights
    whole = torch.stack([own[2] + shared[0] + shared[3], own[1] + shared[1] + shared[2]])
    values = torch.tensor([0.5, -1.0])
    loss = loss + 0.3 * ((vectors * whole).sum(-1) - values).square().sum()
    torch.testing.assert_close(readout.loss(vectors, assays, labels, values, 0.3), loss)


def test_an_assay_with_few_labels_learns_from_its_group(tmp_path: Path) -> None:
    """Whether there is an oxygen, with all labels in one assay and twelve in another."""
    frame = rules()
    oxygen = frame[frame["assay"] == "oxygen"]
    few = pd.concat([rows.head(6) for _, rows in oxygen.groupby("label")]).assign(assay="few")
    store = AssayStore.from_frame(pd.concat([frame, few]))
    told = {"family": {"oxygen": "a", "few": "a", "nitrogen": "b", "aromatic": "c"}}
    judged = store.assay("oxygen")
    areas = {}
    for groups in ((), ("family",)):
        torch.manual_seed(0)
        trainer = pretrainer(
            encoder(), store.with_info(pd.DataFrame(told)), tmp_path / str(len(groups)),
            epochs=20, lr=3e-2, molecules_per_step=64, warmup=2, groups=groups,
        )  # fmt: skip
        trainer.run()
        read = trainer.readout.whole()[store.assay_ids.index("few")].detach()
        vectors = embed(trainer.encoder, store, judged.molecules)
        areas[groups] = roc_auc_score(judged.labels, vectors @ read[:-1])
    assert areas["family",] > areas[()] + 0.02
    assert areas["family",] > 0.9


def test_what_is_shared_goes_on_to_the_final_epochs(
    grouped: tuple[AssayStore, AssayStore], tmp_path: Path
) -> None:
    recipe = resolve_recipe(GROUPED)
    trainer = pretrainer(
        build_learner(recipe).encoder, grouped[0], tmp_path, **recipe.sections["pretraining"]
    )
    trainer.run()
    final = pretrainer(
        trainer.encoder, grouped[0], tmp_path, last=True, **recipe.sections["pretraining"]
    )
    carry_over(trainer, final)
    before, after = trainer.readout.shared_weights, final.readout.shared_weights
    assert before is not None
    assert after is not None
    assert len(after) == 4
    assert before.abs().sum() > 0
    assert torch.equal(before, after)
    one, other = trainer.optimizer.state[before], final.optimizer.state[after]
    assert torch.equal(one["exp_avg"], other["exp_avg"])
    number = final.store.assay_ids.index(trainer.store.assay_ids[0])
    torch.testing.assert_close(final.readout.whole()[number], trainer.readout.whole()[0])


def test_resumed_it_ends_in_the_same_bits_and_knows_the_molecules_of_all_assays(
    grouped: tuple[AssayStore, AssayStore], tmp_path: Path
) -> None:
    train(GROUPED, *grouped, tmp_path / "whole")
    profiles = profiles_of(load_model(tmp_path / "whole"))
    assert len(profiles) == grouped[0].n_molecules
    assert f"found of {len(profiles)}." in (tmp_path / "whole" / "README.md").read_text()
    for first in (Epoch, Progress):  # stopped in pre-training, and in the final epochs
        seen: list[Any] = []
        run = tmp_path / first.__name__

        def met(seen: list[Any] = seen, kind: type = first) -> bool:
            return any(isinstance(row, kind) for row in seen)

        with pytest.raises(Interrupted):
            train(GROUPED, *grouped, run, progress=seen.append, stop=met)
        train(GROUPED, *grouped, run, resume=True)
        assert_same_bits(tmp_path / "whole", run)


def test_resumed_with_other_groups_it_is_refused(
    grouped: tuple[AssayStore, AssayStore], tmp_path: Path
) -> None:
    store, valid = grouped
    with pytest.raises(Interrupted):
        train(GROUPED, store, valid, tmp_path / "run", stop=lambda: True)
    others = pd.DataFrame({"family": dict.fromkeys(store.assay_ids, "x")})
    with pytest.raises(InputError, match="got other groups of assays; expected those the run"):
        train(
            GROUPED, AssayStore.open(store.path).with_info(others), valid, tmp_path / "run",
            resume=True,
        )  # fmt: skip


def test_a_model_to_start_from_brings_its_profiles_and_needs_no_groups(
    grouped: tuple[AssayStore, AssayStore],
    stores: tuple[AssayStore, AssayStore],
    tmp_path: Path,
) -> None:
    train(GROUPED, *grouped, tmp_path / "first")
    given = load_model(tmp_path / "first")
    recipe = {**GROUPED, "pretraining": {"epochs": 0, "groups": ["family"]}}
    train(recipe, *stores, tmp_path / "second", init=given)
    profiles = profiles_of(load_model(tmp_path / "second"))
    assert torch.equal(profiles.rows, profiles_of(given).rows)


def test_groups_of_which_nothing_is_known_are_refused(
    stores: tuple[AssayStore, AssayStore], tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=r"pretraining\.groups: family; .* Give --assay-info"):
        train(GROUPED, *stores, tmp_path / "run")
    assert not (tmp_path / "run").exists()
