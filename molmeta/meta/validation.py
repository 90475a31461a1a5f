"""The score by which a checkpoint is chosen: ΔAUPRC on validation assays, FS-Mol's draws."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from molmeta.assays.store import AssayStore
from molmeta.episodes.draw import DrawError, stratified
from molmeta.meta.learner import Learner
from molmeta.meta.scorer import Scorer
from molmeta.metrics import delta_auprc


def validation_score(
    learner: Learner, store: AssayStore, support_sizes: Sequence[int], n_draws: int
) -> float:
    """Mean ΔAUPRC over draws, then assays, then support sizes; NaN if no draw can be made.

    Args:
        learner: In evaluation mode.
        store: Validation assays; rows that do not parse or have no label are left out.
        support_sizes: Sizes of the support set.
        n_draws: Draws an assay and size, seeds 0, 1, …
    """
    scorer = Scorer(learner, store.graphs)
    by_size = [
        [
            np.mean(scores)
            for number in range(len(store))
            if (scores := _assay_scores(scorer, store, number, size, n_draws))
        ]
        for size in support_sizes
    ]
    return float(np.mean([np.mean(scores) if scores else np.nan for scores in by_size]))


def _assay_scores(
    scorer: Scorer, store: AssayStore, number: int, size: int, n_draws: int
) -> list[float]:
    """ΔAUPRC of each draw that can be made."""
    assay = store.assay(number)
    usable = (assay.molecules >= 0) & ~np.isnan(assay.labels)
    molecules, labels = assay.molecules[usable], assay.labels[usable]
    scores = []
    for seed in range(n_draws):
        try:
            draw = stratified(labels, size, seed)
        except DrawError:
            continue
        adapted = scorer.adapt(molecules[draw.support], labels[draw.support])
        score = scorer.score(adapted, molecules[draw.query])
        scores.append(delta_auprc(labels[draw.query], score))
    return scores
