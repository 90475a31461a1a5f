"""The encoder for screening scripts and pipelines: SMILES in, vectors out."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from molmeta.assays.library import Library
from molmeta.chem.featurize import Featurized
from molmeta.learning.embed import embed
from molmeta.predict.adapted_assay import warn_of_rejected
from molmeta.predict.few_shot import NAN, at_least, loaded
from molmeta.predict.library.stream import compute, cut, schema_of
from molmeta.predict.library.vector_writers import write_vectors
from molmeta.predict.panel import check_ready
from molmeta.runs.model import Model, load_model


class MoleculeEncoder:
    """A trained encoder on SMILES.

    Args:
        model: Whose encoder it is.

    Attributes:
        dim: Width of a molecule's vector.
    """

    def __init__(self, model: Model) -> None:
        self._model = model
        self._device = model.learner.device
        self.dim = model.learner.encoder.dim

    def encode(self, smiles: Iterable[Any], *, workers: int = 1) -> NDArray[np.float32]:
        """Embed molecules, shape (n, dim).

        Args:
            smiles: SMILES or RDKit molecules: a list, an array, a Series or a frame's one column.
            workers: Processes that read molecules.

        Returns:
            A row a molecule, of NaN where it does not parse; a `RejectedWarning` says so.

        Raises:
            InputError: If it is a single molecule, has no order or has several columns.
        """
        features = self._model.featurize(smiles, workers=workers)
        warn_of_rejected(features.reasons, NAN)
        return self._vectors(features)

    def stream(
        self, chunks: Iterable[Iterable[Any]], *, workers: int = 1
    ) -> Iterator[NDArray[np.float32]]:
        """Encode chunk by chunk in bounded memory, while workers read the next chunks.

        It warns of the first chunk with a molecule that does not parse, and not again.
        """
        is_told = False
        for features in self._model.featurize_stream(chunks, workers=workers):
            if not is_told and any(features.reasons):
                warn_of_rejected(features.reasons, f"{NAN}, as will those of later chunks")
                is_told = True
            yield self._vectors(features)

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
        parts = compute(
            self._model,
            cut(library),
            library.smiles_column,
            self._ready if projected else self._vectors,
            workers=workers,
            progress=progress,
        )
        types = schema_of(library)
        return write_vectors(parts, path, self._model, types, number_format, ready=projected)

    @torch.no_grad()
    def _ready(self, features: Featurized) -> NDArray[np.float32]:
        vectors = torch.from_numpy(self._vectors(features)).to(self._device)
        ready: NDArray[np.float32] = self._model.learner.matcher.prepare(vectors).cpu().numpy()
        return ready

    def _vectors(self, features: Featurized) -> NDArray[np.float32]:
        parsed = np.flatnonzero(features.parsed)
        vectors = np.full((len(features), self.dim), np.nan, np.float32)
        if len(parsed):
            embedded = embed(self._model.learner.encoder, features, parsed, device=self._device)
            vectors[parsed] = embedded.numpy()
        return vectors


class EncoderTransformer(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """A trained encoder as a scikit-learn transformer: SMILES → vectors, for pipelines.

    Nothing is fitted. A molecule that does not parse becomes a row of NaN, which an imputer may
    follow, or estimators that take NaN; a `RejectedWarning` says how many there are, and why.

    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> from sklearn.pipeline import make_pipeline
    >>> from molmeta import EncoderTransformer
    >>> pipeline = make_pipeline(EncoderTransformer(), KNeighborsClassifier(1))
    >>> pipeline.fit(["CCO", "CCCO", "CCN", "CCCN"], [0, 0, 1, 1]).predict(["CCCCN"]).tolist()
    [1]

    Args:
        model: A run folder, a shipped model's name, or a model already loaded.
        workers: Processes that read molecules.
        trust_code: Whether the model may import parts that are not molmeta's own; see `load_model`.
    """

    def __init__(
        self, model: str | Path | Model = "default", *, workers: int = 1, trust_code: bool = False
    ) -> None:
        self.model = model
        self.workers = workers
        self.trust_code = trust_code

    def fit(self, smiles: Iterable[Any], y: object = None) -> Self:
        """Load the model.

        Raises:
            InputError: If it cannot be used.
        """
        self.encoder_ = MoleculeEncoder(loaded(self.model, self.trust_code))
        return self

    def transform(self, smiles: Iterable[Any]) -> NDArray[np.float32]:
        """Embed molecules, as `MoleculeEncoder.encode` takes them, shape (n, dim)."""
        check_is_fitted(self, "encoder_")
        return self.encoder_.encode(smiles, workers=at_least("workers", self.workers, 1))

    def get_feature_names_out(self, input_features: object = None) -> NDArray[np.object_]:
        """v0, v1, …, as in the files of `molmeta embed`; shape (dim,)."""
        check_is_fitted(self, "encoder_")
        return np.array([f"v{i}" for i in range(self.encoder_.dim)], dtype=object)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.one_d_array = tags.input_tags.string = True
        tags.input_tags.two_d_array, tags.input_tags.allow_nan = False, True
        return tags


def load_encoder(
    model: str | Path = "default", device: str = "cpu", *, trust_code: bool = False
) -> MoleculeEncoder:
    """The encoder of a trained model.

    >>> from molmeta import load_encoder
    >>> encoder = load_encoder("default")
    >>> encoder.encode(["CCO", "CCN"]).shape == (2, encoder.dim)
    True

    Args:
        model: A run folder, or a shipped model's name.
        device: Where it computes.
        trust_code: Whether parts that are not molmeta's own are imported; see `load_model`.

    Raises:
        InputError: If the model cannot be used.
    """
    return MoleculeEncoder(load_model(model, device, trust_code=trust_code))
