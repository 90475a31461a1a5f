"""The score by which a checkpoint is chosen: ΔAUPRC on validation assays, FS-Mol's draws."""

import math

import numpy as np
import torch
from numpy.typing import NDArray

from molmeta.assays.store import Assay, AssayStore
from molmeta.episodes.draw import DrawError, stratified
from molmeta.errors import InputError
from molmeta.learning.learner import Learner
from molmeta.learning.scorer import Scorer
from molmeta.metrics import delta_auprc
from molmeta.runs.settings import Training
from molmeta.training.parallel import Workers


class Validation:
    """Scores learners on validation assays; one process of several does it for all.

    Args:
        store: Validation assays; None: every score is NaN.
        settings: The draws that are made.

    Raises:
        InputError: If for one of the support sizes no assay is large enough.
    """

    def __init__(self, store: AssayStore | None, settings: Training) -> None:
        self.store = store
        self._sizes, self._n_draws = settings.valid_support_sizes, settings.valid_draws
        if store is None:
            return
        for size in self._sizes:
            if not any(_can_draw(assay, size) for assay in store):
                raise InputError.of(
                    f"validation at support size {size}",
                    got=f"{len(store)} assays, none of which can be drawn from",
                    expected="an assay with more molecules than that, of both classes",
                    fix="Set training.valid_support_sizes lower.",
                )

    def score(self, learner: Learner, workers: Workers) -> float:
        """Score a learner in evaluation mode, and tell all processes."""
        if self.store is None:
            return math.nan
        score = self._average(learner) if workers.leads else 0.0
        return float(workers.sum(torch.tensor([score], dtype=torch.float64)))

    def _average(self, learner: Learner) -> float:
        """Average ΔAUPRC over draws, then assays, then support sizes; NaN without any draw.

        Rows that do not parse or have no label are left out.
        """
        assert self.store is not None
        scorer = Scorer(learner, self.store)
        by_size = [
            [
                np.mean(scores)
                for assay in self.store
                if (scores := _assay_scores(scorer, assay, size, self._n_draws))
            ]
            for size in self._sizes
        ]
        return float(np.mean([np.mean(scores) if scores else np.nan for scores in by_size]))


def _assay_scores(scorer: Scorer, assay: Assay, size: int, n_draws: int) -> list[float]:
    """Compute ΔAUPRC of each draw that can be made."""
    molecules, labels = _usable(assay)
    scores = []
    for seed in range(n_draws):
        try:
            draw = stratified(labels, size, seed)
        except DrawError:
            continue
        adapted = scorer.adapt(molecules[draw.support], labels[draw.support])
        score = scorer.score(adapted, molecules[draw.query])
        # A diverged model's scores rank nothing, which is worth 0.
        scores.append(delta_auprc(labels[draw.query], np.nan_to_num(score)))
    return scores


def _can_draw(assay: Assay, size: int) -> bool:
    try:
        stratified(_usable(assay)[1], size, seed=0)
    except DrawError:
        return False
    return True


def _usable(assay: Assay) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Select the molecules and labels of the rows that parse and are labelled."""
    usable = (assay.molecules >= 0) & ~np.isnan(assay.labels)
    return assay.molecules[usable], assay.labels[usable]
