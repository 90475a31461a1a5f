"""Regret: what the best of the simple methods is ahead of a model, far from home and on bad sets.

    python benchmarks/regret.py [--folds STORE]… [--data ../shared/data] [--draws 3] [-m default]

Regret is the best mean ΔAUPRC of similarity search (hard and soft), a Tanimoto Gaussian process and
a random forest on the same draws, minus the model's; below zero where the model is the best. Rows:
the bundled drug mechanisms (4 + 4 labels), SIDER, Tox21, MUV and each ninth assay of ToxCast (5 + 5
and 10 + 10; molecules are sampled), and of each STORE, such as FS-Mol's validation fold, 8 + 8 and
two kinds of bad support sets: eight most alike actives with eight random inactives, and 2 actives
with 14 inactives.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score

from molmeta.assays import AssayStore, drug_mechanisms, load_assays
from molmeta.chem.fingerprint import tanimoto
from molmeta.evaluation import make_baselines
from molmeta.evaluation.learners import model_methods
from molmeta.evaluation.protocol import Method

SIMPLE = ("simsearch", "simsearch-soft", "gp", "rf")
MOST_QUERIES, MOST_ROWS, EACH_OF_TOXCAST = 1_000, 4_000, 9
Rows = NDArray[np.int64]
Draw = Callable[[AssayStore, Rows, NDArray[np.float32], np.random.Generator], Rows]


def of_each(n_active: int, n_inactive: int) -> Draw:
    """Draw so many of each class."""

    def draw(
        store: AssayStore, molecules: Rows, labels: NDArray[np.float32], chance: np.random.Generator
    ) -> Rows:
        active, inactive = np.flatnonzero(labels > 0.5), np.flatnonzero(labels < 0.5)
        chosen = (
            chance.choice(active, n_active, replace=False),
            chance.choice(inactive, n_inactive, replace=False),
        )
        return np.concatenate(chosen)

    return draw


def look_alikes(
    store: AssayStore, molecules: Rows, labels: NDArray[np.float32], chance: np.random.Generator
) -> Rows:
    """Draw eight actives that are most like one of them, and eight inactives."""
    active, inactive = np.flatnonzero(labels > 0.5), np.flatnonzero(labels < 0.5)
    counts = store.feature("fingerprints")[molecules]
    likeness = np.asarray(tanimoto(counts[active], counts[[chance.choice(active)]])).ravel()
    return np.concatenate(
        [active[np.argsort(-likeness)[:8]], chance.choice(inactive, 8, replace=False)]
    )


def settings(data: Path, stores: list[Path]) -> Iterator[tuple[str, AssayStore, Draw]]:
    """Give each row's name, assays and draw."""
    folds = [drug_mechanisms(fold) for fold in ("train", "valid", "test")]
    yield "drug mechanisms, 4 + 4", AssayStore.from_frame(pd.concat(folds)), of_each(4, 4)
    for name in ("sider", "tox21", "muv", "toxcast"):
        file = data / "moleculenet" / f"{name}.csv.gz"
        if not file.exists():
            continue
        frame = pd.read_csv(file, dtype=str, keep_default_na=False)
        if name == "toxcast":
            frame = frame[["smiles", *frame.columns.drop("smiles")[::EACH_OF_TOXCAST]]]
        if len(frame) > MOST_ROWS:  # what is active in any assay, and some others
            is_active = (frame == "1").any(axis=1) | (frame == "1.0").any(axis=1)
            others = frame[~is_active]
            others = others.sample(min(MOST_ROWS, len(others)), random_state=0)
            frame = pd.concat([frame[is_active].head(MOST_ROWS), others])
        path = Path(f"{name}.sampled.csv")
        frame.to_csv(path, index=False)
        store = load_assays(path)
        path.unlink()
        for n in (5, 10):
            yield f"{name}, {n} + {n}", store, of_each(n, n)
    for path in stores:
        store = AssayStore.open(path)
        yield f"{path.name}, 8 + 8", store, of_each(8, 8)
        yield f"{path.name}, look-alike actives", store, look_alikes
        yield f"{path.name}, 2 + 14", store, of_each(2, 14)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--folds", type=Path, action="append", default=[])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("-m", "--model", action="append")
    given = parser.parse_args()
    models = model_methods(given.model or ["default"])
    methods: list[Method] = [*models, *make_baselines(SIMPLE)]
    print("| | assays |", " | ".join(m.name for m in methods), "|", end=" ")
    print(" | ".join(f"regret of {m.name}" for m in models), "|")
    print("|---" * (2 + len(methods) + len(models)) + "|")
    for name, store, draw in settings(given.data, given.folds):
        found: dict[str, list[float]] = {m.name: [] for m in methods}
        n_assays = 0
        for assay in store:
            kept = np.flatnonzero(assay.kept)
            molecules, labels = assay.molecules[kept], assay.labels[kept]
            if min(labels.sum(), (1 - labels).sum()) < 12:
                continue
            n_assays += 1
            for seed in range(given.draws):
                chance = np.random.default_rng(seed)
                support = draw(store, molecules, labels, chance)
                query = chance.permutation(np.setdiff1d(np.arange(len(labels)), support))
                query = query[:MOST_QUERIES]
                if len(set(labels[query].tolist())) < 2:
                    continue
                for method in methods:
                    scores = method.scores(
                        store, molecules[support], labels[support], molecules[query]
                    )
                    gain = average_precision_score(labels[query], scores) - labels[query].mean()
                    found[method.name].append(float(gain))
        means = {method: float(np.mean(gains)) for method, gains in found.items()}
        best = max(means[simple] for simple in means if simple not in {m.name for m in models})
        figures = [f"{mean:.3f}" for mean in means.values()]
        regrets = [f"{best - means[m.name]:+.3f}" for m in models]
        print(f"| {name} | {n_assays} |", " | ".join([*figures, *regrets]), "|", flush=True)


if __name__ == "__main__":
    main()
