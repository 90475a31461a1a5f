"""Pre-training: what it learns, what it leaves to meta-training, and that it can be interrupted."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from safetensors.torch import load_file
from sklearn.metrics import roc_auc_score
from torch.nn import functional

from molmeta.assays import AssayStore, drug_mechanisms
from molmeta.episodes.sampler import EpisodeSampler
from molmeta.errors import InputError, Interrupted, MolmetaError
from molmeta.learning.embed import embed
from molmeta.models import Encoder, FingerprintEncoder, KnownAssays
from molmeta.runs import load_model
from molmeta.runs.settings import Pretraining
from molmeta.training import train
from molmeta.training.division import divide
from molmeta.training.loop import Control
from molmeta.training.pretrain import Epoch, Pretrainer
from molmeta.training.readouts import Readouts

RECIPE: dict[str, Any] = {
    "encoder": {"name": "fingerprint", "dim": 8, "hidden": 12, "dropout": 0.1},
    "head": {"name": "kernel", "dim": 8},
    "inner": {"steps": 0},
    "learner": {"projection": 8},
    "known_assays": {"rank": 4},
    "pretraining": {"epochs": 3, "share": 0.6, "molecules_per_step": 64, "warmup": 2},
    "training": {
        "encoder_rate": 0.0, "steps": 2, "assays_per_step": 2, "support_sizes": [8],
        "query_size": 8, "valid_every": 2, "valid_support_sizes": [8], "valid_draws": 1,
    },
}  # fmt: skip


def pretrainer(
    part: Encoder, store: AssayStore, folder: Path, *, last: bool = False, **given: Any
) -> Pretrainer:
    settings = Pretraining(**given)
    assert isinstance(part, FingerprintEncoder)
    return Pretrainer(part, divide(store, settings), folder, 0, settings, final=last)


def changed(section: str, **settings: Any) -> dict[str, Any]:
    return {**RECIPE, section: {**RECIPE[section], **settings}}


def rules() -> pd.DataFrame:
    """Real molecules, and assays whose labels (and values) can be read off their structure."""
    smiles = drug_mechanisms("train")["smiles"].unique()
    counts = {
        "nitrogen": [s.upper().count("N") for s in smiles],
        "ring nitrogen": [s.count("n") for s in smiles],
        "oxygen": [s.count("O") for s in smiles],
        "halogen": [s.count("F") + s.count("Cl") for s in smiles],
        "aromatic": [s.count("c") for s in smiles],
    }
    frames = []
    for assay, values in counts.items():
        label = np.asarray(values) > np.median(values)
        frames.append(
            pd.DataFrame({"assay": assay, "smiles": smiles, "label": label * 1, "value": values})
        )
    return pd.concat(frames, ignore_index=True)


def rules_of(number: int) -> pd.DataFrame:
    """The same in assays of their own."""
    frame = rules()
    return frame.assign(assay=frame["assay"] + f" {number}")


@pytest.fixture(scope="module")
def undisturbed(
    stores: tuple[AssayStore, AssayStore], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    run = tmp_path_factory.mktemp("runs") / "undisturbed"
    train(RECIPE, *stores, run)
    return run


def assert_same_bits(one: Path, other: Path) -> None:
    left, right = (load_file(run / "model.safetensors") for run in (one, other))
    assert left.keys() == right.keys()
    for name, tensor in left.items():
        assert torch.equal(tensor, right[name]), name


class Died(Exception):
    pass


def test_interrupted_or_dead_in_any_epoch_and_resumed_ends_in_the_same_bits(
    undisturbed: Path, stores: tuple[AssayStore, AssayStore], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    shown: list[Any] = []

    def die(row: Any) -> None:
        shown.append(row)
        raise Died

    # Stopped in the first epoch, of which nothing is kept; then in the step after the first one.
    with pytest.raises(Interrupted, match="epoch 1 of 3"):
        train(RECIPE, *stores, run, stop=lambda: True)
    with pytest.raises(Interrupted, match="epoch 2 of 3"):
        train(RECIPE, *stores, run, resume=True, progress=shown.append, stop=lambda: bool(shown))
    # Dead without a word; a half-written state lies about.
    (run / "pretraining" / "checkpoints" / "step-2.tmp").mkdir()
    with pytest.raises(Died):
        train(RECIPE, *stores, run, resume=True, progress=die)
    assert [row.number for row in shown] == [1, 2]
    train(RECIPE, *stores, run, resume=True, progress=shown.append)
    assert [row.number for row in shown if isinstance(row, Epoch)] == [1, 2, 3]
    assert_same_bits(run, undisturbed)


def test_once_meta_training_has_begun_pre_training_is_behind(
    undisturbed: Path, stores: tuple[AssayStore, AssayStore], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    shown: list[Any] = []
    settings = RECIPE["pretraining"]
    n_molecules = len(pretrainer(encoder(), stores[0], run, **settings).labels.molecules)
    steps = settings["epochs"] * math.ceil(n_molecules / settings["molecules_per_step"])
    asked = iter([False] * steps + [True])  # after the first step of meta-training
    with pytest.raises(Interrupted, match="after step 1 of 2"):
        train(RECIPE, *stores, run, stop=lambda: next(asked))
    train(RECIPE, *stores, run, resume=True, progress=shown.append)
    assert not [row for row in shown if isinstance(row, Epoch)]
    assert_same_bits(run, undisturbed)


KILLED = """
import sys
from molmeta.assays import AssayStore
from molmeta.runs import load_model
from molmeta.training import train
recipe, train_store, valid_store, run = eval(sys.argv[1]), *sys.argv[2:]
train(recipe, AssayStore.open(train_store), AssayStore.open(valid_store), run, resume=True)
"""


@pytest.mark.slow
def test_killed_at_random_moments_and_resumed_equals_undisturbed(
    stores: tuple[AssayStore, AssayStore], tmp_path: Path
) -> None:
    run, rng = tmp_path / "run", np.random.default_rng(0)
    recipe = changed("pretraining", epochs=20)  # enough to be killed in twice, at any speed
    train(recipe, *stores, tmp_path / "undisturbed")
    pointer = run / "pretraining" / "checkpoints" / "latest"
    command = [sys.executable, "-c", KILLED, repr(recipe), *(str(s.path) for s in stores), str(run)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    for _ in range(2):
        before = pointer.read_text() if pointer.exists() else ""
        process = subprocess.Popen(command, env=environment)
        while (pointer.read_text() if pointer.exists() else "") == before:
            assert process.poll() is None
            time.sleep(0.002)
        time.sleep(rng.uniform(0, 0.05))
        process.send_signal(signal.SIGKILL)
        process.wait()
    subprocess.run(command, env=environment, check=True)
    assert_same_bits(run, tmp_path / "undisturbed")


@pytest.mark.slow
@pytest.mark.parametrize("final", [0, 1])
def test_two_processes_pre_train_to_the_same_weights_as_one(
    final: int, stores: tuple[AssayStore, AssayStore], tmp_path: Path
) -> None:
    recipe, file = changed("encoder", dropout=0.0), tmp_path / "recipe.yaml"
    recipe = {**recipe, "pretraining": {**RECIPE["pretraining"], "final": final}}
    file.write_text(yaml.safe_dump(recipe))
    train(recipe, *stores, tmp_path / "one")
    subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2",
         "--master-port", "29519", "-m", "molmeta_cli",
         "train", str(stores[0].path), "--valid", str(stores[1].path),
         "--config", str(file), "-o", str(tmp_path / "two"), "--device", "cpu"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"},
        check=True,
        timeout=280,
    )  # fmt: skip
    one, two = (load_file(tmp_path / name / "model.safetensors") for name in ("one", "two"))
    for name, weights in one.items():
        torch.testing.assert_close(two[name], weights, rtol=1e-4, atol=1e-5)


def encoder(**settings: Any) -> FingerprintEncoder:
    torch.manual_seed(0)
    return FingerprintEncoder(**{"dim": 8, "hidden": 12, "dropout": 0.0, **settings})


def test_share_divides_the_assays(stores: tuple[AssayStore, AssayStore]) -> None:
    store = stores[0]

    def parts(share: float, seed: int) -> tuple[AssayStore, AssayStore]:
        division = divide(store, Pretraining(share=share, split_seed=seed))
        return division.first, division.rest

    first, rest = parts(0.6, seed=0)
    assert len(first) == round(0.6 * len(store))
    assert not set(first.assay_ids) & set(rest.assay_ids)
    assert set(first.assay_ids) | set(rest.assay_ids) == set(store.assay_ids)
    assert parts(0.6, seed=0)[0].assay_ids == first.assay_ids
    assert parts(0.6, seed=1)[0].assay_ids != first.assay_ids
    assert parts(1.0, seed=0) == (store, store)
    for share in (0.0, 0.01, 0.99):
        with pytest.raises(InputError, match=r"pretraining\.share"):
            parts(share, seed=0)


def test_meta_training_meets_only_assays_that_pre_training_has_not_seen(
    stores: tuple[AssayStore, AssayStore], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    met, seen = set(), set()
    draw, run = EpisodeSampler.draw, Pretrainer.run

    def drawn(self: EpisodeSampler, step: int, slot: int) -> Any:
        assay, rows = draw(self, step, slot)
        met.add(assay.id)
        return assay, rows

    def pretrained(self: Pretrainer, control: Control) -> None:
        seen.update(self.store.assay_ids)
        run(self, control)

    monkeypatch.setattr(EpisodeSampler, "draw", drawn)
    monkeypatch.setattr(Pretrainer, "run", pretrained)
    recipe = changed("training", assays_per_step=20)
    train(
        {**recipe, "pretraining": {**RECIPE["pretraining"], "epochs": 1}}, *stores, tmp_path / "r"
    )
    assert len(seen) == 11
    assert len(met) >= 5
    assert not seen & met


def test_planted_labels_and_values_are_learned(tmp_path: Path) -> None:
    """What is read off molecules whose labels of that assay were hidden."""
    frame = rules()
    hidden = np.random.default_rng(0).random(len(frame)) < 0.3
    store, rest = AssayStore.from_frame(frame[~hidden]), AssayStore.from_frame(frame[hidden])
    subject = encoder(dim=32, hidden=64)
    trainer = pretrainer(
        subject, store, tmp_path, epochs=25, molecules_per_step=64, lr=1e-2, warmup=10,
        values=0.5,
    )  # fmt: skip
    losses: list[float] = []
    trainer.run(Control(progress=lambda row: losses.append(row.loss)))
    assert losses[-1] < 0.4 * losses[0]
    assert not subject.training
    for number, assay_id in enumerate(store.assay_ids):
        assay = rest.assay(assay_id)
        vectors = embed(subject, rest, assay.molecules)
        logits = vectors @ trainer.readout.weights[number] + trainer.readout.biases[number]
        assert roc_auc_score(assay.labels, logits.detach()) > 0.85, assay_id
        assert trainer.readout.value_weights is not None
        values = vectors @ trainer.readout.value_weights[number]
        assert np.corrcoef(values.detach(), assay.values)[0, 1] > 0.7, assay_id


def test_bf16_pre_trains_alike(stores: tuple[AssayStore, AssayStore], tmp_path: Path) -> None:
    losses: dict[bool, list[float]] = {}
    for bf16 in (False, True):
        trainer = pretrainer(
            encoder(), stores[0], tmp_path / str(bf16), epochs=2, lr=1e-2, warmup=0, bf16=bf16
        )
        trainer.readout.load_state_dict(
            {k: torch.zeros_like(v) for k, v in trainer.readout.state_dict().items()}
        )
        rows: list[Any] = []
        trainer.run(Control(progress=rows.append))
        losses[bf16] = [row.loss for row in rows]
    assert losses[True] == pytest.approx(losses[False], rel=0.02)
    assert losses[True] != losses[False]


def test_a_missing_value_is_no_target_and_its_label_is() -> None:
    torch.manual_seed(0)
    readout = Readouts(4, torch.zeros(3, 0, dtype=torch.long), 0, values=True)
    vectors = torch.randn(6, 4, requires_grad=True)
    assays, labels = torch.tensor([0, 1, 2, 0, 1, 2]), torch.tensor([1.0, 0, 1, 0, 1, 0])
    values = torch.tensor([0.5, -1.0, torch.nan, 2.0, torch.nan, torch.nan])
    known = values.isfinite()
    loss = readout.loss(vectors, assays, labels, values, 0.5)
    labels_alone = readout.loss(vectors, assays, labels, torch.full((6,), torch.nan), 0.5)
    assert readout.value_weights is not None
    error = (vectors * readout.value_weights[assays]).sum(-1)[known] - values[known]
    torch.testing.assert_close(loss - labels_alone, 0.5 * error.square().sum())
    parameters = [vectors, *readout.parameters()]
    gradients = torch.autograd.grad(loss, parameters)
    assert all(gradient.isfinite().all() for gradient in gradients)
    assert gradients[0].abs().sum(-1).gt(0).all()
    assert not gradients[3][2].any()  # the assay without any value


def test_values_are_standardized_and_count_only_where_there_are_enough() -> None:
    frame = rules().query("assay in ['oxygen', 'nitrogen']").astype({"value": float})
    frame.loc[frame["assay"] == "oxygen", "value"] += 100
    few = frame["assay"] == "nitrogen"
    frame.loc[frame[few].index[7:], "value"] = np.nan
    trainer = pretrainer(encoder(), AssayStore.from_frame(frame), Path(), epochs=1, values=1.0)
    labels = trainer.labels
    of_assay = {
        name: labels.values[labels.assays == number]
        for number, name in enumerate(trainer.store.assay_ids)
    }
    assert np.isnan(of_assay["nitrogen"]).all()
    assert abs(of_assay["oxygen"].mean()) < 0.05
    assert 0.9 < of_assay["oxygen"].std() <= 1.01
    assert np.abs(of_assay["oxygen"]).max() <= 3


def test_known_assays_are_those_of_pre_training_and_their_readouts(
    undisturbed: Path, stores: tuple[AssayStore, AssayStore], tmp_path: Path
) -> None:
    learner = load_model(undisturbed).learner
    known, width = learner.matcher.known_assays, learner.encoder.dim
    settings = {**RECIPE["pretraining"], "epochs": 0}
    trainer = pretrainer(learner.encoder, stores[0], undisturbed / "pretraining", **settings)
    trainer.load()
    assert known is not None
    assert len(known) == len(trainer.store) < len(stores[0])
    # Full rank: what is read off a molecule is what the pre-training's readout says.
    whole = KnownAssays(width, rank=width)
    trainer.fill_known_assays(whole)
    vectors = torch.randn(5, width, generator=torch.Generator().manual_seed(0))
    described = whole.describe(vectors)
    read = described[:, width:-2] @ whole.readouts.mT + described[:, -2:-1] + whole.biases
    wanted = vectors @ trainer.readout.weights.mT + trainer.readout.biases
    torch.testing.assert_close(read, wanted.detach(), rtol=1e-4, atol=1e-5)
    # Each assay lies nearest to its own molecules, but for a few that others share.
    store = trainer.store
    places = [embed(learner.encoder, store, assay.molecules) for assay in store]
    means = torch.stack([whole.describe(v)[:, :width].mean(0) for v in places])
    nearest = (functional.normalize(means, dim=-1) @ whole.places.mT).argmax(1)
    assert (nearest == torch.arange(len(store))).float().mean() > 0.9


@pytest.mark.parametrize(
    ("section", "settings", "reason"),
    [
        ("encoder", {"profile": 4}, r"encoder.profile: 4; got pretraining.share: 1.* Set pretr"),
        ("pretraining", {"epochs": 0}, r"known_assays.rank: 4; got pretraining.epochs: 0"),
        ("training", {"encoder_rate": 0.5}, r"known_assays.rank: 4; got training.encoder_rate"),
        ("learner", {"adapt": "all"}, r"known_assays.rank: 4; got learner.adapt: .*encoder"),
    ],
)
def test_known_assays_that_cannot_be_are_refused(
    stores: tuple[AssayStore, AssayStore], tmp_path: Path,
    section: str, settings: dict[str, Any], reason: str,
) -> None:  # fmt: skip
    recipe = {**changed(section, **settings), "inner": {"steps": 1}}
    if section == "encoder":
        recipe["pretraining"] = {**RECIPE["pretraining"], "share": 1.0}
    with pytest.raises(InputError, match=reason):
        train(recipe, *stores, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_every_label_is_met_once_an_epoch(stores: tuple[AssayStore, AssayStore]) -> None:
    store = stores[0]
    labels = pretrainer(encoder(), store, Path(), epochs=1).labels
    assert len(labels.labels) == sum(int(assay.kept.sum()) for assay in store)
    order = np.random.default_rng(0).permutation(len(labels.molecules))
    met = set()
    for chosen in np.array_split(order, 5):
        which, places = labels.at(chosen)
        for molecule, place in zip(labels.molecules[chosen[which]], places, strict=True):
            assay = store.assay(int(labels.assays[place]))
            (row,) = np.flatnonzero((assay.molecules == molecule) & assay.kept)
            assert assay.labels[row] == labels.labels[place]
            met.add(place)
    assert len(met) == len(labels.labels)


def test_a_loss_that_is_not_finite_stops_and_leaves_the_last_whole_epoch(
    stores: tuple[AssayStore, AssayStore], tmp_path: Path
) -> None:
    trainer = pretrainer(encoder(), stores[0], tmp_path, epochs=9, lr=1e30, warmup=0)
    with pytest.raises(MolmetaError, match=r"not finite\. Lower pretraining\.lr"):
        trainer.run()
    for file in tmp_path.glob("checkpoints/step-*/state.safetensors"):
        assert all(tensor.isfinite().all() for tensor in load_file(file).values())


def test_damaged_state_is_refused(stores: tuple[AssayStore, AssayStore], tmp_path: Path) -> None:
    settings: dict[str, Any] = {"epochs": 1, "molecules_per_step": 1000}
    pretrainer(encoder(), stores[0], tmp_path, **settings).run()
    other = pretrainer(encoder(dim=4), stores[0], tmp_path, **settings)
    with pytest.raises(InputError, match="cannot go on from"):
        other.run(Control(resume=True))
