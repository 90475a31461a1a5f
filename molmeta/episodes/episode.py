"""Episodes: an assay seen as a task, a labelled support set and a query set."""

from dataclasses import dataclass

from torch import Tensor
from torch_geometric.data import Batch


@dataclass(frozen=True, slots=True)
class LabelledSet:
    """Molecules of one assay with their labels.

    >>> import torch
    >>> len(LabelledSet(torch.zeros(3, 8), torch.tensor([1.0, 0.0, 1.0])))
    3

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

    >>> import torch
    >>> support = LabelledSet(torch.zeros(4, 8), torch.tensor([1.0, 0.0, 1.0, 0.0]))
    >>> query = LabelledSet(torch.zeros(2, 8), torch.tensor([1.0, 0.0]))
    >>> len(Episode("first", support, query).query)
    2

    Attributes:
        assay_id: Of the assay.
        support: The molecules that the learner adapts to.
        query: The molecules that the learner is tested on.
        joint: The molecules of both, the support set's first, for an encoder to read in one pass.
    """

    assay_id: str
    support: LabelledSet
    query: LabelledSet
    joint: Batch | None = None
