"""The encoder for screening scripts: SMILES in, vectors out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from molmeta.meta.embedding import embed
from molmeta.meta.run import LoadedModel, load_model


class MoleculeEncoder:
    """A trained encoder on SMILES.

    Args:
        model: Whose encoder it is.

    Attributes:
        dim: Width of a molecule's vector.
    """

    def __init__(self, model: LoadedModel) -> None:
        self._model = model
        self._device = next(model.learner.parameters()).device
        self.dim = int(model.learner.encoder.dim)  # type: ignore[arg-type]

    def encode(self, smiles: Sequence[str], *, workers: int = 1) -> NDArray[np.float32]:
        """Embed molecules, shape (n, dim); a row of NaN where a molecule does not parse."""
        features = self._model.featurize(list(smiles), workers=workers)
        parsed = np.flatnonzero([not reason for reason in features.reasons])
        vectors = np.full((len(features.reasons), self.dim), np.nan, np.float32)
        if len(parsed):
            embedded = embed(self._model.learner.encoder, features, parsed, device=self._device)
            vectors[parsed] = embedded.numpy()
        return vectors


def load_encoder(model: str | Path = "default", device: str = "cpu") -> MoleculeEncoder:
    """The encoder of a trained model.

    Args:
        model: A run folder, or a shipped model's name.
        device: Where it computes.

    Raises:
        InputError: If the model cannot be used.
    """
    return MoleculeEncoder(load_model(model, device))
