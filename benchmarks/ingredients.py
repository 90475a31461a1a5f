"""Which ingredients help: recipes on one pre-trained encoder, with the same data, steps and seeds.

    python benchmarks/ingredients.py --init RUN --train STORE --valid STORE -o DIR

Every variant starts from the encoder of RUN, which stays as it is unless it adapts too, and is
meta-trained on the assays that RUN's pre-training left out. Differences are paired: the same
validation assays, draws and seeds; the standard error is over assays, of the seeds' means. What DIR
holds already is not done again.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from molmeta.assays import AssayStore
from molmeta.evaluation import evaluate
from molmeta.evaluation.learners import LearnerMethod
from molmeta.evaluation.statistics import molecule_set_clusters, paired
from molmeta.learning import Learner
from molmeta.models import MatchingHead
from molmeta.runs import load_model
from molmeta.training import train

MATCHING, KERNEL = {"name": "matching"}, {"name": "matching", "attention": "ridge", "prior": True}
SKETCH = {**KERNEL, "tanimoto": 1.0}
PROFILE = {**SKETCH, "profile": 1.0}
PROPERTIES = {**PROFILE, "properties": 1.0}
NO_STEP: dict[str, Any] = {"steps": 0, "lr": 0.5}  # the rate is for steps in use alone
VARIANTS: dict[str, dict[str, Any]] = {
    "matching alone": {"head": MATCHING, "inner": NO_STEP},
    "MAML + matching": {"head": MATCHING},
    "first order": {"head": MATCHING, "inner": {"order": 1}},
    "MAML at 0.5": {"head": MATCHING, "inner": {"lr": 0.5}},
    "MAML at 2": {"head": MATCHING, "inner": {"lr": 2.0}},
    "MAML at learned rates": {"head": MATCHING, "inner": {"lr": 0.5, "rates": "module"}},
    "MAML of 3 steps at 0.5": {"head": MATCHING, "inner": {"lr": 0.5, "steps": 3}},
    "MAML of every weight": {
        "head": MATCHING,
        "learner": {"adapt": "all"},
        "training": {"encoder_rate": 0.1},
    },
    "ANIL": {
        "head": {"name": "linear", "start": "prototypes"},
        "inner": {"steps": 3},
        "learner": {"adapt": "head"},
    },
    "matching + context": {"head": MATCHING, "inner": NO_STEP, "context": {"blocks": 1}},
    "prototypical": {
        "head": {"name": "prototypical", "metric": "mahalanobis"},
        "inner": NO_STEP,
    },
    "classical MAML": {"head": {"name": "linear"}, "inner": {"steps": 5, "lr": 0.1}},
    "kernel": {"head": KERNEL, "inner": NO_STEP},
    "kernel + MAML at 0.5": {"head": KERNEL, "inner": {"lr": 0.5}},
    "kernel + sketch": {"head": SKETCH, "inner": NO_STEP},
    "kernel + sketch + MAML at 0.5": {"head": SKETCH, "inner": {"lr": 0.5}},
    "kernel + sketch + context": {"head": SKETCH, "inner": NO_STEP, "context": {"blocks": 1}},
    "kernel + sketch + profile": {"head": PROFILE, "inner": NO_STEP},
    "kernel + sketch + profile + properties": {"head": PROPERTIES, "inner": NO_STEP},
}
"""What each variant changes."""
IN_USE: dict[str, tuple[str, int]] = {
    "matching alone (1 step at 0.5 in use)": ("matching alone", 1),
    "MAML + matching (5 steps in use)": ("MAML + matching", 5),
    "MAML at 0.5 (5 steps in use)": ("MAML at 0.5", 5),
    "kernel + sketch (1 step at 0.5 in use)": ("kernel + sketch", 1),
}
"""Another variant as it was trained, with so many inner steps in use."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--init", required=True, help="a run with a pre-trained encoder")
    parser.add_argument("--train", type=Path, required=True)
    parser.add_argument("--valid", type=Path, required=True)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--variants", default=",".join([*VARIANTS, *IN_USE]))
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--reference", default="matching alone")
    given = parser.parse_args()
    if load_model(given.init).recipe["pretraining"]["final"]:
        parser.error(
            "the encoder of --init has seen all assays in its final epochs; leave them out"
        )
    valid = AssayStore.open(given.valid)
    names = given.variants.split(",")
    scores, seconds = {}, {}
    for seed in range(given.seeds):
        for name in names:
            variant, steps = IN_USE.get(name, (name, None))
            run = given.output / f"{variant.replace(' ', '_')}-{seed}"
            seconds[name, seed] = trained(variant, seed, run, given)
            scores[name, seed] = evaluated(name, run, valid, given.draws, steps)
            print(name, seed, scores[name, seed].groupby("support_size").mean().round(4).to_dict())
    print(table(names, scores, seconds, valid, given))


