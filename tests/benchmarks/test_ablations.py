"""The ablations' recipes, each of which builds, and the arithmetic of their table."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from benchmarks.ablations import VARIANTS, main, recipe_of, table
from molmeta.assays import AssayStore, drug_mechanisms
from molmeta.config import read_recipe
from molmeta.runs.recipe import build_learner, resolve_recipe
from molmeta.training import train

TINY: dict[str, Any] = {
    "encoder": {"name": "graph", "dim": 8, "width": 8, "layers": 2, "readout": 8, "hidden": 16,
                "sketch": 8, "profile": 8, "profile_sketch": 4, "properties": 3},
    "learner": {"adapt": "head", "projection": 8},
    "known_assays": {"rank": 4},
    "pretraining": {"epochs": 3, "final": 1, "share": 0.6, "molecules_per_step": 64, "warmup": 2},
    "training": {"encoder_rate": 0.0, "scalar_lr": 0.01, "steps": 2, "assays_per_step": 2,
                 "support_sizes": [8], "query_size": 8},
}  # fmt: skip


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_of_the_graph_model_builds_and_is_another(variant: str) -> None:
    base = resolve_recipe(read_recipe("graph")).sections
    own, full = (resolve_recipe(recipe_of(name, 3, base)) for name in (variant, "full"))
    assert build_learner(own).encoder.dim == build_learner(full).encoder.dim
    assert (own == full) == (variant == "full")
    assert own.training == full.training
    assert own.training.seed == 3
    assert not own.pretraining.epochs
    assert own.pretraining.share == base["pretraining"]["share"]


def test_differences_are_paired_by_seed() -> None:
    """The seeds' own spread, .1, is in both; that of the difference is .01."""
    cells = pd.DataFrame(
        {
            "variant": ["full", "Reptile", "full", "Reptile", "Reptile"],
            "seed": [0, 0, 1, 1, 2],
            "seconds": 60,
            "16": [0.2, 0.21, 0.3, 0.33, 0.9],
        }
    )
    lines = table(cells).splitlines()
    assert lines[2] == "| full | 2 | 0.2500 |  | 60 |"
    assert lines[3] == "| Reptile | 3 | 0.4800 | +0.0200 ± 0.0100 | 60 |"


@pytest.mark.slow
def test_every_variant_is_trained_once_from_the_state_before_the_final_epochs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run, out = tmp_path / "run", tmp_path / "out"
    stores = {
        fold: AssayStore.from_frame(drug_mechanisms(fold), tmp_path / fold)
        for fold in ("train", "valid")
    }
    graph = read_recipe("graph")
    train({**TINY, "head": graph["head"], "inner": graph["inner"]}, stores["train"], None, run)
    command = ["ablations.py", "--init", run, "--seeds", "0", "--sizes", "8", "--draws", "1"]
    folds = [text for fold, store in stores.items() for text in (f"--{fold}", store.path)]
    monkeypatch.setattr(sys, "argv", [str(word) for word in [*command, *folds, "-o", out]])
    main()
    cells = (out / "cells.csv").read_text()
    assert pd.read_csv(out / "cells.csv")["variant"].tolist() == list(VARIANTS)
    first = capsys.readouterr().out
    main()
    assert (out / "cells.csv").read_text() == cells
    assert capsys.readouterr().out == first[first.index("| |") :]
