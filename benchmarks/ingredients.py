"""Which ingredients help: recipes on one pre-trained encoder, with the same data, steps and seeds.

    python benchmarks/ingredients.py --init RUN --train STORE --valid STORE -o DIR

Every variant starts from the encoder of RUN, which stays as it is, and is meta-trained on the
assays that RUN's pre-training left out. Differences are paired: the same validation assays, draws
and seeds; the standard error is over assays, of the seeds' means. What DIR holds already is not
done again.
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

from molmeta.assays import AssayStore
from molmeta.evaluation import evaluate
from molmeta.evaluation.learners import LearnerMethod
from molmeta.evaluation.statistics import molecule_set_clusters, paired
from molmeta.meta import Learner, load_model, train
from molmeta.models import MatchingHead

STEP: dict[str, Any] = {"steps": 1, "order": 2}
VARIANTS: dict[str, dict[str, Any]] = {
    "matching alone": {"head": {"name": "matching"}, "inner": {"steps": 0}},
    "MAML + matching": {"head": {"name": "matching"}, "inner": STEP},
    "first order": {"head": {"name": "matching"}, "inner": {**STEP, "order": 1}},
    "Meta-SGD": {"head": {"name": "matching"}, "inner": {**STEP, "rates": "module"}},
    "ANIL": {
        "head": {"name": "linear", "start": "prototypes"},
        "inner": {"steps": 3, "order": 2},
        "learner": {"adapt": "head"},
    },
    "matching + context": {
        "head": {"name": "matching"},
        "inner": {"steps": 0},
        "context": {"blocks": 1},
    },
    "prototypical": {
        "head": {"name": "prototypical", "metric": "mahalanobis"},
        "inner": {"steps": 0},
    },
    "classical MAML": {"head": {"name": "linear"}, "inner": {"steps": 5, "lr": 0.1, "order": 2}},
    "kernel": {"head": {"name": "kernel"}, "inner": {"steps": 0}},
    "kernel + sketch": {"head": {"name": "kernel", "sketch": None}, "inner": {"steps": 0}},
    "kernel + sketch + MAML": {"head": {"name": "kernel", "sketch": None}, "inner": STEP},
    "kernel + sketch + context": {
        "head": {"name": "kernel", "sketch": None},
        "inner": {"steps": 0},
        "context": {"blocks": 1},
    },
}
"""What each variant changes; `sketch: None` stands for the encoder's own width."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--init", required=True, help="a run with a pre-trained encoder")
    parser.add_argument("--train", type=Path, required=True)
    parser.add_argument("--valid", type=Path, required=True)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--variants", default=",".join(VARIANTS))
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--reference", default="matching alone")
    given = parser.parse_args()
    valid = AssayStore.open(given.valid)
    names = given.variants.split(",")
    scores, seconds = {}, {}
    for seed in range(given.seeds):
        for name in names:
            run = given.output / f"{name.replace(' ', '_')}-{seed}"
            seconds[name, seed] = trained(name, seed, run, given)
            scores[name, seed] = evaluated(name, run, valid, given.draws)
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
    alone = replace(model, learner=Learner(encoder, MatchingHead(), projection=1))
    started = time.perf_counter()
    store = AssayStore.open(given.train)
    train(recipe(name, seed, model.recipe, given.steps), store, None, run, init=alone, resume=True)
    clock.write_text(json.dumps(time.perf_counter() - started))
    return time.perf_counter() - started


def recipe(name: str, seed: int, base: dict[str, Any], steps: int) -> dict[str, Any]:
    """The variant on the encoder of the recipe `base`."""
    width, sketch = base["encoder"]["dim"], base["encoder"].get("sketch", 0)
    made: dict[str, Any] = {**VARIANTS[name], "encoder": base["encoder"]}
    head = dict(made["head"])
    if head["name"] in ("linear", "kernel"):
        head["dim"] = width
    if "sketch" in head:
        head["sketch"] = sketch
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
    }
    return made


def evaluated(name: str, run: Path, valid: AssayStore, draws: int) -> pd.Series:
    """ΔAUPRC by support size and assay."""
    method = LearnerMethod(name, run)
    found = evaluate([method], valid, support_sizes=[16, 64], draws=draws, out=run / "evaluation")
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
