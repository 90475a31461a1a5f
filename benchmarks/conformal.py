"""How often conformal sets miss the true class on held-out assays, against the rate asked for.

    python benchmarks/conformal.py STORE [--model M] [--draws 3]

For each assay and draw a classifier learns from a stratified support set; of the other molecules
(up to 200, drawn evenly) it is counted how many lack their own class, how many get one class alone,
and how calibrated the probabilities are. Every figure is a mean over assays.
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd
from scipy.special import expit

from molmeta import AssayStore, FewShotClassifier, load_model
from molmeta.episodes.draw import DrawError, stratified
from molmeta.errors import InputError
from molmeta.meta.run import LoadedModel
from molmeta.metrics import calibration_error

SIZES, RATES, N_QUERY = (16, 32, 64), (0.3, 0.2, 0.1, 0.05), 200


def measure(
    model: LoadedModel, smiles: list[str], labels: np.ndarray, size: int, seed: int
) -> list[dict[str, float]]:
    """One draw: a record for each rate that the support set can bear."""
    draw = stratified(labels, size, seed)
    fitted = FewShotClassifier(model).fit([smiles[i] for i in draw.support], labels[draw.support])
    query = np.random.default_rng(seed).permutation(draw.query)[:N_QUERY]
    scores = fitted.decision_function([smiles[i] for i in query])
    truth = labels[query].astype(int)
    records = []
    for rate in RATES:
        try:
            sets = fitted.set_of_scores(scores, rate)
        except InputError:
            continue
        missed = ~sets[np.arange(len(query)), truth]
        records.append(
            {
                "size": size,
                "rate": rate,
                "missed_active": missed[truth == 1].mean() if (truth == 1).any() else np.nan,
                "missed_inactive": missed[truth == 0].mean() if (truth == 0).any() else np.nan,
                "one_class": (sets.sum(1) == 1).mean(),
                "calibration_error": calibration_error(truth, expit(scores)),
            }
        )
    return records


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("store")
    parser.add_argument("--model", default="default")
    parser.add_argument("--draws", type=int, default=3)
    given = parser.parse_args()
    store, model, records = AssayStore.open(given.store), load_model(given.model), []
    for assay in map(store.assay, range(len(store))):
        rows = np.flatnonzero(assay.kept & (assay.molecules >= 0))
        smiles = [store.smiles[i] for i in assay.molecules[rows]]
        for size in SIZES:
            for seed in range(given.draws):
                try:
                    found = measure(model, smiles, assay.labels[rows], size, seed)
                except DrawError:
                    continue
                records += [{"assay": assay.id, **record} for record in found]
    table = pd.DataFrame(records).groupby(["size", "rate", "assay"]).mean()
    means = table.groupby(["size", "rate"]).mean().round(3)
    means.insert(0, "assays", table.groupby(["size", "rate"]).size())
    print(means.to_string())


if __name__ == "__main__":
    main()
