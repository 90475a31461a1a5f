"""Molecules to measure next: by score, by uncertainty, or as a diverse batch."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.special import expit

from molmeta.assays.columns import check_names
from molmeta.assays.library import Library
from molmeta.chem.fingerprint import tanimoto
from molmeta.config import unknown
from molmeta.errors import InputError
from molmeta.predict.learnt import LearntAssay
from molmeta.predict.table import measured_at, read_library

STRATEGIES = ("greedy", "uncertain", "diverse")
ADDED = ("rank", "p_active", "score")
_POOL = 50
"""A diverse batch is chosen among so many times its size, the best by score."""


def suggest(
    learnt: LearntAssay,
    library: Library,
    n: int,
    *,
    strategy: str = "greedy",
    workers: int = 1,
    progress: Callable[[int], None] | None = None,
) -> pd.DataFrame:
    """The molecules of a library to measure next.

    Args:
        learnt: What is measured so far; none of its molecules is suggested.
        library: What could be measured; of repeats the first row counts.
        n: How many.
        strategy: As of `choose`.
        workers: Processes that read molecules.
        progress: Called with the number of molecules done since its last call.

    Returns:
        At most n rows, the first to be measured first: `ADDED`, then the library's columns.

    Raises:
        InputError: If nothing is left to suggest, or a column's name clashes.
    """
    rows, smiles = read_library(library)
    check_names(map(str, rows), f"input {library.name}", ADDED)
    model = learnt.classifier.known_.model
    features = model.featurize(
        smiles, fingerprints=True, identities=True, workers=workers, progress=progress
    )
    # What curation left out has been looked at too.
    measured = measured_at(learnt.classifier, features, learnt.measured, workers) >= 0
    free = features.parsed & ~measured & ~pd.Series(features.identities).duplicated()
    candidates = np.flatnonzero(free)
    if not len(candidates):
        raise InputError.of(
            f"input {library.name}",
            got="no molecule that parses and is not measured yet",
            expected="at least one",
        )
    scores = learnt.classifier.score_features(features)
    assert features.fingerprints is not None
    chosen = choose(scores[candidates], features.fingerprints[candidates], n, strategy)
    found = candidates[chosen]
    table = rows.iloc[found]
    table.insert(0, "score", scores[found])
    table.insert(0, "p_active", expit(scores[found]))
    table.insert(0, "rank", np.arange(1, len(found) + 1))
    return table


def choose(
    scores: NDArray[np.float64], fingerprints: csr_matrix, n: int, strategy: str = "greedy"
) -> NDArray[np.int64]:
    """Choose a batch, in the order of choice.

    Args:
        scores: Log-odds of the candidates, (m,).
        fingerprints: Their ECFP counts, (m, size); `diverse` alone looks at them.
        n: How many to choose; all, if there are fewer.
        strategy: `greedy`: the highest scores. `uncertain`: p nearest to one half (uncertainty
            sampling; Lewis and Gale 1994, arXiv:cmp-lg/9407020). `diverse`: one at a time the
            highest p · (1 − T), T being the Tanimoto similarity to the nearest one chosen before
            (as maximal marginal relevance; Carbonell and Goldstein 1998,
            doi:10.1145/290941.291025).

    Returns:
        Positions, (min(n, m),).

    Raises:
        InputError: If there is no such strategy, or `n` is less than 1.
    """
    if n < 1:
        raise InputError.of("number of molecules to choose", got=n, expected="1 or more")
    if strategy not in STRATEGIES:
        raise unknown("strategy", strategy, STRATEGIES)
    order: NDArray[np.int64] = np.argsort(
        np.abs(scores) if strategy == "uncertain" else -scores, kind="stable"
    )
    if strategy != "diverse":
        return order[:n]
    pool = order[: _POOL * n]
    worth, nearest = expit(scores[pool]), np.zeros(len(pool))
    chosen: list[int] = []
    for _ in range(min(n, len(pool))):
        best = int(np.argmax(worth * (1 - nearest)))
        chosen.append(best)
        similarity = tanimoto(fingerprints[pool], fingerprints[pool[[best]]])[:, 0]
        nearest = np.maximum(nearest, similarity)
        worth[best] = -1.0
        nearest[chosen] = 0.0  # so that a worth of −1 stays below all others
    return pool[chosen]
