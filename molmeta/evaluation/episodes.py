"""The unit of an evaluation: every draw of one assay at one support size, scored by methods.

A unit is a plain record, so that it can be kept as JSON and cross process borders.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from molmeta.assays.graded import grade
from molmeta.assays.store import Assay, AssayStore
from molmeta.episodes.draw import Draw, DrawError
from molmeta.errors import MolmetaError
from molmeta.evaluation.measure import as_probabilities, measure, neutral_score
from molmeta.evaluation.protocol import Floats, Ints, Labels, Method, Task, find_protocol
from molmeta.metrics import calibration_bins

Record = dict[str, Any]

# An example shows at most so many molecules.
_N_SUPPORT_SHOWN, _N_TOP_SHOWN, _N_VALUES_SHOWN = 16, 8, 200


@dataclass(frozen=True)
class Plan:
    """The settings that all units of an evaluation share.

    Attributes:
        protocol: Its name.
        n_draws: Draws an assay and support size, seeds 0, 1, …
        task: What is predicted.
        use_values: Grade the support sets' labels by their values.
    """

    protocol: str
    n_draws: int
    task: Task
    use_values: bool = False


@dataclass(frozen=True)
class _Episode:
    """A draw ready for methods: rows of the assay, and which of them have a molecule."""

    seed: int
    draw: Draw
    molecules: Ints
    targets: Labels
    values: Labels | None = None

    @property
    def support(self) -> Ints:
        """Rows of the support set that parse."""
        return self.draw.support[self.molecules[self.draw.support] >= 0]

    @property
    def given(self) -> Labels:
        """The labels or values of the support set, shape (s,), graded where `values` are."""
        targets = self.targets[self.support]
        return targets if self.values is None else grade(targets, self.values[self.support])

    @property
    def parsed(self) -> NDArray[np.bool_]:
        """The queries that parse, as a mask, shape (q,)."""
        return self.molecules[self.draw.query] >= 0


def evaluate_assay(
    methods: Sequence[Method], store: AssayStore, assay_id: str, size: int, plan: Plan
) -> dict[str, Record]:
    """Every draw of one assay at one support size, scored by each method.

    Returns:
        By method name a record of `rows` (one a draw), `skipped` (seed and reason of each draw
        that cannot be made), `calibration` (summed bins, or None) and `example` (the first
        draw's molecules, or None).
    """
    assay = store.assay(assay_id)
    targets = assay.labels if plan.task == "classification" else assay.values
    values = assay.exact_values if plan.use_values else None
    episodes, skipped = [], []
    for seed in range(plan.n_draws):
        try:
            draw = find_protocol(plan.protocol)(store, assay, plan.task, size, seed)
            episode = _Episode(seed, draw, assay.molecules, targets, values)
            _check_support(assay, episode)
        except DrawError as error:
            skipped.append({"seed": seed, "reason": error.reason})
        else:
            episodes.append(episode)
    return {
        method.name: {"skipped": skipped, **_evaluate_method(method, store, assay, episodes)}
        for method in methods
    }


def _evaluate_method(
    method: Method, store: AssayStore, assay: Assay, episodes: Sequence[_Episode]
) -> Record:
    rows, bins, example = [], None, None
    for episode in episodes:
        scores, spread = _scores(method, store, episode)
        labels = episode.targets[episode.draw.query].astype(np.float64)
        support = episode.targets[episode.draw.support].astype(np.float64)
        measured = measure(labels, scores, method.scale, support, spread)
        rows.append(_describe(assay, episode) | measured)
        probabilities = as_probabilities(scores, method.scale)
        if probabilities is not None:
            new = calibration_bins(labels, probabilities)
            bins = new if bins is None else bins + new
        if example is None:
            example = _example(store, episode, scores)
            if method.scale == "value":
                pairs = np.column_stack([labels, scores])[episode.parsed]
                example["values"] = pairs[:_N_VALUES_SHOWN].tolist()
    return {
        "rows": rows,
        "calibration": None if bins is None else bins.tolist(),
        "example": example,
    }


def _scores(method: Method, store: AssayStore, episode: _Episode) -> tuple[Floats, Floats]:
    """The method's scores of every query, and how values spread; the query labels stay here.

    Raises:
        MolmetaError: If the method does not give one finite score a query.
    """
    support, parsed = episode.support, episode.parsed
    queries = episode.molecules[episode.draw.query[parsed]]
    given = np.asarray(
        method.scores(store, episode.molecules[support], episode.given, queries), dtype=np.float64
    )
    around = None
    if method.scale == "value" and given.shape == (len(queries), 3):
        given, around = given[:, 0], given[:, 1:]
    if given.shape != queries.shape or not np.isfinite(given).all():
        n_bad = int((~np.isfinite(given)).sum())
        raise MolmetaError(
            f"method {method.name!r} gave scores of shape {given.shape}, {n_bad} of them not "
            f"finite; expected {len(queries)} finite scores."
        )
    scores = np.empty(len(parsed))
    scores[parsed] = given
    known = episode.targets[support].astype(np.float64)
    scores[~parsed] = neutral_score(given, method.scale, known)
    spread = np.full((len(parsed), 2), np.nan)
    spread[parsed] = np.nan if around is None else around
    return scores, spread


def _check_support(assay: Assay, episode: _Episode) -> None:
    """A support set may lose a class to molecules that do not parse."""
    labels = assay.labels[episode.support] >= 0.5
    if labels.all() or not labels.any():
        raise DrawError("the support set has a single class without what does not parse")


def _describe(assay: Assay, episode: _Episode) -> Record:
    draw = episode.draw
    return {
        "seed": episode.seed,
        "n_support": len(episode.support),
        "n_query": len(draw.query),
        "n_rejected": int((assay.molecules[np.r_[draw.support, draw.query]] < 0).sum()),
        "positive_query": float(assay.labels[draw.query].mean(dtype=np.float64)),
        "positive_support": float(assay.labels[draw.support].mean(dtype=np.float64)),
        "draw": hashlib.sha256(assay.rows[draw.support].astype("<i8").tobytes()).hexdigest()[:12],
    }


def _example(store: AssayStore, episode: _Episode, scores: Floats) -> Record:
    """The molecules of one draw for the report: some of the support set, the best queries."""
    shown = episode.support[:_N_SUPPORT_SHOWN]
    parsed = np.flatnonzero(episode.parsed)
    best = parsed[np.argsort(-scores[parsed], kind="stable")[:_N_TOP_SHOWN]]
    query = episode.draw.query[best]
    return {
        "support": [
            [store.smiles[episode.molecules[row]], float(episode.targets[row])] for row in shown
        ],
        "top": [
            [store.smiles[episode.molecules[row]], float(episode.targets[row]), float(score)]
            for row, score in zip(query, scores[best], strict=True)
        ],
    }
