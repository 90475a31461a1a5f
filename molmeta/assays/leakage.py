"""Leakage between folds: assays, molecules, sets of molecules and near neighbours in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from molmeta.assays.store import AssayStore
from molmeta.chem.fingerprint import tanimoto

_BLOCK = 10_000  # molecules compared at once
_N_SAMPLED = 200  # molecules of the later fold whose nearest neighbour is sought
_COLUMNS = (
    "seen", "fold", "n_assays", "n_same_assays", "n_same_sets", "n_molecules", "n_seen",
    "share_seen", "nearest_median", "nearest_above_0.7",
)  # fmt: skip


@dataclass(frozen=True)
class _Fold:
    store: AssayStore
    molecules: NDArray[np.int64]  # those that occur in its assays
    sets: list[bytes]  # the identities of each assay, as one value

    @classmethod
    def of(cls, store: AssayStore) -> _Fold:
        parsed = [m[m >= 0] for m in (assay.molecules for assay in store)]
        sets = [np.unique(store.identities[molecules]).tobytes() for molecules in parsed]
        return cls(store, np.unique(np.concatenate(parsed)), sets)


def leakage(folds: Mapping[str, AssayStore]) -> pd.DataFrame:
    """Measure how much of each later fold is in the earlier ones.

    >>> from molmeta.assays import drug_mechanisms
    >>> folds = {name: AssayStore.from_frame(drug_mechanisms(name)) for name in ("train", "test")}
    >>> leakage(folds)[["n_assays", "n_same_assays", "share_seen"]].values.tolist()
    [[7.0, 0.0, 0.0]]

    Args:
        folds: Stores by fold, training first.

    Returns:
        One row a pair: `seen`, the earlier fold; `fold`, the later one; of the latter `n_assays`,
        `n_same_assays` (of the same id), `n_same_sets` (whose molecules are exactly those of an
        assay seen), `n_molecules`, `n_seen` and `share_seen` of these, and of the Tanimoto
        similarities (ECFP counts) to the nearest molecule seen `nearest_median` and
        `nearest_above_0.7`, a share.
    """
    rng = np.random.default_rng(0)
    known = {name: _Fold.of(store) for name, store in folds.items()}
    rows = []
    for (seen_name, seen), (name, fold) in combinations(known.items(), 2):
        identities = np.unique(fold.store.identities[fold.molecules])
        n_seen = int(np.isin(identities, seen.store.identities[seen.molecules]).sum())
        sets_seen = set(seen.sets)
        nearest = _nearest(fold, seen, rng.permutation(fold.molecules)[:_N_SAMPLED])
        rows.append(
            {
                "seen": seen_name,
                "fold": name,
                "n_assays": len(fold.store),
                "n_same_assays": len(set(fold.store.assay_ids) & set(seen.store.assay_ids)),
                "n_same_sets": sum(key in sets_seen for key in fold.sets),
                "n_molecules": len(identities),
                "n_seen": n_seen,
                "share_seen": n_seen / max(1, len(identities)),
                "nearest_median": float(np.median(nearest)) if len(nearest) else np.nan,
                "nearest_above_0.7": float(np.mean(nearest > 0.7)) if len(nearest) else np.nan,
            }
        )
    return pd.DataFrame(rows, columns=list(_COLUMNS))  # the columns of no pair too


def _nearest(fold: _Fold, seen: _Fold, sample: NDArray[np.int64]) -> NDArray[np.float64]:
    """Compute the similarity of each sampled molecule to the nearest of those seen."""
    nearest = np.zeros(len(sample))
    queries = fold.store.fingerprints[sample]
    for start in range(0, len(seen.molecules), _BLOCK):
        block = seen.store.fingerprints[seen.molecules[start : start + _BLOCK]]
        nearest = np.maximum(nearest, tanimoto(queries, block).max(axis=1))
    return nearest
