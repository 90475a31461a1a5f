"""The report on a support set: leave-one-out figures, likeness, and warnings."""

from collections import defaultdict
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import mannwhitneyu, norm

from molmeta import metrics
from molmeta.predict.adapted_assay import AdaptedAssay
from molmeta.predict.indicators import Indicators, indicators
from molmeta.runs.calibration import Calibration

Floats = NDArray[np.float64]

ALIKE = 0.5
"""Mean Tanimoto similarity (ECFP counts) from which the actives are one series."""

_FEW = 4

USEFUL = 0.7
"""ROC-AUC of a useful ranking: molecules that cannot tell chance from it are too few."""

_LEVEL = 0.1  # of both tests


@dataclass(frozen=True)
class Expected:
    """The ΔAUPRC to expect, from held-out assays with such support sets.

    Attributes:
        delta_auprc: The expectation.
        low: The lower end of the interval.
        high: The upper end.
        level: The share of held-out draws in such intervals.
    """

    delta_auprc: float
    low: float
    high: float
    level: float

    def __str__(self) -> str:
        return (
            f"delta_auprc {self.delta_auprc:.2f} ({self.low:.2f} to {self.high:.2f} on "
            f"{self.level:.0%} of held-out assays)"
        )


@dataclass(frozen=True)
class SupportReport:
    """The figures and warnings of a support set of s molecules.

    Attributes:
        n_molecules: How many of each class by its label, or all of them under "values".
        left_out: Each one's prediction by the model adapted to the others, shape (s,): log-odds,
            or values; NaN where no other molecule of its class is left.
        figures: Metrics of `left_out` by name: `delta_auprc` and `roc_auc`; or `r2`, `rmse` and
            `spearman`. NaN where they are not defined.
        similarity: Tanimoto similarity of each with each, shape (s, s).
        nearest_training: Similarity with the nearest training molecule, shape (s,); None if the
            model holds none.
        warnings: What to be wary of, a sentence each.
        expected: ΔAUPRC to expect on other molecules of the assay; None if the model's calibration
            does not say.
    """

    n_molecules: dict[str, int]
    left_out: Floats
    figures: dict[str, float]
    similarity: Floats
    nearest_training: Floats | None
    warnings: list[str]
    expected: Expected | None = None

    def __str__(self) -> str:
        counts = ", ".join(
            f"{n} values" if label == "values" else f"{n} of class {label}"
            for label, n in self.n_molecules.items()
        )
        figures = ", ".join(f"{name} {value:.2f}" for name, value in self.figures.items())
        lines = [f"support set: {counts}", f"leave-one-out: {figures}"]
        lines += [f"expected here: {self.expected}"] if self.expected else []
        return "\n".join([*lines, *(f"warning: {one}" for one in self.warnings)])


def report_classes(known: AdaptedAssay, left_out: Floats, names: tuple[str, str]) -> SupportReport:
    """The report on a support set of two classes.

    Args:
        known: The support set.
        left_out: As `AdaptedAssay.left_out` gives it.
        names: The inactive and the active class.
    """
    active = known.labels == 1
    usable = ~np.isnan(left_out)
    figures = {
        "delta_auprc": metrics.delta_auprc(active[usable], left_out[usable]),
        "roc_auc": metrics.roc_auc(active[usable], left_out[usable]),
    }
    similarity, warnings = known.similarity(known.features), []
    for word, members in (("inactive", ~active), ("active", active)):
        if members.sum() < _FEW:
            warnings.append(
                f"only {members.sum()} {word}: what they share may be chance, and leave-one-out "
                "says little; measure more of them"
            )
    if active.sum() > 1 and (mean := _mean_pair(similarity, active)) >= ALIKE:
        warnings.append(
            f"the actives are alike (mean similarity {mean:.2f}): predictions will hardly go "
            "beyond their series; to look further, measure an active of another one"
        )
    warnings += _chance(left_out[usable], active[usable])
    hinted, calibration = indicators(known, left_out), known.model.calibration
    if calibration is not None and hinted.similarity_is_better:
        loses = calibration.loses
        warnings.append(
            "similarity search ranks left-out molecules better than the model does: where it "
            f"did, it was the better one in {loses['hinted']:.0%} of held-out cases (elsewhere in "
            f"{loses['otherwise']:.0%}); look at the molecules nearest to the actives, too"
        )
    return SupportReport(
        n_molecules={name: int((active == i).sum()) for i, name in enumerate(names)},
        left_out=left_out,
        figures=figures,
        similarity=similarity,
        nearest_training=known.nearest_training,
        warnings=warnings + _repeats(known, known.labels) + _far(known),
        expected=_expected(calibration, hinted),
    )


