"""A teacher: what is learned of it, molecules divided by assay, and that it can be interrupted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from molmeta.assays import AssayStore
from molmeta.errors import InputError, Interrupted
from molmeta.learning.embed import embed
from molmeta.models import FingerprintEncoder, GraphEncoder
from molmeta.models.encoder import Encoder
from molmeta.runs import Model, load_model
from molmeta.runs.seen import load_seen
from molmeta.runs.settings import Pretraining
from molmeta.training import train
from molmeta.training.division import divide
from molmeta.training.initial_weights import fit_inputs
from molmeta.training.loop import Control
from molmeta.training.pretrain import Epoch, Pretrainer
from molmeta.training.teacher import CHUNK, Teacher, divide_by_assay

TRAINING: dict[str, Any] = {
    "encoder_rate": 0.0, "steps": 2, "assays_per_step": 2, "support_sizes": [8], "query_size": 8,
    "valid_every": 2, "valid_support_sizes": [8], "valid_draws": 1,
}  # fmt: skip
TAUGHT: dict[str, Any] = {
    "encoder": {"name": "graph", "dim": 8, "width": 8, "layers": 2, "readout": 8, "hidden": 16,
                "properties": 3, "dropout": 0.1},
    "head": {"name": "matching", "attention": "ridge", "properties": 1.0},
    "inner": {"steps": 0},
    "learner": {"projection": 8},
    "known_assays": {"rank": 4},
    "pretraining": {"epochs": 3, "final": 1, "share": 0.6, "molecules_per_step": 64, "warmup": 2},
    "training": TRAINING,
}  # fmt: skip


def taught_by(teacher: Path, **given: Any) -> dict[str, Any]:
    return {**TAUGHT, "pretraining": {**TAUGHT["pretraining"], "teacher": str(teacher)}, **given}


@pytest.fixture(scope="module")
def teacher(
    stores: tuple[AssayStore, AssayStore], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A fingerprint model that knows all training assays."""
    run = tmp_path_factory.mktemp("runs") / "teacher"
    recipe = {
        "encoder": {"name": "fingerprint", "dim": 8, "hidden": 16},
        "head": {"name": "matching", "attention": "ridge"},
        "inner": {"steps": 0},
        "learner": {"projection": 8},
        "known_assays": {"rank": 8},
        "pretraining": {"epochs": 2, "molecules_per_step": 64, "warmup": 2, "share": 0.6,
                        "final": 1},
        "training": TRAINING,
    }  # fmt: skip
    train(recipe, *stores, run)
    return run


@pytest.fixture(scope="module")
def model(teacher: Path) -> Model:
    return load_model(teacher)


def student(dim: int = 8, **settings: Any) -> GraphEncoder:
    torch.manual_seed(0)
    given = {"width": 16, "layers": 2, "readout": 16, "hidden": 32, "properties": 3, **settings}
    return GraphEncoder(dim=dim, **given)


def lesson(model: Model, encoder: Encoder, store: AssayStore, folder: Path) -> Teacher:
    folder.mkdir(exist_ok=True)
    return Teacher(model, encoder, store, folder / "teacher.npy")


def centred_error(vectors: Tensor, truth: Tensor) -> float:
    spread = (truth - truth.mean(0)).square().sum()
    return float(((vectors - truth).square().sum() / spread).detach())


@pytest.mark.parametrize("dim", [8, 5])
def test_a_graph_encoder_learns_the_teachers_vectors_and_properties(
    dim: int, model: Model, stores: tuple[AssayStore, AssayStore], tmp_path: Path
) -> None:
    store, encoder = stores[0], student(dim)
    fit_inputs(encoder, store, 0)
    told = lesson(model, encoder, store, tmp_path)
    settings = Pretraining(epochs=40, molecules_per_step=64, lr=5e-3, warmup=10)
    trainer = Pretrainer(encoder, divide(store, settings), tmp_path, 0, settings, teacher=told)
    losses: list[float] = []
    trainer.run(Control(progress=lambda row: losses.append(row.loss)))
    assert losses[-1] < 0.5 * losses[0]
    rows = embed(encoder, store)
    vectors, truth = told.map(rows[:, :dim]), embed(model.learner.encoder, store)[:, :8]
    assert centred_error(vectors, truth) < 0.75  # 1: no more than their mean
    batch_of = {"descriptors": torch.from_numpy(np.array(store.descriptors, np.float32))}
    targets = encoder.targets(type("Batch", (), batch_of)())
    assert targets is not None
    assert centred_error(rows[:, dim:], targets) < 0.5


def test_the_loss_of_the_teachers_own_vectors_is_nothing(
    model: Model, stores: tuple[AssayStore, AssayStore], tmp_path: Path
) -> None:
    store = stores[0]
    told = lesson(model, FingerprintEncoder(dim=8, hidden=4), store, tmp_path)
    molecules = np.arange(20)
    truth, chunks = embed(model.learner.encoder, store, molecules)[:, :8], molecules // 5
    assert told.loss(truth, molecules, chunks).item() == pytest.approx(0, abs=1e-4)
    # A shift of a whole chunk is an error of vectors, and none of vectors less their chunk's mean.
    shift = torch.zeros(20, 8)
    shift[:5, 0] = 1.0
    spread = (embed(model.learner.encoder, store)[:, :8]).var(0, correction=0).sum()
    found = told.loss(truth + shift, molecules, chunks).item()
    assert found == pytest.approx(0.25 / float(spread), rel=0.01)


