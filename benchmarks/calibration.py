"""Calibrate a run on assays that it has not been trained on, and print what that is worth.

    python benchmarks/calibrate.py RUN STORE [--draws 5]

Writes RUN/calibration.json (`molmeta.training.calibrate`). What it prints is measured across
molecule sets: each set's draws are judged by what was fitted on the assays of the others.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

from molmeta import AssayStore, load_model
from molmeta.runs.calibration import Calibration
from molmeta.runs.settings import Calibrating
from molmeta.training.calibrate import calibrate


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
    store = AssayStore.open(given.store)
    fitted, judged = calibrate(load_model(given.run), store, Calibrating(draws=given.draws))
    report(fitted, judged)
    fitted.save(given.run)


if __name__ == "__main__":
    main()
