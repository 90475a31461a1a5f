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
from molmeta.meta import train
from molmeta.meta.embedding import embed
from molmeta.meta.labels import groups_of
from molmeta.meta.pretrain import Pretrainer, _Readout
from molmeta.meta.recipe import build_learner, resolve_recipe
from tests.meta.test_pretrain import assert_same_bits, changed, encoder, rules

GROUPED = changed("pretraining", final=1, groups=["family"])


@pytest.fixture(scope="module")
def grouped(stores: tuple[AssayStore, AssayStore]) -> tuple[AssayStore, AssayStore]:
    ids = stores[0].assay_ids
    families = [f"family {number % 3}" for number in range(len(ids) - 1)]
    return stores[0].with_info(pd.DataFrame({"family": families}, index=ids[:-1])), stores[1]


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
    readout = _Readout(4, torch.tensor([[0, 2], [1, 2], [0, 3]]), 4, values=True)
    assert torch.equal(readout.whole()[:, :4], readout.weights)  # nothing is shared at first
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


def test_an_assay_with_few_labels_learns_from_its_group(tmp_path: Path) -> None:
    """Whether there is an oxygen, with all labels in one assay and twelve in another."""
    frame = rules()
    oxygen = frame[frame["assay"] == "oxygen"]
    few = pd.concat([rows.head(6) for _, rows in oxygen.groupby("label")]).assign(assay="few")
    store = AssayStore.from_frame(pd.concat([frame, few]))
    told = {"target": {"oxygen": "a", "few": "a", "nitrogen": "b", "aromatic": "c"}}
    judged = store.assay("oxygen")
    areas = {}
    for groups in ((), ("target",)):
        torch.manual_seed(0)
        trainer = Pretrainer(
            encoder(), store.with_info(pd.DataFrame(told)), tmp_path / str(len(groups)), 0,
            epochs=20, lr=3e-2, molecules_per_step=64, warmup=2, groups=groups,
        )  # fmt: skip
        trainer.run()
        read = trainer.readout.whole()[store.assay_ids.index("few")].detach()
        vectors = embed(trainer.encoder, store, judged.molecules)
        areas[groups] = roc_auc_score(judged.labels, vectors @ read[:-1])
    assert areas["target",] > areas[()] + 0.02
    assert areas["target",] > 0.9


def test_what_is_shared_goes_on_to_the_final_epochs(
    grouped: tuple[AssayStore, AssayStore], tmp_path: Path
) -> None:
    recipe = resolve_recipe(GROUPED)
    trainer = Pretrainer(
        build_learner(recipe).encoder, grouped[0], tmp_path, 0, **recipe["pretraining"]
    )
    trainer.run()
    final = trainer.on_all()
    before, after = trainer.readout.shared_weights, final.readout.shared_weights
    assert len(after) == 4
    assert before.abs().sum() > 0
    assert torch.equal(before, after)
    moments = [t.optimizer.state[t.readout.shared_weights]["exp_avg"] for t in (trainer, final)]
    assert torch.equal(*moments)
    number = final.store.assay_ids.index(trainer.store.assay_ids[0])
    torch.testing.assert_close(final.readout.whole()[number], trainer.readout.whole()[0])


def test_resumed_it_ends_in_the_same_bits_and_with_other_groups_it_is_refused(
    grouped: tuple[AssayStore, AssayStore],
    stores: tuple[AssayStore, AssayStore],
    tmp_path: Path,
) -> None:
    train(GROUPED, *grouped, tmp_path / "whole")
    epochs: list[Any] = []
    with pytest.raises(Interrupted):
        train(
            GROUPED, *grouped, tmp_path / "run",
            progress=epochs.append, stop=lambda: bool(epochs),
        )  # fmt: skip
    others = stores[0].with_info(pd.DataFrame({"family": dict.fromkeys(stores[0].assay_ids, "x")}))
    with pytest.raises(InputError, match="got other train assays"):
        train(GROUPED, others, stores[1], tmp_path / "run", resume=True)
    train(GROUPED, *grouped, tmp_path / "run", resume=True)
    assert_same_bits(tmp_path / "whole", tmp_path / "run")


def test_groups_of_which_nothing_is_known_are_refused(
    stores: tuple[AssayStore, AssayStore], tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=r"pretraining\.groups: family; .* Give --assay-info"):
        train(GROUPED, *stores, tmp_path / "run")
    assert not (tmp_path / "run").exists()
