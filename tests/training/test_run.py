"""Runs: training writes a folder that loads, resumes bit for bit, and is refused when broken."""

from __future__ import annotations

import json
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
from safetensors.torch import load_file

from molmeta.assays import AssayStore, drug_mechanisms, featurize_files
from molmeta.assays.record import AssayRecord
from molmeta.chem.standardize import STANDARD
from molmeta.config import read_recipe
from molmeta.errors import InputError, Interrupted, MolmetaError
from molmeta.learning import Scorer
from molmeta.runs import load_model
from molmeta.training import train

TINY: dict[str, Any] = {
    "encoder": {"dim": 16, "layers": 1, "dropout": 0.1},
    "learner": {"projection": 8},
    "training": {
        "steps": 12,
        "assays_per_step": 2,
        "support_sizes": [4, 8],
        "query_size": 8,
        "valid_every": 4,
        "log_every": 2,
        "valid_support_sizes": [8],
        "valid_draws": 1,
    },
}


def weights(run: Path) -> dict[str, torch.Tensor]:
    return load_file(run / "model.safetensors")


def assert_same_bits(one: Path, other: Path) -> None:
    left, right = weights(one), weights(other)
    assert left.keys() == right.keys()
    for name, tensor in left.items():
        assert torch.equal(tensor, right[name]), name


