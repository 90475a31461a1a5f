"""Means over assays with intervals that respect that assays share molecules.

Screening panels test one set of molecules against many targets. Their assays are not independent,
so the bootstrap draws whole sets of assays; between methods it draws the same ones.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from molmeta.assays.store import AssayStore

N_RESAMPLES = 4000
LEVEL = 0.95


@dataclass(frozen=True)
class Mean:
    """A mean over assays.

    Attributes:
        mean: Over the assays that have a value; NaN if none has.
        low: Lower end of the 95 % interval; NaN for a single cluster.
        high: Upper end.
        n: Number of assays with a value.
        n_clusters: Number of distinct molecule sets among them.
    """

    mean: float
    low: float
    high: float
    n: int
    n_clusters: int


@dataclass(frozen=True)
class Paired:
    """The difference of two methods on the same assays.

    Attributes:
        difference: Mean of first minus second, with its interval.
        wins: Assays where the first is better.
        losses: Assays where the second is.
        p_value: Wilcoxon's signed-rank test over assays, two-sided; it takes them as independent.
    """

    difference: Mean
    wins: int
    losses: int
    p_value: float


def molecule_set_clusters(store: AssayStore) -> dict[str, str]:
    """Name each assay's set of molecules, the same for assays of the same molecules."""
    clusters = {}
    for number, assay_id in enumerate(store.assay_ids):
        molecules = store.assay(number).molecules
        identities = np.unique(store.identities[molecules[molecules >= 0]])
        clusters[assay_id] = hashlib.sha256(identities.tobytes()).hexdigest()[:12]
    return clusters


def clustered_mean(values: NDArray[np.float64], clusters: NDArray[np.str_]) -> Mean:
    """Compute the mean over assays and a percentile interval from resampling clusters.

    >>> mean = clustered_mean(np.array([0.1, 0.2, 0.3]), np.array(["a", "b", "b"]))
    >>> round(mean.mean, 3), mean.n, mean.n_clusters
    (0.2, 3, 2)

    Args:
        values: One an assay, shape (n,); NaN is left out.
        clusters: The name of each assay's cluster, shape (n,).
    """
    known = ~np.isnan(values)
    values, clusters = values[known], clusters[known]
    names, place = np.unique(clusters, return_inverse=True)
    mean = float(values.mean()) if len(values) else np.nan
    if len(names) < 2:
        return Mean(mean, np.nan, np.nan, len(values), len(names))
    rng = np.random.default_rng(0)
    times = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), N_RESAMPLES)
    totals = times @ np.bincount(place, weights=values)
    low, high = np.quantile(
        totals / (times @ np.bincount(place)), [0.5 - LEVEL / 2, 0.5 + LEVEL / 2]
    )
    return Mean(mean, float(low), float(high), len(values), len(names))


def paired(
    first: NDArray[np.float64], second: NDArray[np.float64], clusters: NDArray[np.str_]
) -> Paired:
    """Compare two methods assay by assay.

    >>> found = paired(np.array([0.3, 0.2]), np.array([0.1, 0.25]), np.array(["a", "b"]))
    >>> found.wins, found.losses, round(found.difference.mean, 3)
    (1, 1, 0.075)

    Args:
        first: One value an assay, shape (n,); an assay without both values is left out.
        second: Likewise, shape (n,).
        clusters: The name of each assay's cluster, shape (n,).
    """
    difference = first - second
    known = difference[~np.isnan(difference)]
    p_value = float(stats.wilcoxon(known).pvalue) if np.any(known != 0) else 1.0
    return Paired(
        difference=clustered_mean(difference, clusters),
        wins=int((known > 0).sum()),
        losses=int((known < 0).sum()),
        p_value=p_value,
    )
