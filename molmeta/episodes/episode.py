"""Episodes: an assay seen as a task, a labelled support set and a query set."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from torch_geometric.data import Batch


@dataclass(frozen=True, slots=True)
class LabelledSet:
    """Molecules of one assay with their labels.

    Attributes:
        molecules: Graphs of n molecules, or their embeddings, shape (n, d).
        labels: Shape (n,), 1 active, 0 inactive.
    """

    molecules: Batch | Tensor
    labels: Tensor

    def __len__(self) -> int:
        return int(self.labels.shape[0])


@dataclass(frozen=True, slots=True)
class Episode:
    """One draw from one assay.

    Attributes:
        assay_id: Of the assay.
        support: What is learnt from.
        query: What the learner is judged by.
        joint: The molecules of both, the support set's first, for an encoder to read in one pass.
    """

    assay_id: str
    support: LabelledSet
    query: LabelledSet
    joint: Batch | None = None
