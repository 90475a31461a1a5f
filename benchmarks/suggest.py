"""Replays of assays: hits found after some rounds of measuring what is suggested.

    OMP_NUM_THREADS=1 python benchmarks/suggest.py STORE [--model default] [--assays 39] [--values]

A replay begins with 8 molecules, active and inactive as in the assay; each round measures 8 more,
of those left in the assay. Similarity picking is the baseline `simsearch` (nearest active minus
nearest inactive, Tanimoto on ECFP counts).

With --values, of assays whose molecules have exact values, a hit is one of the highest tenth, and
methods that look at the values are compared: labels graded by them, the predicted value, and that
value plus its scale (an upper confidence bound) or its expected improvement.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from molmeta.assays.graded import grade
from molmeta.assays.store import AssayStore
from molmeta.evaluation.baselines import SimilaritySearch
from molmeta.learning.scorer import Scorer
from molmeta.predict.library.suggest import STRATEGIES, choose
from molmeta.predict.value_posterior import ValuePosterior
from molmeta.runs import load_model

START, BATCH = 8, 8
METHODS = (*STRATEGIES, "similarity", "random")
OF_VALUES = ("graded", "value", "upper", "improvement", "greedy", "random")
FREEDOM = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("store", type=Path)
    parser.add_argument("--model", default="default")
    parser.add_argument("--assays", type=int, default=1000, help="at most so many")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--replays", type=int, default=3)
    parser.add_argument("--values", action="store_true")
    arguments = parser.parse_args()
    methods = OF_VALUES if arguments.values else METHODS
    store = AssayStore.open(arguments.store)
    scorer = Scorer(load_model(arguments.model).learner, store)
    enough = START + BATCH * arguments.rounds * 3 // 2
    shares: dict[str, list[NDArray[np.float64]]] = {method: [] for method in methods}
    n_assays = 0
    for assay in store:
        rows = np.flatnonzero(assay.kept)
        if arguments.values:
            rows = rows[np.isfinite(assay.exact_values[rows])]
        labels, molecules = assay.labels[rows], assay.molecules[rows]
        values = assay.exact_values[rows].astype(np.float64)
        if n_assays == arguments.assays or len(rows) < enough:
            continue
        n_assays += 1
        if arguments.values and np.corrcoef(labels, values)[0, 1] < 0:
            values = -values  # percentages that FS-Mol publishes as if they were nM
        hits = values >= np.quantile(values, 0.9) if arguments.values else labels > 0.5
        given = molecules, labels, values, hits
        for method in methods:
            found = [
                replay(scorer, store, *given, method, arguments.rounds, seed)
                for seed in range(arguments.replays)
            ]
            shares[method].append(np.mean(found, 0))
    print(
        f"{n_assays} assays of {arguments.store.name} with {enough} molecules or more, "
        f"{arguments.replays} replays each: the share of an assay's other "
        f"{'highest tenth' if arguments.values else 'actives'} that is found\n"
    )
    print("| method | " + " | ".join(f"{BATCH * (k + 1)}" for k in range(arguments.rounds)) + " |")
    print("|---" * (arguments.rounds + 1) + "|")
    for method, curves in shares.items():
        print(f"| {method} | " + " | ".join(f"{share:.3f}" for share in np.mean(curves, 0)) + " |")
    last = {method: np.array(curves)[:, -1] for method, curves in shares.items()}
    for method in methods[: 4 if arguments.values else len(STRATEGIES)]:
        for other in methods[-2:]:
            difference = last[method] - last[other]
            error = difference.std(ddof=1) / len(difference) ** 0.5
            wins = int((difference > 0).sum())
            print(f"{method} - {other}: {difference.mean():+.3f} ± {error:.3f}, wins {wins}")


def replay(
    scorer: Scorer,
    store: AssayStore,
    molecules: NDArray[np.int64],
    labels: NDArray[np.float32],
    values: NDArray[np.float64],
    hits: NDArray[np.bool_],
    method: str,
    rounds: int,
    seed: int,
) -> NDArray[np.float64]:
    """The share of the hits not known at the start that is found after each round."""
    rng = np.random.default_rng(seed)
    known = start(labels, rng)
    n_hidden = max(float(hits.sum() - hits[known].sum()), 1.0)
    found, curve = 0.0, []
    for _ in range(rounds):
        left = np.setdiff1d(np.arange(len(labels)), known)
        if method == "random":
            batch = rng.choice(left, BATCH, replace=False)
        elif method == "similarity":
            prints = store.fingerprints
            scores = SimilaritySearch().predict(
                prints[molecules[known]], labels[known].astype(float), prints[molecules[left]]
            )
            batch = left[np.argsort(-scores, kind="stable")[:BATCH]]
        elif method in OF_VALUES[:4]:
            scores = by_values(scorer, molecules, labels, values, known, left, method)
            batch = left[np.argsort(-scores, kind="stable")[:BATCH]]
        else:
            adapted = scorer.adapt(molecules[known], labels[known])
            scores = scorer.score(adapted, molecules[left]).astype(float)
            batch = left[choose(scores, store.fingerprints[molecules[left]], BATCH, method)]
        known = np.concatenate([known, batch])
        found += float(hits[batch].sum())
        curve.append(found / n_hidden)
    return np.array(curve)


def by_values(
    scorer: Scorer,
    molecules: NDArray[np.int64],
    labels: NDArray[np.float32],
    values: NDArray[np.float64],
    known: NDArray[np.int64],
    left: NDArray[np.int64],
    method: str,
) -> NDArray[np.float64]:
    """Score what is left by what is known of values."""
    told, asked = values[known], molecules[left]
    if method == "graded":
        adapted = scorer.adapt(molecules[known], grade(labels[known], told))
        return scorer.score(adapted, asked).astype(np.float64)
    adapted = scorer.adapt(molecules[known], (told > np.median(told)).astype(np.float32))
    predicted = ValuePosterior.learn(adapted, told).predict(scorer, asked)
    mean, scale = predicted.mean, np.nan_to_num(predicted.scale)
    if method == "upper":
        return mean + scale
    if method == "value" or not scale.all():
        return mean
    gain = (mean - told.max()) / scale
    density = (FREEDOM + gain**2) / (FREEDOM - 1) * stats.t.pdf(gain, FREEDOM)
    improvement: NDArray[np.float64] = scale * (gain * stats.t.cdf(gain, FREEDOM) + density)
    return improvement


def start(labels: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.int64]:
    """The molecules known at first: of each class its share, but one at least."""
    n_active = int(np.clip(round(START * labels.mean()), 1, START - 1))
    active, inactive = np.flatnonzero(labels > 0.5), np.flatnonzero(labels <= 0.5)
    return np.concatenate(
        [
            rng.choice(active, min(n_active, len(active)), replace=False),
            rng.choice(inactive, min(START - n_active, len(inactive)), replace=False),
        ]
    )


if __name__ == "__main__":
    main()
