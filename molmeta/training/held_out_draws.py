"""Draws of held-out assays, scored by a model as it is without a calibration."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from molmeta import metrics
from molmeta.assays.store import AssayStore
from molmeta.chem.features import chosen
from molmeta.chem.featurize import Featurized
from molmeta.chem.fingerprint import tanimoto
from molmeta.episodes.draw import Draw, DrawError, stratified
from molmeta.learning.scorer import Scorer
from molmeta.predict.adapted_assay import AdaptedAssay
from molmeta.runs.calibration import prior
from molmeta.runs.model import Model


@dataclass(frozen=True)
class ScoredDraw:
    """A support set of an assay, and scores of the assay's other molecules.

    Attributes:
        assay: The assay's id.
        molecules: A number of its set of molecules, the same for assays that share it.
        size: Molecules of the support set.
        known: The support set, and the model adapted to it.
        left_out: Scores of its molecules, each left out, (size,).
        scores: Log-odds of the other molecules, not calibrated, (q,).
        labels: Of the other molecules, (q,).
        similarity: ΔAUPRC of similarity search on them.
    """

    assay: str
    molecules: int
    size: int
    known: AdaptedAssay
    left_out: NDArray[np.float64]
    scores: NDArray[np.float64]
    labels: NDArray[np.float32]
    similarity: float

    def calibrated(self, temperature: float, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Calibrate log-odds as `Model.calibrate` does, at this temperature."""
        middle = prior(self.known.labels) if self.known.model.carries_ratio else 0.0
        return middle + (scores - middle) / temperature


def score_draws(
    model: Model, store: AssayStore, sizes: Sequence[int], n_draws: int
) -> Iterator[ScoredDraw]:
    """Score all draws that can be made, assay by assay.

    Args:
        model: Scores without its calibration, if it has one.
        store: Assays that the model was not trained on.
        sizes: Sizes of the support set.
        n_draws: Draws an assay and size, seeds 0, 1, …
    """
    model, scorer = replace(model, calibration=None), Scorer(model.learner, store)
    for assay in store:
        molecules, labels = assay.molecules[assay.kept], assay.labels[assay.kept]
        number = crc32(np.sort(molecules).tobytes())
        for size in sizes:
            for seed in range(n_draws):
                try:
                    draw = stratified(labels, size, seed)
                except DrawError:
                    continue
                yield _score(model, scorer, store, assay.id, number, draw, molecules, labels)


def _score(
    model: Model,
    scorer: Scorer,
    store: AssayStore,
    assay_id: str,
    number: int,
    draw: Draw,
    molecules: NDArray[np.int64],
    labels: NDArray[np.float32],
) -> ScoredDraw:
    support, given = molecules[draw.support], labels[draw.support]
    query, truth = molecules[draw.query], labels[draw.query]
    features = _features(model, store, support)
    known = AdaptedAssay(model, [""] * len(support), features, given)
    similarity = tanimoto(store.fingerprints[query], store.fingerprints[support])
    active, inactive = similarity[:, given > 0.5], similarity[:, given <= 0.5]
    return ScoredDraw(
        assay_id,
        number,
        len(support),
        known,
        known.left_out(),
        scorer.score(scorer.adapt(support, given), query).astype(float),
        truth,
        metrics.delta_auprc(truth, active.max(1) - inactive.max(1)),
    )


def _features(model: Model, store: AssayStore, molecules: NDArray[np.int64]) -> Featurized:
    """Give what the model, and `AdaptedAssay`, read of a store's molecules."""
    wanted = chosen(model.learner.encoder.reads | {"fingerprints"})
    return Featurized(
        graphs=store.graphs.select(molecules),
        identities=[str(one) for one in store.identities[molecules]],
        reasons=[""] * len(molecules),
        features={one.name: store.feature(one.name)[molecules] for one in wanted},
    )
