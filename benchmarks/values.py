"""Predicted values under other rules: for outlying values, for bounds, and for classes.

    OMP_NUM_THREADS=1 python benchmarks/values.py STORE [--model graph] [--draws 3]

Four tables by the size of the support set, means over assays: R² of exact values by how far
outlying ones count (`reach`, in standard deviations); assays with many bounds by what a bound
counts as; ΔAUPRC of classes, of the probability that a value lies above the threshold, and of both;
R² by the inner steps on the marginal likelihood, and by their targets.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from molmeta.assays.graded import grade
from molmeta.assays.store import Assay, AssayStore
from molmeta.episodes.draw import DrawError, stratified
from molmeta.learning.adapted import Adapted
from molmeta.learning.scorer import Scorer
from molmeta.metrics import delta_auprc, r2_out_of_sample
from molmeta.predict import value_posterior
from molmeta.predict.value_posterior import ValuePosterior
from molmeta.runs import load_model

SIZES, REACHES, FEWEST = (16, 32, 64, 128), (1.5, 2.0, 2.5, 100.0), 8
MOST_EXACT = 0.95
Floats = NDArray[np.float64]
Row = tuple[str, dict[str, float]]


class Replay:
    """One draw of one assay: k molecules known, the others asked for."""

    def __init__(self, scorer: Scorer, assay: Assay, size: int, seed: int) -> None:
        """Draw; a DrawError where the assay has too few of a class."""
        kept = assay.kept & np.isfinite(assay.values)
        self.scorer, self.molecules = scorer, assay.molecules[kept]
        self.labels, self.exact = assay.labels[kept], assay.exact[kept]
        values = assay.values[kept].astype(np.float64)
        active = self.labels > 0.5
        # Some assays of FS-Mol hold percentages as if they were nM: active is the lower value.
        self.values = values if values[active].mean() > values[~active].mean() else -values
        draw = stratified(self.labels, size, seed)
        self.known, self.asked = draw.support, draw.query

    def adapt(
        self, rows: NDArray[np.int64], targets: ArrayLike, steps: int | None = None
    ) -> Adapted:
        given = np.asarray(targets, np.float32)
        return self.scorer.adapt(self.molecules[rows], given, steps=steps)

    def posterior(self, rows: NDArray[np.int64], *, bounds: bool = False) -> ValuePosterior:
        """Learn the values at those rows; bounds as such, or as values."""
        values = self.values[rows]
        middle = np.median(values) if values.min() < np.median(values) else values.min()
        sides = np.where(self.exact[rows], 0, np.where(self.labels[rows] > 0.5, 1, -1))
        adapted = self.adapt(rows, values > middle)
        return ValuePosterior.learn(adapted, values, sides.astype(np.int8) if bounds else None)

    def means(self, posterior: ValuePosterior, rows: NDArray[np.int64]) -> Floats:
        return posterior.predict(self.scorer, self.molecules[rows]).mean


def outlying(one: Replay) -> Iterator[Row]:
    known, asked = one.known[one.exact[one.known]], one.asked[one.exact[one.asked]]
    if len(known) < FEWEST or one.exact.mean() < 0.5 or not np.ptp(one.values[known]):
        return
    shipped, centre = value_posterior._FARTHEST, float(one.values[known].mean())
    for reach in REACHES:
        value_posterior._FARTHEST = reach
        means = one.means(one.posterior(known), asked)
        yield f"reach {reach:g}", {"R²": r2_out_of_sample(one.values[asked], means, centre)}
    value_posterior._FARTHEST = shipped


def bounded(one: Replay) -> Iterator[Row]:
    exact = one.known[one.exact[one.known]]
    if one.exact.mean() > MOST_EXACT or len(exact) < FEWEST or not np.ptp(one.values[exact]):
        return
    told, is_exact = one.values[one.asked], one.exact[one.asked]
    up = np.where(one.labels[one.asked] > 0.5, 1, -1)
    for name, posterior in (
        ("bounds left out", one.posterior(exact)),
        ("bounds as values", one.posterior(one.known)),
        ("bounds as bounds", one.posterior(one.known, bounds=True)),
    ):
        apart = one.means(posterior, one.asked) - told
        beyond = ~is_exact & (up * apart > 0)
        yield (
            name,
            {
                "RMSE": float(np.sqrt(np.where(beyond, 0, apart**2).mean())),
                "bounds kept": float(beyond.sum() / max(1, (~is_exact).sum())),
                "ΔAUPRC": delta_auprc(one.labels[one.asked], told + apart),
            },
        )


def classes(one: Replay) -> Iterator[Row]:
    exact, labels = one.known[one.exact[one.known]], one.labels[one.known]
    if len(exact) < FEWEST or one.exact.mean() < 0.5 or not np.ptp(one.values[exact]):
        return
    asked, truth = one.molecules[one.asked], one.labels[one.asked]
    values = np.where(one.exact, one.values, np.nan)[one.known]
    active, inactive = values[labels > 0.5], values[labels < 0.5]
    if np.isnan(active).all() or np.isnan(inactive).all():
        return
    graded = one.scorer.score(one.adapt(one.known, grade(labels, values)), asked)
    threshold = (np.nanmin(active) + np.nanmax(inactive)) / 2
    above = one.posterior(exact).predict(one.scorer, asked).above(float(threshold))
    odds = np.log(np.clip(above, 1e-4, None) / np.clip(1 - above, 1e-4, None))
    for name, scores in (
        ("labels", one.scorer.score(one.adapt(one.known, labels), asked)),
        ("labels graded by values", graded),
        ("probability of a value above", odds),
        ("sum of the last two", graded + odds),
    ):
        yield name, {"ΔAUPRC": delta_auprc(truth, scores)}


def stepped(one: Replay) -> Iterator[Row]:
    known, asked = one.known[one.exact[one.known]], one.asked[one.exact[one.asked]]
    if len(known) < FEWEST or one.exact.mean() < 0.5 or not np.ptp(one.values[known]):
        return
    values = one.values[known]
    middle = np.median(values) if values.min() < np.median(values) else values.min()
    scores = stats.norm.cdf((values - values.mean()) / values.std())
    for name, targets in (("classes", values > middle), ("normal scores", scores)):
        for steps in (0, 1, 3, 6):
            posterior = ValuePosterior.learn(one.adapt(known, targets, steps), values)
            r2 = r2_out_of_sample(
                one.values[asked], one.means(posterior, asked), float(values.mean())
            )
            yield f"{name}, {steps} steps", {"R²": r2}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("store", type=Path)
    parser.add_argument("--model", default="graph")
    parser.add_argument("--draws", type=int, default=3)
    given = parser.parse_args()
    store = AssayStore.open(given.store)
    scorer = Scorer(load_model(given.model).learner, store)
    for table in (outlying, bounded, classes, stepped):
        rows = defaultdict(list)
        for assay in store:
            for size in SIZES:
                for seed in range(given.draws):
                    try:
                        found = list(table(Replay(scorer, assay, size, seed)))
                    except DrawError:
                        continue
                    for name, figures in found:
                        rows[name, size, assay.id].append(figures)
        by_assay = {key: pd.DataFrame(some).mean() for key, some in rows.items()}
        mean = pd.DataFrame(by_assay).T.groupby(level=[0, 1], sort=False).mean()
        print(f"\n{table.__name__}: {len({key[2] for key in rows})} assays\n")
        print(mean.unstack(level=1).round(3).to_string())


if __name__ == "__main__":
    main()
