"""The encoder for screening scripts and pipelines: SMILES in, vectors out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from molmeta.assays.library import Library
from molmeta.chem.featurize import Featurized
from molmeta.meta.embedding import embed
from molmeta.meta.run import LoadedModel, load_model
from molmeta.predict.panel import check_ready
from molmeta.predict.parts import Computed, compute, cut, schema_of
from molmeta.predict.vector_writers import write_vectors


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
        self.dim = model.learner.encoder.dim

    def encode(self, smiles: Sequence[str], *, workers: int = 1) -> NDArray[np.float32]:
        """Embed molecules, shape (n, dim); a row of NaN where a molecule does not parse."""
        return self._vectors(self._model.featurize(list(smiles), workers=workers))

    def stream(
        self, chunks: Iterable[Sequence[str]], *, workers: int = 1
    ) -> Iterator[NDArray[np.float32]]:
        """As `encode`, chunk by chunk in bounded memory, while workers read what follows."""
        return map(self._vectors, self._model.featurize_stream(chunks, workers=workers))

    def encode_library(
        self,
        library: Library,
        path: Path,
        *,
        number_format: str = "fp32",
        projected: bool = False,
        workers: int = 1,
        progress: Callable[[int], None] | None = None,
    ) -> tuple[int, Counter[str]]:
        """Embed a library of any size into a file.

        Args:
            library: What to embed.
            path: As of `write_vectors`.
            number_format: As of `write_vectors`.
            projected: Write what the model's head compares (`Matcher.prepare`), which is screened
                faster, instead of the encoder's vectors.
            workers: Processes that read molecules.
            progress: Called with the number of rows done since its last call.

        Returns:
            The number of rows; and how many of them were rejected, by reason.

        Raises:
            InputError: As `write_vectors`; if the library cannot be read; or if `projected` is
                asked of a model whose projection adapts to each assay.
        """
        if projected:
            check_ready(self._model)
        rejected: Counter[str] = Counter()
        n_rows = 0

        def counted() -> Iterator[Computed]:
            nonlocal n_rows
            for part in compute(
                self._model,
                cut(library),
                library.smiles_column,
                self._ready if projected else self._vectors,
                workers=workers,
                progress=progress,
            ):
                n_rows += len(part.reasons)
                rejected.update(filter(None, part.reasons))
                yield part

        types = schema_of(library)
        write_vectors(counted(), path, self._model, types, number_format, ready=projected)
        return n_rows, rejected

    @torch.no_grad()
    def _ready(self, features: Featurized) -> NDArray[np.float32]:
        vectors = torch.from_numpy(self._vectors(features)).to(self._device)
        ready: NDArray[np.float32] = self._model.learner.matcher.prepare(vectors).cpu().numpy()
        return ready

    def _vectors(self, features: Featurized) -> NDArray[np.float32]:
        parsed = np.flatnonzero([not reason for reason in features.reasons])
        vectors = np.full((len(features), self.dim), np.nan, np.float32)
        if len(parsed):
            embedded = embed(self._model.learner.encoder, features, parsed, device=self._device)
            vectors[parsed] = embedded.numpy()
        return vectors


class EncoderTransformer(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """A trained encoder as a scikit-learn transformer: SMILES → vectors, for pipelines.

    Nothing is fitted. A molecule that does not parse becomes a row of NaN, which an imputer may
    follow, or estimators that take NaN.

    Args:
        model: A run folder, a shipped model's name, or a model already loaded.
        workers: Processes that read molecules.
    """

    def __init__(self, model: str | Path | LoadedModel = "default", *, workers: int = 1) -> None:
        self.model = model
        self.workers = workers

    def fit(self, smiles: Sequence[str], y: object = None) -> Self:
        """Load the model.

        Raises:
            InputError: If it cannot be used.
        """
        loaded = self.model if isinstance(self.model, LoadedModel) else load_model(self.model)
        self.encoder_ = MoleculeEncoder(loaded)
        return self

    def transform(self, smiles: Sequence[str]) -> NDArray[np.float32]:
        """Embed molecules, shape (n, dim); a row of NaN where a molecule does not parse."""
        check_is_fitted(self, "encoder_")
        return self.encoder_.encode(smiles, workers=self.workers)

    def get_feature_names_out(self, input_features: object = None) -> NDArray[np.object_]:
        """v0, v1, …, as in the files of `molmeta embed`; shape (dim,)."""
        check_is_fitted(self, "encoder_")
        return np.array([f"v{i}" for i in range(self.encoder_.dim)], dtype=object)


def load_encoder(model: str | Path = "default", device: str = "cpu") -> MoleculeEncoder:
    """The encoder of a trained model.

    Args:
        model: A run folder, or a shipped model's name.
        device: Where it computes.

    Raises:
        InputError: If the model cannot be used.
    """
    return MoleculeEncoder(load_model(model, device))
