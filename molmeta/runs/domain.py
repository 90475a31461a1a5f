"""Domain of a model: a sample of its training molecules, kept beside its weights."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from molmeta.assays.store import AssayStore
from molmeta.chem.fingerprint import SIZE, tanimoto
from molmeta.resources import read_if_there, write_atomically

DOMAIN = "domain.npy"
SAMPLE = 2048
"""Training molecules kept: 0.5 MB; enough that the nearest one tells near from far."""

SHARE = 0.05
"""The share of training molecules that would themselves count as outside."""

_PROBES, _CHUNK = 512, 1024


@dataclass(frozen=True)
class Domain:
    """A sample of a model's training molecules.

    Attributes:
        packed: Whether each holds each of ECFP's environments, (n, SIZE / 8) uint8, as
            `numpy.packbits` writes it.
    """

    packed: NDArray[np.uint8]

    @staticmethod
    def sample(store: AssayStore, seed: int = 0) -> Domain:
        """Draw up to `SAMPLE` molecules of a store's assays, evenly."""
        chosen = np.random.default_rng(seed).permutation(store.used_molecules())[:SAMPLE]
        held = store.fingerprints[chosen].toarray() > 0
        return Domain(np.packbits(held, axis=1))

    @staticmethod
    def load(run: Path) -> Domain | None:
        """Read what `save` wrote to a run folder; None if it has none.

        Raises:
            InputError: If the file is damaged.
        """
        expected = f"packed fingerprints, (n, {SIZE // 8}) uint8"
        return read_if_there(run / DOMAIN, _read, "training molecules", expected)

    def save(self, run: Path) -> None:
        """Write it to a run folder, whole or not at all."""
        with write_atomically(run / DOMAIN) as file:
            np.save(file, self.packed)

    def nearest(self, fingerprints: csr_matrix) -> NDArray[np.float64]:
        """Compute each molecule's Tanimoto similarity with the nearest of the sample, shape (n,).

        Args:
            fingerprints: ECFP counts, (n, SIZE) uint8; whether an environment occurs is what
                counts here, not how often.
        """
        parts, held = [np.empty(0)], (fingerprints > 0).astype(np.uint8)
        for start in range(0, held.shape[0], _CHUNK):
            parts.append(tanimoto(held[start : start + _CHUNK], self._sample).max(1))
        return np.concatenate(parts)

    @cached_property
    def threshold(self) -> float:
        """The similarity below which a molecule lies outside.

        All but the share `SHARE` of training molecules have a molecule of the sample at least so
        near: found by leaving each of some hundred out.
        """
        probes = self._sample[:_PROBES]
        similarity = tanimoto(probes, self._sample)
        similarity[np.arange(probes.shape[0]), np.arange(probes.shape[0])] = 0
        return float(np.quantile(similarity.max(1), SHARE))

    @cached_property
    def _sample(self) -> csr_matrix:
        return csr_matrix(np.unpackbits(self.packed, axis=1))


def _read(file: Path) -> Domain:
    packed = np.load(file, allow_pickle=False)
    if packed.dtype != np.uint8 or packed.ndim != 2 or packed.shape[1] != SIZE // 8:
        raise ValueError(f"{packed.dtype} of shape {packed.shape}")
    return Domain(packed)
