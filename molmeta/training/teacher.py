"""A teacher: another model, whose vectors are dense targets for an encoder in pre-training.

Labels are sparse, some two a molecule, and a graph encoder learns slowly from them. A teacher's
vector says of every molecule what it learned from all labels (distillation of features: Romero et
al. 2015, arXiv:1412.6550; relations among molecules: Park et al. 2019, arXiv:1904.05068).
"""

from __future__ import annotations

from functools import cached_property
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from molmeta.assays.store import AssayStore
from molmeta.episodes.batch import make_batch
from molmeta.learning.embed import embed
from molmeta.models.encoder import Encoder
from molmeta.resources import write_atomically
from molmeta.runs.model import Model
from molmeta.runs.seen import load_seen
from molmeta.training.parallel import Workers

VECTORS = "teacher.npy"
CHUNK = 16
"""Molecules of one assay that are compared with each other, at most."""

LABELS, PROPERTIES = 0.3, 0.1
"""The weights of the loss of labels, and of that of predicted properties, beside a teacher's."""

_PART = 8192


class Teacher(nn.Module):
    """A model's vectors of a store's molecules, and an encoder's distance from them.

    With t the teacher's vectors and s the student's (through a linear map, where they differ in
    width), the loss is Σ |s − t|² / Σ |t − μ|², plus the same of vectors less the mean of their
    chunk, molecules of one assay: Σ |s − s̄ − (t − t̄)|² / Σ |t − t̄|². An encoder that predicts
    properties has those as targets too, by the mean square.

    Args:
        model: The teacher.
        student: The encoder that learns.
        store: The molecules.
        file: Where the teacher's vectors are kept, once they have been computed.

    Raises:
        InputError: If the store's molecules are of another form than the model's.
    """

    def __init__(self, model: Model, student: Encoder, store: AssayStore, file: Path) -> None:
        super().__init__()
        store.check_form(model.standardize, f"the teacher {model.path}")
        self._model, self._store, self._file = model, store, file
        self._properties, self._targets = student.columns.get("properties"), student.targets
        self._predicts = student.predicts
        self._vector = student.columns["vector"]
        own, width = student.columns.width("vector"), self._width
        self.map = nn.Identity() if own == width else nn.Linear(own, width)

    @property
    def _width(self) -> int:
        return self._model.learner.encoder.columns.width("vector")

    @cached_property
    def vectors(self) -> NDArray[np.float16]:
        """The teacher's vectors of all molecules, (n, width), computed once and kept in a file."""
        workers = Workers.join(self._model.learner.device)
        if workers.leads and not self._file.is_file():
            self._ask()
        workers.wait()
        kept: NDArray[np.float16] = np.load(self._file, mmap_mode="r", allow_pickle=False)
        return kept

    def _ask(self) -> None:
        encoder, n = self._model.learner.encoder, len(self._store.graphs)
        vectors = np.empty((n, self._width), np.float16)
        for start in range(0, n, _PART):
            part = np.arange(start, min(n, start + _PART))
            found = embed(encoder, self._store, part, device=self._model.learner.device)
            vectors[part] = found[:, : self._width].numpy()
        with write_atomically(self._file) as temporary:
            np.save(temporary, vectors)

    @cached_property
    def _spread(self) -> float:
        """The mean squared distance of the vectors from their mean, by a sample of them."""
        sample = _floats(self.vectors[:: max(1, len(self.vectors) // _PART)])
        return float((sample - sample.mean(0)).square().sum(-1).mean())

    def loss(self, rows: Tensor, molecules: NDArray[np.int64], chunks: NDArray[np.int64]) -> Tensor:
        """Compute the mean loss of n molecules.

        Args:
            rows: The student's, (n, dim).
            molecules: Their numbers in the store, (n,).
            chunks: Which chunk each belongs to, from 0, (n,).
        """
        told = _floats(self.vectors[molecules]).to(rows.device)
        made = self.map(rows[:, self._vector])
        loss: Tensor = (made - told).square().sum(-1).mean() / self._spread
        which = torch.from_numpy(chunks).to(rows.device)
        told, made = _centred(told, which), _centred(made, which)
        loss = loss + (made - told).square().sum() / told.square().sum().clamp(min=1e-6)
        return loss + PROPERTIES * self._of_properties(rows, molecules)

    def _of_properties(self, rows: Tensor, molecules: NDArray[np.int64]) -> Tensor:
        batch = make_batch(self._store, molecules, self._predicts, rows.device)
        targets = self._targets(batch)
        if targets is None or self._properties is None:
            return rows.new_zeros(())
        return (rows[:, self._properties] - targets).square().sum(-1).mean()

    def readouts(self, store: AssayStore) -> Tensor | None:
        """Find what the teacher reads each of a store's assays off its vectors by.

        Returns:
            Weights and in the last column biases, (n_assays, width + 1); None where it does not
            know all of them, or the student's vectors have another width.
        """
        known, seen = self._model.learner.matcher.known_assays, load_seen(self._model.path).digests
        places = {assay_id: place for place, assay_id in enumerate(seen)}
        if known is None or len(known) != len(places) or not set(store.assay_ids) <= set(places):
            return None
        if not isinstance(self.map, nn.Identity):
            return None
        weights = known.readouts @ known.axes + known.mean_readout
        every = torch.cat([weights, known.biases.unsqueeze(1)], 1).detach()
        return every[[places[one] for one in store.assay_ids]]


def divide_by_assay(
    store: AssayStore, molecules: NDArray[np.int64], n_parts: int, rng: np.random.Generator
) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Divide molecules into parts of whole chunks, each of one of its molecules' assays.

    Args:
        store: Whose assays they are of.
        molecules: Their numbers in the store, sorted, (m,).
        n_parts: How many parts.
        rng: By which each molecule's assay, the chunks and their order are drawn.

    Returns:
        Of each part the positions in `molecules`, and which chunk each belongs to, from 0.
    """
    assays = [np.searchsorted(molecules, a.molecules[a.kept]) for a in store]
    of_label = np.concatenate(assays)
    number = np.repeat(np.arange(len(assays)), [len(one) for one in assays])
    order = rng.permutation(len(of_label))
    # Of the labels in a random order the first of each molecule says which assay it stands for.
    _, first = np.unique(of_label[order], return_index=True)
    own = number[order[first]]
    places = np.lexsort((rng.random(len(molecules)), own))
    starts = np.flatnonzero(np.diff(own[places], prepend=-1))
    within = np.arange(len(places)) - np.repeat(starts, np.diff(np.append(starts, len(places))))
    begins = np.flatnonzero(within % CHUNK == 0)
    chunks = np.split(places, begins[1:])
    shuffled = [chunks[i] for i in rng.permutation(len(chunks))]
    ends = np.cumsum([len(one) for one in shuffled])
    cuts = np.searchsorted(ends, np.arange(1, n_parts) * len(molecules) / n_parts)
    bounds = [0, *cuts.tolist(), len(shuffled)]
    return [_joined(shuffled[a:b]) for a, b in pairwise(bounds)]


def _joined(chunks: list[NDArray[np.int64]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    sizes = [len(one) for one in chunks]
    return np.concatenate(chunks), np.repeat(np.arange(len(chunks)), sizes)


def _centred(rows: Tensor, chunks: Tensor) -> Tensor:
    """Subtract from each row the mean of its chunk."""
    n = int(chunks.max()) + 1
    sizes = torch.bincount(chunks, minlength=n).clamp(min=1).unsqueeze(1)
    means = rows.new_zeros(n, rows.shape[1]).index_add(0, chunks, rows) / sizes
    return rows - means[chunks]


def _floats(rows: NDArray[np.float16]) -> Tensor:
    return torch.from_numpy(np.asarray(rows, np.float32))
