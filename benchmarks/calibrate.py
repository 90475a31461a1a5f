"""Fit what `fit` and `predict` say of a model on assays that it has not been trained on.

    python benchmarks/calibrate.py RUN STORE [--draws 5]

Writes RUN/calibration.json: a temperature for each size of support set (the mean log loss of an
assay's other molecules is least), a linear expectation of ΔAUPRC from what the support set hints
at, and how often similarity search is better where it is so on left-out support molecules.

What it prints is measured across molecule sets: each set's draws are judged by what was fitted on
the assays of the others. The interval's ends are quantiles of those errors too. If the assays took
part in choosing the model, all of it is a little too good.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from zlib import crc32

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import expit, log_expit
from sklearn.linear_model import LinearRegression

from molmeta import AssayStore, load_model, metrics
from molmeta.chem.features import FEATURES
from molmeta.chem.featurize import Featurized
from molmeta.episodes.draw import DrawError, stratified
from molmeta.evaluation.baselines import SimilaritySearch
from molmeta.meta.calibration import Calibration, Line, prior
from molmeta.meta.run import LoadedModel
from molmeta.meta.scorer import Scorer
from molmeta.predict.hints import hints
from molmeta.predict.known import Known

SIZES, LEVEL = (16, 32, 64, 128), 0.8
NUMBERS = ("left_out_auc", "information", "confidence", "training")


@dataclass(frozen=True)
class Case:
    """A draw: a support set, and scores of the assay's other molecules, (q,)."""

    assay: str
    molecules: int  # which set of molecules the assay has
    size: int
    known: Known
    left_out: NDArray[np.float64]
    scores: NDArray[np.float64]
    labels: NDArray[np.float32]
    similarity: float  # ΔAUPRC of similarity search

    def calibrated(self, temperature: float, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """As `LoadedModel.scale`, at a temperature."""
        middle = prior(self.known.labels) if self.known.model.carries_ratio else 0.0
        return middle + (scores - middle) / temperature


def cases(model: LoadedModel, store: AssayStore, n_draws: int) -> Iterator[Case]:
    """All draws of all assays that can be made, by the model as it is without a calibration."""
    model, scorer = replace(model, calibration=None), Scorer(model.learner, store)
    for assay in map(store.assay, range(len(store))):
        rows = np.flatnonzero(assay.kept & (assay.molecules >= 0))
        molecules, labels = assay.molecules[rows], assay.labels[rows].astype(np.float32)
        name = crc32(np.sort(molecules).tobytes())
        for size in SIZES:
            for seed in range(n_draws):
                try:
                    draw = stratified(labels, size, seed)
                except DrawError:
                    continue
                support, query, y = (
                    molecules[draw.support],
                    molecules[draw.query],
                    labels[draw.query],
                )
                adapted = scorer.adapt(support, labels[draw.support])
                known = Known(model, [""] * size, _read(store, support), labels[draw.support])
                nearest = SimilaritySearch().scores(store, support, labels[draw.support], query)
                yield Case(
                    assay.id,
                    name,
                    size,
                    known,
                    known.left_out(),
                    scorer.score(adapted, query).astype(float),
                    y,
                    metrics.delta_auprc(y, nearest),
                )


def _read(store: AssayStore, molecules: NDArray[np.int64]) -> Featurized:
    return Featurized(
        graphs=store.graphs.select(molecules),
        identities=[str(one) for one in store.identities[molecules]],
        reasons=[""] * len(molecules),
        features={name: store.feature(name)[molecules] for name in FEATURES if store.holds(name)},
    )


def log_loss(labels: NDArray[np.float32], scores: NDArray[np.float64]) -> float:
    return -float(np.where(labels > 0.5, log_expit(scores), log_expit(-scores)).mean())


def fit_temperature(found: list[Case]) -> float:
    """That of the least log loss, each draw weighing the same."""

    def loss(log_temperature: float) -> float:
        heat = float(np.exp(log_temperature))
        return float(np.mean([log_loss(c.labels, c.calibrated(heat, c.scores)) for c in found]))

    return float(np.exp(minimize_scalar(loss, bounds=(-2, 2), method="bounded").x))


def fit_temperatures(found: list[Case]) -> dict[int, float]:
    return {
        size: round(fit_temperature(own), 4)
        for size in SIZES
        if (own := [case for case in found if case.size == size])
    }


def measure(found: list[Case], temperatures: dict[int, float]) -> pd.DataFrame:
    """A row a draw: its numbers, its truth, figures of its probabilities, raw and calibrated."""
    rows = []
    for case in found:
        heat = temperatures[case.size]
        row = {"assay": case.assay, "molecules": case.molecules, "size": case.size}
        for when, scores in (
            ("raw", case.scores),
            ("calibrated", case.calibrated(heat, case.scores)),
        ):
            row |= {
                f"log loss, {when}": log_loss(case.labels, scores),
                f"Brier, {when}": metrics.brier(case.labels, expit(scores)),
                f"ECE, {when}": metrics.calibration_error(case.labels, expit(scores)),
            }
        hinted = hints(case.known, case.calibrated(heat, case.left_out))
        delta = metrics.delta_auprc(case.labels, case.scores)
        row |= asdict(hinted) | {"hinted": hinted.similarity_is_better}
        rows.append(row | {"delta_auprc": delta, "loses": delta < case.similarity})
    return pd.DataFrame(rows)


def fit_line(table: pd.DataFrame) -> LinearRegression:
    return LinearRegression().fit(table[list(NUMBERS)].to_numpy(), table["delta_auprc"])


def across_sets(found: list[Case]) -> pd.DataFrame:
    """`measure` with the expectation beside it, each molecule set's by what the others gave."""
    parts = []
    for own in sorted({case.molecules for case in found}):
        temperatures = fit_temperatures([case for case in found if case.molecules != own])
        parts.append(measure([case for case in found if case.molecules == own], temperatures))
    table = pd.concat(parts, ignore_index=True)
    for own, part in table.groupby("molecules"):
        line = fit_line(table[table["molecules"] != own])
        table.loc[part.index, "expected"] = line.predict(part[list(NUMBERS)].to_numpy())
    return table


def calibrate(
    run: str | Path, store: AssayStore, n_draws: int = 5
) -> tuple[Calibration, pd.DataFrame]:
    """What a run's held-out assays say of it, and the measurements across molecule sets."""
    found = list(cases(load_model(run), store, n_draws))
    judged = across_sets(found)
    line = fit_line(judged)
    errors = (judged["delta_auprc"] - judged["expected"]).quantile(
        [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
    )
    share = judged.groupby("hinted")["loses"].mean()
    fitted = Calibration(
        fitted_on=f"{store.path.name}: {judged['assay'].nunique()} assays, "
        f"{judged['molecules'].nunique()} molecule sets, {len(judged)} draws",
        temperatures=fit_temperatures(found),
        delta_auprc=Line(
            intercept=round(float(line.intercept_), 4),
            weights={k: round(float(v), 4) for k, v in zip(NUMBERS, line.coef_, strict=True)},
            low=round(float(errors.iloc[0]), 4),
            high=round(float(errors.iloc[1]), 4),
            level=LEVEL,
        ),
        loses={
            "hinted": round(float(share.get(True, 0.5)), 3),
            "otherwise": round(float(share.get(False, 0.5)), 3),
        },
    )
    return fitted, judged


def report(fitted: Calibration, judged: pd.DataFrame) -> None:
    print(f"{fitted.fitted_on}\n\ntemperatures: {fitted.temperatures}\n")
    figures = [name for name in judged if ", " in str(name)]
    print(judged.groupby(["size", "assay"])[figures].mean().groupby("size").mean().round(4).T)
    within = judged["delta_auprc"] - judged["expected"]
    inside = within.between(fitted.delta_auprc.low, fitted.delta_auprc.high)
    groups = {"all": judged, **{str(size): one for size, one in judged.groupby("size")}}
    print("\nexpected ΔAUPRC: correlation with the truth (Pearson, Spearman), mean error, inside")
    for name, own in groups.items():
        truth, expected = own["delta_auprc"], own["expected"]
        print(
            f"{name:>4} {truth.corr(expected):.2f} {truth.corr(expected, 'spearman'):.2f} "
            f"{(truth - expected).abs().mean():.3f} {inside[own.index].mean():.2f}"
        )
    hinted, loses = judged["hinted"], judged["loses"]
    print(
        f"\nsimilarity search is better in {loses.mean():.1%} of draws; hinted at in "
        f"{hinted.mean():.1%}, and then it is in {loses[hinted].mean():.1%}, "
        f"else in {loses[~hinted].mean():.1%}; {hinted[loses].mean():.0%} of its wins are hinted at"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("store", type=Path)
    parser.add_argument("--draws", type=int, default=5)
    given = parser.parse_args()
    fitted, judged = calibrate(given.run, AssayStore.open(given.store), given.draws)
    report(fitted, judged)
    fitted.save(given.run)


if __name__ == "__main__":
    main()
