"""What each part of a recipe is worth: variants from one pre-trained encoder, meta-trained anew.

    python benchmarks/ablations.py --init RUN --train STORE --valid STORE -o DIR --seeds 0,1,2

RUN is a run folder whose pre-training has an epoch saved, before its final epochs; it is only read.
All variants of its recipe begin with that encoder and its known assays, are meta-trained on the
assays that its pre-training left out, and keep the last weights: no validation assay is looked at.
A seed gives a variant the same episodes and draws as `full`, from which its difference is taken;
the standard error is over seeds. A finished cell is a row of DIR/cells.csv and is not done again.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from molmeta.assays import AssayStore
from molmeta.config import override
from molmeta.evaluation import evaluate
from molmeta.evaluation.learners import LearnerMethod
from molmeta.learning import Learner
from molmeta.learning.embed import embed
from molmeta.runs.config import load_config
from molmeta.runs.model import Model
from molmeta.runs.recipe import build_learner, resolve_recipe
from molmeta.tensors import load_tensors, save_tensors
from molmeta.training import train
from molmeta.training.division import divide
from molmeta.training.pretrain import PRETRAINING, Pretrainer

# The rate of the likelihood is no rate for the leave-one-out loss; .5 is from research/ingredients.
LEAVE_ONE_OUT = ["inner.loss=leave_one_out", "inner.lr=0.5"]
VARIANTS: dict[str, list[str]] = {
    "full": [],
    "no inner step": ["inner.steps=0"],
    "second order": ["inner.order=2"],
    "learned rates": ["inner.rates=tensor"],
    "three steps": ["inner.steps=3"],
    "leave-one-out loss": LEAVE_ONE_OUT,
    "Reptile": [*LEAVE_ONE_OUT, "inner.order=reptile", "inner.steps=3"],
    "softmax": [*LEAVE_ONE_OUT, "head.attention=softmax"],  # it has no likelihood
    "no known assays": ["known_assays.rank=0"],
    "no graph": ["known_assays.rank=0"],
}
"""What each variant sets; `no graph` also makes the encoder's own vector the same for all."""
TERMS = ("name", "attention", "metric", "tanimoto", "properties", "profile")
"""The keys of a matching head that softmax has too, and means the same by."""
KEY = ["variant", "seed"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--init", type=Path, required=True, help="a run folder, pre-trained")
    parser.add_argument("--train", type=Path, required=True)
    parser.add_argument("--valid", type=Path, required=True)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--variants", default=",".join(VARIANTS))
    parser.add_argument("--sizes", default="16,64,128")
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--set", action="append", default=[], help="section.key=value, for all")
    given = parser.parse_args()
    unknown = set(given.variants.split(",")) - set(VARIANTS)
    if unknown:
        parser.error(f"unknown variants {unknown}; there are {', '.join(VARIANTS)}")
    given.output.mkdir(parents=True, exist_ok=True)
    names = ("init", "train", "valid", "sizes", "draws", "set")
    asked, file = {name: str(vars(given)[name]) for name in names}, given.output / "asked.json"
    if file.exists() and json.loads(file.read_text()) != asked:
        parser.error(f"{given.output} was begun with {file.read_text()}; name another folder")
    file.write_text(json.dumps(asked))
    cells = given.output / "cells.csv"
    done = set(pd.read_csv(cells)[KEY].itertuples(index=False)) if cells.exists() else set()
    wanted = [(v, int(seed)) for seed in given.seeds.split(",") for v in given.variants.split(",")]
    left = [cell for cell in wanted if cell not in done]
    base = override(load_config(given.init)["recipe"], given.set)
    if left:
        fill(left, base, given, cells)
    print(table(pd.read_csv(cells)))


def fill(
    left: list[tuple[str, int]], base: dict[str, Any], given: argparse.Namespace, cells: Path
) -> None:
    """Train and evaluate the cells that are left, and add a row for each."""
    store, valid = AssayStore.open(given.train), AssayStore.open(given.valid)
    begun = pretrained(base, given.init, store, given.output / "start.safetensors")
    for variant, seed in left:
        started, run = time.perf_counter(), given.output / f"{variant.replace(' ', '_')}-{seed}"
        recipe = recipe_of(variant, seed, base)
        learner = start(recipe, begun, store, blank=variant == "no graph")
        model = Model(learner, {}, given.init, store.standardize)
        train(recipe, store, None, run, init=model, resume=True)
        trained = time.perf_counter() - started
        sizes = [int(size) for size in given.sizes.split(",")]
        method, out = LearnerMethod("model", run), run / "evaluation"
        found = evaluate([method], valid, support_sizes=sizes, draws=given.draws, out=out).results
        means = found.groupby(["support_size", "assay_id"])["delta_auprc"].mean()
        row = {"variant": variant, "seed": seed, "seconds": round(trained)}
        row |= {str(size): float(means[size].mean()) for size in sizes}
        pd.DataFrame([row]).to_csv(cells, mode="a", header=not cells.exists(), index=False)
        print(row, flush=True)


def recipe_of(variant: str, seed: int, base: dict[str, Any]) -> dict[str, Any]:
    """Change the recipe `base` as the variant does; its pre-training lies behind."""
    recipe = override(base, [*VARIANTS[variant], f"training.seed={seed}"])
    if recipe["head"]["attention"] == "softmax":
        recipe["head"] = {key: recipe["head"][key] for key in TERMS}
    recipe["pretraining"] = {key: base["pretraining"][key] for key in ("share", "split_seed")}
    return recipe


def pretrained(base: dict[str, Any], run: Path, store: AssayStore, file: Path) -> Learner:
    """Take up the encoder and the known assays as the run's pre-training left them.

    They are kept in `file`.
    """
    recipe = resolve_recipe(base)
    learner = build_learner(recipe).eval()
    if file.exists():
        learner.load_state_dict(load_tensors(file))
        return learner
    pretrainer = Pretrainer(
        learner.encoder, divide(store, recipe.pretraining), run / PRETRAINING, 0, recipe.pretraining
    )
    if not pretrainer.load():
        raise SystemExit(f"no epoch of pre-training is saved in {run}")
    profiles, known = learner.encoder.activity_profiles, learner.matcher.known_assays
    if profiles is not None:
        pretrainer.fill_profiles(profiles)
    if known is not None:
        pretrainer.fill_known_assays(known)
    save_tensors(file, learner.state_dict())
    return learner


def start(
    recipe: dict[str, Any], begun: Learner, store: AssayStore, *, blank: bool = False
) -> Learner:
    """Make the learner that a variant starts from: what is above the encoder is new and centred.

    `blank` leaves of the encoder what stands beside its vector: sketch, profile and properties.
    """
    settings = resolve_recipe(recipe)
    seed = settings.training.seed
    torch.manual_seed(seed)
    learner = build_learner(settings).eval()
    learner.encoder.load_state_dict(begun.encoder.state_dict())
    if blank:
        for name, value in learner.encoder.named_parameters():
            if name.startswith("final_norm."):
                torch.nn.init.zeros_(value)
    own, known = learner.matcher.known_assays, begun.matcher.known_assays
    if own is not None and known is not None:
        own.load_state_dict(known.state_dict())
    molecules = divide(store, settings.pretraining).rest.used_molecules(kept=True)
    sample = np.sort(np.random.default_rng(seed).permutation(molecules)[:512])
    learner.matcher.centre(embed(learner.encoder, store, sample))
    return learner


def table(cells: pd.DataFrame) -> str:
    """Write means over seeds, and the differences from `full` ± their standard error over seeds."""
    sizes = [name for name in cells.columns if name not in (*KEY, "seconds")]
    scores = cells.set_index(KEY)
    head = " | ".join(f"{size} | − full" for size in sizes)
    lines = [f"| | seeds | {head} | s |", "|---" * (3 + 2 * len(sizes)) + "|"]
    for name in [variant for variant in VARIANTS if variant in set(cells["variant"])]:
        own, figures = scores.loc[name], []
        for size in sizes:
            figures += [f"{own[size].mean():.4f}", ""]
            if name != "full" and "full" in set(cells["variant"]):
                gain = (own[size] - scores.loc["full"][size]).dropna()
                error = gain.std(ddof=1) / len(gain) ** 0.5 if len(gain) > 1 else float("nan")
                figures[-1] = f"{gain.mean():+.4f} ± {error:.4f}"
        seconds = f"{own['seconds'].mean():.0f}"
        lines.append(f"| {' | '.join([name, str(len(own)), *figures, seconds])} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