@pytest.fixture(scope="module")
def undisturbed(
    stores: tuple[AssayStore, AssayStore], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    run = tmp_path_factory.mktemp("runs") / "undisturbed"
    train(TINY, *stores, run)
    return run


def test_the_form_of_the_training_molecules_is_saved(
    stores: tuple[AssayStore, AssayStore], undisturbed: Path, tmp_path: Path
) -> None:
    assert load_model(undisturbed).standardize == stores[0].standardize == STANDARD
    (tmp_path / "drawn.csv").write_text("assay,smiles,label\nA,CCO,1\nA,CC,0\n")
    drawn = featurize_files([tmp_path / "drawn.csv"], None, standardize=None)
    with pytest.raises(InputError, match="--no-standardize"):
        train(TINY, stores[0], drawn, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_run_folder_holds_what_it_says(undisturbed: Path) -> None:
    config = json.loads((undisturbed / "config.json").read_text())
    assert config["recipe"]["training"]["steps"] == 12
    assert len(json.loads((undisturbed / "assays.json").read_text())) == 18
    assert np.load(undisturbed / "molecules.npy").dtype == np.int64
    lines = (undisturbed / "metrics.csv").read_text().splitlines()
    assert [int(line.split(",")[0]) for line in lines[1:]] == [2, 4, 6, 8, 10, 12]
    assert "18 assays" in (undisturbed / "README.md").read_text()


def test_same_seed_same_bits_other_seed_other_bits(
    undisturbed: Path, stores: tuple[AssayStore, AssayStore], tmp_path: Path
) -> None:
    train(TINY, *stores, tmp_path / "again")
    assert_same_bits(tmp_path / "again", undisturbed)
    train({**TINY, "training": {**TINY["training"], "seed": 1}}, *stores, tmp_path / "other")
    name = "matcher.projection.weight"
    assert not torch.equal(weights(tmp_path / "other")[name], weights(undisturbed)[name])


@pytest.mark.parametrize("stop_after", [1, 5, 8])
def test_stopped_and_resumed_equals_undisturbed(
    undisturbed: Path, stores: tuple[AssayStore, AssayStore], tmp_path: Path, stop_after: int
) -> None:
    asked = iter([False] * (stop_after - 1) + [True])
    with pytest.raises(Interrupted, match=f"step {stop_after} "):
        train(TINY, *stores, tmp_path / "run", stop=lambda: next(asked))
    train(TINY, *stores, tmp_path / "run", resume=True)
    assert_same_bits(tmp_path / "run", undisturbed)


def test_reptile_stopped_and_resumed_equals_undisturbed(
    stores: tuple[AssayStore, AssayStore], tmp_path: Path
) -> None:
    recipe = {**TINY, **{key: read_recipe("reptile")[key] for key in ("head", "inner")}}
    assert recipe["inner"]["order"] == "reptile"
    train(recipe, *stores, tmp_path / "undisturbed")
    asked = iter([False] * 4 + [True])
    with pytest.raises(Interrupted, match="step 5 "):
        train(recipe, *stores, tmp_path / "run", stop=lambda: next(asked))
    train(recipe, *stores, tmp_path / "run", resume=True)
    assert_same_bits(tmp_path / "run", tmp_path / "undisturbed")


KILLED = """
import sys
from molmeta.assays import AssayStore
from molmeta.training import train
recipe, train_store, valid_store, run = eval(sys.argv[1]), *sys.argv[2:]
train(recipe, AssayStore.open(train_store), AssayStore.open(valid_store), run, resume=True)
"""


def saved(run: Path) -> str:
    """Which state the run would resume from."""
    pointer = run / "checkpoints" / "latest"
    return pointer.read_text() if pointer.exists() else ""


@pytest.mark.slow
def test_killed_at_random_moments_and_resumed_equals_undisturbed(
    undisturbed: Path, stores: tuple[AssayStore, AssayStore], tmp_path: Path
) -> None:
    run, rng = tmp_path / "run", np.random.default_rng(0)
    command = [sys.executable, "-c", KILLED, repr(TINY), *(str(s.path) for s in stores), str(run)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    for _ in range(2):
        before = saved(run)
        process = subprocess.Popen(command, env=environment)
        while saved(run) == before and process.poll() is None:
            time.sleep(0.002)
        time.sleep(rng.uniform(0, 0.1))  # in the steps after a saved state, or in saving the next
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert saved(run) != before
    subprocess.run(command, env=environment, check=True)
    assert_same_bits(run, undisturbed)


def test_loading_gives_the_same_scores_as_before_saving(
    undisturbed: Path, stores: tuple[AssayStore, AssayStore]
) -> None:
    valid = stores[1]
    assay = valid.assay(0)
    support, query = assay.molecules[:12], assay.molecules[12:]
    scores = []
    for _ in range(2):
        scorer = Scorer(load_model(undisturbed).learner, valid)
        scores.append(scorer.score(scorer.adapt(support, assay.labels[:12]), query))
    assert np.array_equal(scores[0], scores[1])


def test_scrambled_query_labels_cannot_matter_and_query_company_does_not(
    undisturbed: Path, stores: tuple[AssayStore, AssayStore]
) -> None:
    valid = stores[1]
    assay = valid.assay(0)
    scorer = Scorer(load_model(undisturbed).learner, valid)
    adapted = scorer.adapt(assay.molecules[:12], assay.labels[:12])
    together = scorer.score(adapted, assay.molecules[12:])
    alone = [scorer.score(adapted, assay.molecules[[i]])[0] for i in range(12, len(assay))]
    np.testing.assert_allclose(alone, together, atol=1e-5)


def test_patience_stops_early(stores: tuple[AssayStore, AssayStore], tmp_path: Path) -> None:
    still = {**TINY, "training": {**TINY["training"], "lr": 1e-12, "steps": 100, "patience": 2}}
    rows: list[Any] = []
    train(still, *stores, tmp_path / "run", progress=rows.append)
    assert rows[-1].step < 100


def test_gradients_that_are_not_finite_stop_the_run(
    stores: tuple[AssayStore, AssayStore], tmp_path: Path
) -> None:
    wild = {
        **TINY,
        "inner": {"lr": 1e38, "steps": 3},
        "training": {**TINY["training"], "steps": 50},
    }
    rows: list[Any] = []
    with pytest.raises(MolmetaError, match=r"stopped at step 9.*not finite.*bad_step\.csv"):
        train(
            wild,
            *stores,
            tmp_path / "run",
            progress=rows.append,
        )
    assert [row.skipped for row in rows] == [2, 4, 6, 8]
    saved_step = pd.read_csv(tmp_path / "run" / "bad_step.csv")
    assert set(saved_step["step"]) == {9}
    assert set(saved_step["episode"]) == {0, 1}
    known = drug_mechanisms("train").set_index(["assay", "smiles"])["label"]
    row: Any
    for row in saved_step.itertuples():
        assert known[row.assay, row.smiles] == row.label
    assert set(saved_step["role"]) == {"support", "query"}


def test_folder_with_something_in_it_is_left_alone(
    stores: tuple[AssayStore, AssayStore], tmp_path: Path
) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="already there"):
        train(TINY, *stores, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_resuming_with_another_recipe_or_data_is_refused(
    undisturbed: Path, stores: tuple[AssayStore, AssayStore]
) -> None:
    other = {**TINY, "inner": {"lr": 0.5}}
    with pytest.raises(InputError, match=r"inner\.lr"):
        train(other, *stores, undisturbed, resume=True)
    with pytest.raises(InputError, match="other train assays"):
        train(TINY, stores[1], None, undisturbed, resume=True)


def test_training_on_validation_or_test_assays_is_refused(
    stores: tuple[AssayStore, AssayStore], tmp_path: Path
) -> None:
    train_assays, valid = stores
    test = AssayRecord.of(train_assays.subset(train_assays.assay_ids[:1]), "test")
    run = tmp_path / "run"
    with pytest.raises(InputError, match="training assays; got 1 that are test assays"):
        train(TINY, train_assays, valid, run, test=test)
    with pytest.raises(InputError, match="validation assays; got 1 that are test assays"):
        train(TINY, valid, train_assays, run, test=test)
    with pytest.raises(InputError, match="training assays; got 18 that are validation assays"):
        train(TINY, train_assays, train_assays, run)
    assert not run.exists()


def test_assays_too_small_are_refused_before_anything_is_written(
    stores: tuple[AssayStore, AssayStore], tmp_path: Path
) -> None:
    big = {**TINY, "training": {**TINY["training"], "support_sizes": [500]}}
    with pytest.raises(InputError, match="at least one with 508 molecules"):
        train(big, *stores, tmp_path / "run")
    with pytest.raises(InputError, match="validation"):
        train({**TINY, "training": {**TINY["training"], "valid_support_sizes": [500]}}, *stores,
              tmp_path / "run")  # fmt: skip
    assert not (tmp_path / "run").exists()


def break_truncate(run: Path) -> None:
    file = run / "model.safetensors"
    file.write_bytes(file.read_bytes()[:100])


def break_config(run: Path) -> None:
    (run / "config.json").write_text("{")


def break_features(run: Path) -> None:
    config = json.loads((run / "config.json").read_text())
    config["features"]["atoms"] = "other"
    (run / "config.json").write_text(json.dumps(config))


def break_recipe(run: Path) -> None:
    config = json.loads((run / "config.json").read_text())
    config["recipe"]["encoder"]["dim"] = 32
    (run / "config.json").write_text(json.dumps(config))


def break_remove(run: Path) -> None:
    (run / "model.safetensors").unlink()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (break_truncate, "cannot be read"),
        (break_config, "config.json"),
        (break_features, "reads other features"),
        (break_recipe, "do not fit the recipe"),
        (break_remove, "cannot be read"),
    ],
)
def test_a_broken_model_is_refused_with_the_reason(
    undisturbed: Path, tmp_path: Path, damage: Any, message: str
) -> None:
    run = tmp_path / "run"
    run.mkdir()
    for name in ("config.json", "model.safetensors"):
        (run / name).write_bytes((undisturbed / name).read_bytes())
    damage(run)
    with pytest.raises(InputError, match=message):
        load_model(run)


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no config\.json"):
        load_model(tmp_path)
    with pytest.raises(InputError, match="no such run folder"):
        load_model(tmp_path / "absent")


@pytest.mark.parametrize(
    ("name", "reads"),
    [
        ("graph", {"graphs", "fingerprints"}),
        ("default", {"graphs", "fingerprints", "pairs", "descriptors"}),
    ],
)
def test_a_shipped_model_reads_graphs_adapts_and_matches(name: str, reads: set[str]) -> None:
    model = load_model(name)
    assert model.learner.encoder.reads == reads
    assert model.learner.inner.steps == 1
    assert model.recipe["head"]["name"] == "matching"
    assert model.calibration is not None
    assert len(model.learner.matcher.known_assays or ()) == 4935
    scorer = Scorer(model.learner, molecules := model.featurize(["CCO", "CCN", "CCC", "c1ccccc1"]))
    adapted = scorer.adapt(np.arange(3), np.array([1, 0, 1], np.float32))
    moved = {
        name
        for name, value in adapted.parameters.items()
        if not torch.equal(value, dict(model.learner.named_parameters())[name])
    }
    assert "matcher.head.attention.log_noise" in moved
    assert "matcher.head.attention.log_scale" not in moved
    assert np.isfinite(scorer.score(adapted, np.arange(len(molecules)))).all()
