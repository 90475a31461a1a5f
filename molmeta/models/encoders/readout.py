"""Read-outs: the atoms of each molecule → one vector, none depending on other molecules."""

from typing import Literal

import torch
from torch import Tensor, nn
from torch_geometric.data import Batch
from torch_geometric.nn import (
    AttentionalAggregation,
    MaxAggregation,
    MeanAggregation,
    SumAggregation,
)

from molmeta.errors import InputError

ReadoutName = Literal["sum", "mean", "max", "attention"]
Readouts = ReadoutName | tuple[ReadoutName, ...]

SUM_SCALE = 1 / 20
"""Of the sum over atoms: about the size of a drug, so that it is of the mean's order."""


class Readout(nn.Module):
    """The atoms' sum (scaled by 1/20), mean, maximum or learned attention; or several of them.

    Attention weighs the atoms by the softmax of a learned score (Li et al. 2015,
    arXiv:1511.05493). A molecule without atoms becomes zeros.

    >>> import numpy as np
    >>> from molmeta.chem.featurize import featurize
    >>> from molmeta.episodes.batch import make_batch
    >>> batch = make_batch(featurize(["CCO", "C"]), np.arange(2))  # three atoms, and one
    >>> Readout(1, ("sum", "max"))(torch.full((4, 1), 20.0), batch).tolist()
    [[3.0, 20.0], [1.0, 20.0]]

    Args:
        dim: Width of an atom's vector.
        kinds: One name, or several, whose vectors are concatenated.

    Attributes:
        dim: Width of a molecule's vector: `dim` for each of `kinds`.

    Raises:
        InputError: An unknown name, or none.
    """

    def __init__(self, dim: int, kinds: Readouts) -> None:
        super().__init__()
        names = (kinds,) if isinstance(kinds, str) else tuple(kinds)
        if not names or not set(names) <= {"sum", "mean", "max", "attention"}:
            raise InputError.of(
                "readout", got=repr(kinds), expected="one or more of sum, mean, max, attention"
            )
        self.scales = [SUM_SCALE if name == "sum" else 1.0 for name in names]
        self.parts = nn.ModuleList([_aggregation(name, dim) for name in names])
        self.dim = dim * len(names)

    def forward(self, x: Tensor, batch: Batch) -> Tensor:
        """Pool atoms, shape (n_atoms, d), into n molecules, shape (n, dim)."""
        pooled = [
            part(x * scale, batch.batch, dim_size=batch.num_graphs)
            for part, scale in zip(self.parts, self.scales, strict=True)
        ]
        return torch.cat(pooled, dim=-1)


def _aggregation(name: str, dim: int) -> nn.Module:
    parts: dict[str, nn.Module] = {
        "sum": SumAggregation(),
        "mean": MeanAggregation(),
        "max": MaxAggregation(),
        # A bias would cancel in the softmax.
        "attention": AttentionalAggregation(nn.Linear(dim, 1, bias=False)),
    }
    return parts[name]
