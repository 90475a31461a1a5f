"""How often conformal sets miss the true class on held-out assays, against the rate asked for.

    python benchmarks/conformal.py STORE [--model M] [--draws 3]

For each assay and draw a classifier learns from a stratified support set; of the assay's other
molecules it is counted how many lack their own class, and how many get one class alone. Every
figure is a mean over assays.
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd

from molmeta import AssayStore, load_model
from molmeta.errors import InputError
from molmeta.predict.conformal import check_error_rate, p_values
from molmeta.runs.settings import Calibrating
from molmeta.training.held_out_draws import ScoredDraw, score_draws

RATES = (0.3, 0.2, 0.1, 0.05)


def measure(case: ScoredDraw) -> list[dict[str, float | str]]:
    """One draw: a record for each rate that the support set can bear."""
    known, truth, records = case.known.labels, case.labels.astype(int), []
    values = p_values(case.left_out, known, case.scores)
    for rate in RATES:
        try:
            check_error_rate(rate, case.left_out, known)
        except InputError:
            continue
        sets = values > rate
        missed = ~sets[np.arange(len(truth)), truth]
        records.append(
            {
                "assay": case.assay,
                "size": case.size,
                "rate": rate,
                "missed_active": missed[truth == 1].mean(),
                "missed_inactive": missed[truth == 0].mean(),
                "one_class": (sets.sum(1) == 1).mean(),
            }
        )
    return records


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("store")
    parser.add_argument("--model", default="default")
    parser.add_argument("--draws", type=int, default=3)
    given = parser.parse_args()
    sizes, store = Calibrating().support_sizes, AssayStore.open(given.store)
    found = score_draws(load_model(given.model), store, sizes, given.draws)
    records = [record for case in found for record in measure(case)]
    table = pd.DataFrame(records).groupby(["size", "rate", "assay"]).mean()
    means = table.groupby(["size", "rate"]).mean().round(3)
    means.insert(0, "assays", table.groupby(["size", "rate"]).size())
    print(means.to_string())


if __name__ == "__main__":
    main()
