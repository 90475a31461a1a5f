"""A new assay: its labelled molecules, and a model adapted to them."""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Literal

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from molmeta.assays.graded import grade
from molmeta.chem.featurize import Featurized
from molmeta.chem.fingerprint import tanimoto
from molmeta.errors import RejectedWarning
from molmeta.learning.adapted import Adapted
from molmeta.learning.scorer import Scorer
from molmeta.predict.panel import Panel, finite
from molmeta.predict.value_posterior import ValuePosterior
from molmeta.runs.model import Model

Floats = NDArray[np.float64]

FOLDS = 64
"""Up to so many molecules are left out one by one; more are left out in so many parts."""

_LEAST_VALUES = 8

AT_ONCE = 1 << 24
"""Numbers in the views of the support set that are scored at once, s² each: 64 MB in float32."""


def warn_of_rejected(reasons: Sequence[str], becomes: str, level: int = 2) -> None:
    """Warn where molecules do not parse: how many, which is the first, and why.

    Args:
        reasons: Of n molecules, "" where one parses.
        becomes: What becomes of those that do not.
        level: How many calls up the user's line is.
    """
    bad = [place for place, reason in enumerate(reasons) if reason]
    if bad:
        message = (
            f"{len(bad)} of {len(reasons)} molecules do not parse and {becomes}; "
            f"the first at position {bad[0]}: {reasons[bad[0]]}"
        )
        warnings.warn(message, RejectedWarning, stacklevel=level + 1)