def trained(name: str, seed: int, run: Path, given: argparse.Namespace) -> float:
    """Meta-train a variant unless that is done; the seconds it took."""
    clock = run / "seconds.json"
    if clock.exists():
        return float(json.loads(clock.read_text()))
    model = load_model(given.init)
    encoder = model.learner.encoder
    # A learner of other shapes above the encoder: nothing but the encoder is taken over.
    torch.manual_seed(0)  # the same weights above it, hence the same name, when a run is resumed
    alone = replace(model, learner=Learner(encoder, MatchingHead(), projection=1))
    started = time.perf_counter()
    store = AssayStore.open(given.train)
    train(recipe(name, seed, model.recipe, given.steps), store, None, run, init=alone, resume=True)
    clock.write_text(json.dumps(time.perf_counter() - started))
    return time.perf_counter() - started


def recipe(name: str, seed: int, base: dict[str, Any], steps: int) -> dict[str, Any]:
    """The variant on the encoder of the recipe `base`."""
    width = base["encoder"]["dim"]
    made: dict[str, Any] = {**VARIANTS[name], "encoder": base["encoder"]}
    head = dict(made["head"])
    if head["name"] == "linear":
        head["dim"] = width
    if "context" in made:
        made["context"] = {**made["context"], "dim": width}
    made["head"] = head
    made["learner"] = {**made.get("learner", {}), "projection": width}
    made["pretraining"] = {k: base["pretraining"][k] for k in ("share", "split_seed")}
    made["training"] = {
        **base["training"],
        "steps": steps,
        "warmup": min(50, steps // 4),
        "encoder_rate": 0.0,
        "seed": seed,
        **made.get("training", {}),
    }
    return made


def evaluated(name: str, run: Path, valid: AssayStore, draws: int, steps: int | None) -> pd.Series:
    """ΔAUPRC by support size and assay."""
    method = LearnerMethod(name, run, steps=steps)
    out = run / ("evaluation" if steps is None else f"evaluation-{steps}")
    found = evaluate([method], valid, support_sizes=[16, 64], draws=draws, out=out)
    means: pd.Series = found.results.groupby(["support_size", "assay_id"])["delta_auprc"].mean()
    return means


def table(
    names: list[str],
    scores: dict[tuple[str, int], pd.Series],
    seconds: dict[tuple[str, int], float],
    valid: AssayStore,
    given: argparse.Namespace,
) -> str:
    """Markdown: each variant's mean, and its paired difference from the reference."""
    clusters = molecule_set_clusters(valid)
    means = {
        name: pd.concat([scores[name, seed] for seed in range(given.seeds)], axis=1).mean(axis=1)
        for name in names
    }
    lines = [
        f"| | 16 | against {given.reference} | wins | 64 | against {given.reference} | wins | s |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name in names:
        cells = []
        for size in (16, 64):
            own, other = means[name][size], means[given.reference][size]
            pair = paired(
                own.to_numpy(), other.to_numpy(), np.array([clusters[a] for a in own.index])
            )
            error = (own - other).std(ddof=1) / len(own) ** 0.5
            cells += [
                f"{own.mean():.3f}",
                "" if name == given.reference else f"{pair.difference.mean:+.4f} ± {error:.4f}",
                "" if name == given.reference else f"{pair.wins} of {len(own)}",
            ]
        spent = np.mean([seconds[name, seed] for seed in range(given.seeds)])
        lines.append(f"| {name} | {' | '.join(cells)} | {spent:.0f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