def test_readouts_are_those_of_the_teachers_known_assays(
    model: Model, stores: tuple[AssayStore, AssayStore], tmp_path: Path
) -> None:
    store = stores[0]
    known = model.learner.matcher.known_assays
    some = store.subset(store.assay_ids[::-2])
    readouts = lesson(model, student(), store, tmp_path).readouts(some)
    vectors = embed(model.learner.encoder, store, np.arange(9))[:, :8]
    assert known is not None
    assert readouts is not None
    described = known.describe(vectors)
    for number, assay_id in enumerate(some.assay_ids):
        place = store.assay_ids.index(assay_id)
        mixture = torch.cat([known.readouts[place], torch.ones(1), known.biases[place : place + 1]])
        expected = known.log_odds(mixture.unsqueeze(0), described)
        found = vectors @ readouts[number, :-1] + readouts[number, -1]
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    assert lesson(model, student(5), store, tmp_path).readouts(some) is None  # of another width
    assert lesson(model, student(), store, tmp_path).readouts(stores[1]) is None  # not known


def test_molecules_are_divided_into_chunks_of_one_assay(
    stores: tuple[AssayStore, AssayStore],
) -> None:
    store = stores[0]
    molecules = np.unique(np.concatenate([a.molecules[a.kept] for a in store]))
    members = [set(a.molecules[a.kept].tolist()) for a in store]
    draws = [
        divide_by_assay(store, molecules, 5, np.random.default_rng(seed)) for seed in (0, 0, 1)
    ]
    for parts in draws:
        assert len(parts) == 5
        assert np.array_equal(np.sort(np.concatenate([p for p, _ in parts])),
                              np.arange(len(molecules)))  # fmt: skip
        assert max(len(p) for p, _ in parts) <= len(molecules) / 5 + CHUNK
        for positions, chunks in parts:
            for chunk in range(chunks.max() + 1):
                own = set(molecules[positions[chunks == chunk]].tolist())
                assert 0 < len(own) <= CHUNK
                assert any(own <= assay for assay in members)
    same, again, other = ([p.tolist() for p, _ in parts] for parts in draws)
    assert same == again != other


def assert_same_bits(one: Path, other: Path) -> None:
    left, right = (load_file(run / "model.safetensors") for run in (one, other))
    assert left.keys() == right.keys()
    for name, tensor in left.items():
        assert torch.equal(tensor, right[name]), name


@pytest.mark.parametrize("dim", [8, 6])
def test_interrupted_and_resumed_ends_in_the_same_bits(
    dim: int, teacher: Path, stores: tuple[AssayStore, AssayStore], tmp_path: Path
) -> None:
    recipe = taught_by(teacher)
    recipe["encoder"] = {**recipe["encoder"], "dim": dim}  # with a map to the teacher's width
    whole, run = tmp_path / "whole", tmp_path / "run"
    shown: list[Any] = []
    train(recipe, *stores, whole)

    def stopped_after(rows: int) -> str:
        with pytest.raises(Interrupted) as caught:
            train(recipe, *stores, run, resume=True, progress=shown.append,
                  stop=lambda: len(shown) >= rows)  # fmt: skip
        return str(caught.value)

    assert "epoch 1 of 3" in stopped_after(0)
    assert "epoch 2 of 3" in stopped_after(1)  # before the final epochs, which see all assays
    assert "after step" in stopped_after(2)
    train(recipe, *stores, run, resume=True, progress=shown.append)
    assert [row.number for row in shown if isinstance(row, Epoch)] == [1, 2, 3]
    assert_same_bits(run, whole)


def test_what_the_teacher_saw_its_student_has_seen(
    teacher: Path, stores: tuple[AssayStore, AssayStore], tmp_path: Path
) -> None:
    half = stores[0].subset(stores[0].assay_ids[::2])
    train(taught_by(teacher), half, None, tmp_path / "run")
    assert load_seen(tmp_path / "run").digests.keys() == load_seen(teacher).digests.keys()
    with pytest.raises(InputError, match="assays of the teacher"):
        train(taught_by(teacher), half, stores[0].subset(stores[0].assay_ids[1:2]),
              tmp_path / "other")  # fmt: skip


def test_a_run_is_not_resumed_with_another_teacher(
    teacher: Path, stores: tuple[AssayStore, AssayStore], tmp_path: Path
) -> None:
    recipe, run = taught_by(teacher), tmp_path / "run"
    with pytest.raises(Interrupted):
        train(recipe, *stores, run, stop=lambda: True)
    with pytest.raises(InputError, match=r"pretraining\.teacher"):
        train(taught_by(Path("default")), *stores, run, resume=True)
    with pytest.raises(InputError, match=r"pretraining\.teacher"):
        train({**recipe, "pretraining": {"teacher": str(teacher)}}, *stores, tmp_path / "other")


def test_a_model_taught_keeps_no_part_of_its_teacher(
    teacher: Path, stores: tuple[AssayStore, AssayStore], tmp_path: Path
) -> None:
    train(taught_by(teacher), *stores, tmp_path / "run")
    model = load_model(tmp_path / "run")
    assert model.learner.encoder.reads == {"graphs"}
    assert isinstance(model.learner, nn.Module)
    assert not [name for name in model.learner.state_dict() if "teacher" in name]
