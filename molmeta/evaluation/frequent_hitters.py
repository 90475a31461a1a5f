"""Frequent hitters: a method that scores molecules by training assays, whatever the support set."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy import sparse

from molmeta.assays.record import AssayRecord
from molmeta.assays.store import AssayStore
from molmeta.errors import InputError
from molmeta.evaluation.protocol import Floats, Ints, Labels, Scale

# Strength of the ridge penalty, in molecules.
_RIDGE = 100.0


@dataclass(frozen=True)
class FrequentHitters:
    """Scores by how often similar molecules are active in training assays; ignores the support.

    A model that adds nothing to this has learned nothing about the assay. A ridge regression from
    ECFP bits to the label, centred within each training assay.

    >>> from molmeta.assays import drug_mechanisms
    >>> method = FrequentHitters.fit(AssayStore.from_frame(drug_mechanisms("train")))
    >>> method.weights.shape
    (2048,)

    Attributes:
        weights: One a bit, shape (size,).
        training: The training assays.
        name: Its name in tables.
        reads: Fingerprints alone.
    """

    weights: Floats
    training: AssayRecord
    name: str = "frequent-hitters"
    reads: ClassVar[tuple[str, ...]] = ("fingerprints",)

    @classmethod
    def fit(cls, store: AssayStore) -> FrequentHitters:
        """Learn from every curated row of the training assays.

        Raises:
            InputError: If there are no such rows.
        """
        molecules, targets = [np.empty(0, np.int64)], [np.empty(0)]
        for assay in store:
            labels = assay.labels[assay.kept].astype(np.float64)
            molecules.append(assay.molecules[assay.kept])
            targets.append(labels - labels.mean() if len(labels) else labels)
        rows = np.concatenate(molecules)
        if not len(rows):
            raise InputError.of("training assays", got="no curated row", expected="at least one")
        bits = _bits(store, rows)
        gram = (bits.T @ bits).toarray()
        gram[np.diag_indices_from(gram)] += _RIDGE
        weights = np.linalg.solve(gram, bits.T @ np.concatenate(targets))
        return cls(weights, AssayRecord.of(store))

    @property
    def scale(self) -> Scale:
        """Name the scale: the order alone."""
        return "ranking"

    @property
    def fingerprint(self) -> str:
        """Hash the weights."""
        return f"FrequentHitters({hashlib.sha256(self.weights.tobytes()).hexdigest()[:16]})"

    def scores(self, store: AssayStore, support: Ints, labels: Labels, query: Ints) -> Floats:
        """See `protocol.Method`; support and labels are ignored."""
        scores: Floats = _bits(store, query) @ self.weights
        return scores


def _bits(store: AssayStore, molecules: Ints) -> sparse.csr_matrix:
    return (store.fingerprints[molecules] > 0).astype(np.float64)