@dataclass(frozen=True)
class AdaptedAssay:
    """A support set of s molecules that parse, and a model adapted to it: a panel of one.

    Attributes:
        model: The model.
        smiles: As given, s of them.
        features: What was read of them, with fingerprints and identities.
        labels: What the model adapts to: 1 active, 0 inactive, or values if it is a model of
            continuous labels, shape (s,).
        steps: Inner steps instead of the model's own number.
        values: Exact measured values that the labels are graded by, NaN where there is none,
            shape (s,); None: the labels stay as they are.
        bounds: Where a value is no more than a bound, that bound: of an active molecule on the
            side of the active ones, of an inactive one on the other. NaN elsewhere, shape (s,).
    """

    model: Model
    smiles: list[str]
    features: Featurized
    labels: NDArray[np.float32]
    steps: int | None = None
    values: NDArray[np.float32] | None = None
    bounds: NDArray[np.float32] | None = None

    @cached_property
    def adapted(self) -> Adapted:
        """The model adapted to all of them."""
        return self._adapt(np.arange(len(self.smiles)))

    @cached_property
    def posterior(self) -> ValuePosterior | None:
        """Posterior of the values; None where fewer than 8, or half, are exact, or all are alike.

        None too where the model's head has no covariance.
        """
        if self.values is None or not self.model.learner.matcher.has_covariance:
            return None
        if (~np.isnan(self.values)).sum() < max(_LEAST_VALUES, len(self.values) / 2):
            return None
        return self._learn_values(self.values, np.arange(len(self.values)))

    def left_out_values(self) -> Floats:
        """Predict each exact value by the model adapted to the others, (s,); NaN where none is.

        NaN everywhere where there is no `posterior`.
        """
        found = np.full(len(self.smiles), np.nan)
        if self.values is None or self.posterior is None:
            return found
        for part, rest in self._parts():
            if (posterior := self._learn_values(self.values, rest)) is not None:
                found[part] = posterior.predict(self._scorer, part).mean
        return np.where(np.isnan(self.values), np.nan, found)

    def _learn_values(
        self, exact_values: NDArray[np.float32], chosen: NDArray[np.int64]
    ) -> ValuePosterior | None:
        """Learn from the values and bounds of the chosen ones; None where all values are alike."""
        exact = ~np.isnan(exact_values)
        some = exact_values[chosen][exact[chosen]]
        if not len(some) or not np.ptp(some):
            return None
        found = exact_values if self.bounds is None else np.where(exact, exact_values, self.bounds)
        known = chosen[~np.isnan(found[chosen])]
        values, active = found[known].astype(np.float64), self.labels[known] > 0.5
        above = values > np.median(values)
        apart = active.any() and not active.all()
        rising = values[active].mean() > values[~active].mean() if apart else True
        sides = np.where(exact[known], 0, np.where(active == rising, 1, -1)).astype(np.int8)
        adapted = self._scorer.adapt(known, above.astype(np.float32), steps=self.steps)
        return ValuePosterior.learn(adapted, values, sides)

    @cached_property
    def panel(self) -> Panel:
        """The panel of this assay alone, which scores molecules."""
        return Panel(self.model, [self.adapted])

    def weights(self, give: Literal["attention", "contributions"], features: Featurized) -> Floats:
        """Compute each support molecule's weight for n rows, (n, s); see `Adapted.weights`.

        Raises:
            InputError: If the model's head does not say.
        """
        weights = np.full((len(features), len(self.smiles)), np.nan)
        rows = np.flatnonzero(features.parsed)
        if len(rows):
            scorer = Scorer(self.model.learner, features)
            weights[rows] = finite(scorer.apply(partial(self.adapted.weights, give), rows))
        return weights

    @cached_property
    def nearest_training(self) -> Floats | None:
        """Similarity of each with the nearest training molecule, (s,); None if none is held."""
        domain = self.model.domain
        return None if domain is None else domain.nearest(self.features.fingerprints)

    def similarity(self, features: Featurized) -> Floats:
        """Tanimoto similarity of ECFP counts with each support molecule, shape (n, s)."""
        return tanimoto(features.fingerprints, self.features.fingerprints)

    def left_out(self, values: Floats | None = None) -> Floats:
        """Each support molecule predicted by the model adapted to the others, shape (s,).

        Nothing that saw a molecule's label takes part. Scores of a model whose prior is the ratio
        of classes get the ratio of the whole support set: without an active one the rest would
        speak for inactive, and the active molecules would come last for that reason alone. NaN
        where no other molecule of the class is left.

        Args:
            values: Continuous labels, shape (s,), to be predicted instead.
        """
        if values is not None:
            found = np.full(len(self.smiles), np.nan)
            for part, rest in self._parts():
                posterior = ValuePosterior.learn(self._adapt(rest), values[rest])
                found[part] = posterior.predict(self._scorer, part).mean
            return found
        n_steps = self.model.learner.inner.steps if self.steps is None else self.steps
        # Grades, as steps, change with the molecules that are left out: each part adapts anew.
        if n_steps or self.values is not None:
            scores = np.empty(len(self.smiles), np.float32)
            for part, rest in self._parts():
                scores[part] = self._raw_panel(rest).score_rows(self._scorer, part)[:, 0]
        else:
            scores = self._left_out_at_once()
        for part, rest in self._parts():
            scores[part] += self._shift(rest)
            scores[part[~np.isin(self.labels[part], self.labels[rest])]] = np.nan
        return self.model.calibrate(scores, self.labels).astype(np.float64)

    @torch.no_grad()
    def _left_out_at_once(self) -> NDArray[np.float32]:
        """Score without inner steps, in few passes in which no molecule sees its own part."""
        adapted, parts = self.adapted, [part for part, _ in self._parts()]
        support, given = adapted.support, (adapted.parameters, adapted.support, adapted.labels)
        n_views = max(1, AT_ONCE // len(self.smiles) ** 2)
        scores = []
        for start in range(0, len(parts), n_views):
            block = parts[start : start + n_views]
            visible = torch.ones((sum(map(len, block)), len(self.smiles)), dtype=torch.bool)
            for part in block:
                visible[np.ix_(part - block[0][0], part)] = False
            query = support[torch.from_numpy(np.concatenate(block))]
            scores.append(self.model.learner.scores(*given, query, visible.to(support.device)))
        found: NDArray[np.float32] = torch.cat(scores).cpu().numpy()
        return found

    def standard_errors(self, features: Featurized) -> Floats:
        """Compute how far n scores hang on single support molecules, in log-odds, (n,).

        The jackknife's standard error, √((g − 1) / g · Σ (sᵢ − s̄)²), from the scores without each
        of the g molecules or parts (Efron and Stein 1981, https://doi.org/10.1214/aos/1176345462).
        It takes g adaptations. NaN where a row does not parse.
        """
        rests = [rest for _, rest in self._parts()]
        raw = self._raw_panel(*rests).score(features)
        shifts = np.array([self._shift(rest) for rest in rests])
        scores = self.model.calibrate(raw + shifts, self.labels)
        spread: Floats = np.sqrt((len(rests) - 1) * scores.var(axis=1))
        return spread

    def applicability(self, features: Featurized) -> pd.DataFrame:
        """Compare n rows with the support set and the training molecules.

        Returns:
            Columns `nearest_support`, a SMILES, with `nearest_similarity`; `nearest_training`,
            the similarity with a training molecule, and whether that or the former is as near as
            training molecules are to each other, `in_domain` (True, False, or NA where the model
            holds no training molecules). Blank where a row does not parse.
        """
        fine, similarity = features.parsed, self.similarity(features)
        support, nearest = similarity.argmax(1), similarity.max(1)
        domain, inside = self.model.domain, pd.array([pd.NA] * len(features), dtype="boolean")
        training = np.full(len(features), np.nan)
        if domain is not None:
            training = domain.nearest(features.fingerprints)
            inside[fine] = np.maximum(training, nearest)[fine] >= domain.threshold
        names = np.asarray(self.smiles, dtype=object)[support]
        return pd.DataFrame(
            {
                "nearest_support": np.where(fine, names, ""),
                "nearest_similarity": np.where(fine, nearest, np.nan),
                "nearest_training": np.where(fine, training, np.nan),
                "in_domain": inside,
            }
        )

    def _parts(self) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Each part of the support set that is left out, and the rest."""
        numbers = np.arange(len(self.smiles))
        for part in np.array_split(numbers, min(len(numbers), FOLDS)):
            yield part, np.setdiff1d(numbers, part)

    def _shift(self, rest: NDArray[np.int64]) -> float:
        """Compute the shift that gives scores from a part of the support set the prior of all."""
        return self.model.prior(self.labels) - self.model.prior(self.labels[rest])

    def _raw_panel(self, *chosen: NDArray[np.int64]) -> Panel:
        """Adapt to parts of the support set, for scores that are not calibrated."""
        return Panel(replace(self.model, calibration=None), [self._adapt(one) for one in chosen])

    @cached_property
    def _scorer(self) -> Scorer:
        return Scorer(self.model.learner, self.features)

    def _adapt(self, chosen: NDArray[np.int64]) -> Adapted:
        labels = self.labels[chosen]
        if self.values is not None:
            labels = grade(labels, self.values[chosen])
        return self._scorer.adapt(chosen, labels, steps=self.steps)
