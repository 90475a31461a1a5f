"""Training that starts from a model: `--init`."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import load_file

from molmeta.assays import AssayStore
from molmeta.errors import InputError
from molmeta.runs import load_model
from molmeta.runs.seen import load_seen
from molmeta.training import train
from tests.cli.program import molmeta
from tests.training.test_pretrain import RECIPE, changed


@pytest.fixture(scope="module")
def model(stores: tuple[AssayStore, AssayStore], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is started from."""
    run = tmp_path_factory.mktemp("models") / "model"
    train(RECIPE, *stores, run)
    return run


@pytest.fixture(scope="module")
def files(stores: tuple[AssayStore, AssayStore], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("init")
    (folder / "recipe.yaml").write_text(yaml.safe_dump(changed("pretraining", epochs=0)))
    return folder


def test_init_goes_on_from_a_models_weights_and_what_it_has_seen(
    model: Path, stores: tuple[AssayStore, AssayStore], files: Path, tmp_path: Path
) -> None:
    store, valid = stores
    subset = store.subset(store.assay_ids[:12])
    still = {**changed("pretraining", epochs=0), "training": {**RECIPE["training"], "lr": 1e-12}}
    train(still, subset, valid, tmp_path / "on", init=load_model(model))
    before, after = (load_file(run / "model.safetensors") for run in (model, tmp_path / "on"))
    for name, tensor in before.items():  # the projection's bias too: it is not set anew
        torch.testing.assert_close(after[name], tensor, rtol=1e-5, atol=1e-6)
    seen = load_seen(tmp_path / "on")
    assert set(seen.digests) == set(store.assay_ids)
    assert np.array_equal(seen.molecules, np.load(model / "molecules.npy"))
    with pytest.raises(InputError, match=r"--init; got none; expected .*model"):
        train(still, subset, valid, tmp_path / "on", resume=True)


@pytest.mark.parametrize(
    ("settings", "swap", "reason"),
    [
        (["encoder.dim=4", "head.dim=8"], False, "another encoder.*config.json"),
        (["encoder={name: gine, dim: 8, layers: 1}"], False, "another encoder"),
        ([], True, "to start from; got 18 that are validation assays"),
    ],
)
def test_init_from_the_program_refuses_what_does_not_fit(
    model: Path, stores: tuple[AssayStore, AssayStore], files: Path, tmp_path: Path,
    settings: list[str], swap: bool, reason: str,
) -> None:  # fmt: skip
    data, valid = (stores[1], stores[0]) if swap else stores
    done = molmeta(
        "train", data.path, "--valid", valid.path, "--config", files / "recipe.yaml",
        "-o", tmp_path / "run", "--init", model,
        *(word for setting in settings for word in ("--set", setting)),
    )  # fmt: skip
    assert done.returncode == 2
    assert re.search(reason, " ".join(done.stderr.split())), done.stderr
    assert not (tmp_path / "run").exists()


def test_init_from_the_program(
    model: Path, stores: tuple[AssayStore, AssayStore], files: Path, tmp_path: Path
) -> None:
    done = molmeta(
        "train", stores[0].path, "--valid", stores[1].path, "--config", files / "recipe.yaml",
        "-o", tmp_path / "run", "--init", model, "--set", "training.encoder_rate=0",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    before, after = (load_file(run / "model.safetensors") for run in (model, tmp_path / "run"))
    names = [name for name in before if name.startswith("encoder.")]
    assert all(torch.equal(before[name], after[name]) for name in names)
    assert any(not torch.equal(before[name], after[name]) for name in before)