def report_values(known: AdaptedAssay, left_out: Floats, values: Floats) -> SupportReport:
    """The report on a support set of values, shape (s,); see `report_classes`."""
    rest = (values.sum() - values) / (len(values) - 1)  # what a constant would have said
    residual = float(np.square(values - left_out).sum())
    spread = float(np.square(values - rest).sum())
    figures = {
        "r2": 1 - residual / spread if spread else np.nan,
        "rmse": metrics.rmse(values, left_out),
        "spearman": metrics.spearman(values, left_out),
    }
    warnings = []
    if not figures["r2"] > 0:
        warnings.append(
            "leave-one-out is no better than the mean of the others: the values are not "
            "predicted from one another"
        )
    return SupportReport(
        n_molecules={"values": len(values)},
        left_out=left_out,
        figures=figures,
        similarity=known.similarity(known.features),
        nearest_training=known.nearest_training,
        warnings=warnings + _repeats(known, values) + _far(known),
    )


def _expected(calibration: Calibration | None, hinted: Indicators) -> Expected | None:
    if calibration is None:
        return None
    line = calibration.delta_auprc
    middle = line.at(asdict(hinted))
    return Expected(middle, middle + line.low, middle + line.high, line.level)


def _mean_pair(similarity: Floats, members: NDArray[np.bool_]) -> float:
    own = similarity[np.ix_(members, members)]
    return float(own[np.triu_indices(len(own), 1)].mean())


def _chance(left_out: Floats, active: NDArray[np.bool_]) -> list[str]:
    """Tell whether left-out actives rank above left-out inactives, or too few could tell."""
    if not active.any() or active.all():
        return []
    test = mannwhitneyu(left_out[active], left_out[~active], alternative="greater")
    if test.pvalue <= _LEVEL:
        return []
    found = test.statistic / (active.sum() * (~active).sum())
    if found > USEFUL + norm.ppf(_LEVEL) * _spread(USEFUL, int(active.sum()), int((~active).sum())):
        return [
            f"{len(active)} molecules are too few to tell whether the ranking is better than "
            f"chance (leave-one-out, p = {test.pvalue:.2f}); measure more before you rely on it"
        ]
    return [
        f"leave-one-out ranks no better than chance would (p = {test.pvalue:.2f}): the labels are "
        "not predicted from one another; check structures and values, or take another assay"
    ]


def _spread(auc: float, n_active: int, n_inactive: int) -> float:
    """Compute the standard error of a ROC-AUC (Hanley and McNeil 1982, 10.1148/radiology.143.1)."""
    two_active, two_inactive = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    variance = auc * (1 - auc) + (n_active - 1) * (two_active - auc**2)
    variance += (n_inactive - 1) * (two_inactive - auc**2)
    return float(np.sqrt(variance / (n_active * n_inactive)))


def _repeats(known: AdaptedAssay, labels: NDArray[np.floating]) -> list[str]:
    """Molecules that occur more than once, with one label or with several."""
    places: dict[str, list[int]] = defaultdict(list)
    for i, identity in enumerate(known.features.identities):
        places[identity].append(i)
    repeated = [found for found in places.values() if len(found) > 1]
    conflicts = [found for found in repeated if len(np.unique(labels[found])) > 1]
    warnings = []
    if conflicts:
        first = known.smiles[conflicts[0][0]]
        warnings.append(
            f"{len(conflicts)} molecules with conflicting labels, e.g. {first}; correct them"
        )
    if len(repeated) > len(conflicts):
        warnings.append(
            f"{len(repeated) - len(conflicts)} molecules occur more than once: leave-one-out is "
            "too hopeful, since a copy stays; give each once"
        )
    return warnings


def _far(known: AdaptedAssay) -> list[str]:
    """Tell whether most of it is unlike what the model was trained on."""
    domain, nearest = known.model.domain, known.nearest_training
    if domain is None or nearest is None or (nearest < domain.threshold).mean() <= 0.5:
        return []
    return [
        f"{int((nearest < domain.threshold).sum())} of {len(nearest)} molecules are unlike all "
        "training molecules: the model is outside what it knows; trust the ranking less"
    ]
