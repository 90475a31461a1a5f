"""Fingerprint sketches: short vectors whose products estimate what two molecules have in common."""

import numpy as np
import torch
from torch import Tensor, nn
from torch_geometric.data import Batch

from molmeta.chem.fingerprint import SIZE
from molmeta.models.sparse import SparseRows

_LEVELS = 4


class Sketch(nn.Module):
    """A fixed random projection of ECFP counts (Johnson and Lindenstrauss 1984).

    A count c stands as c ones in columns of their own (at most 4), so that the product of two such
    vectors is the sum of minima that the Tanimoto similarity of counts needs. Random signs project
    them to `width` columns, in which products, and so the similarity, are kept on average.

    Once fitted, an environment counts by its inverse document frequency (Spärck Jones 1972,
    https://doi.org/10.1108/eb026526): what nearly all molecules have says little of what two have
    in common.

    Args:
        width: Columns of the sketch.
    """

    signs: Tensor
    weights: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        # RandomState's stream is frozen: the same signs in every version of numpy.
        random = np.random.RandomState(0)
        signs = random.randint(0, 2, (SIZE, _LEVELS, width), dtype=np.int8) * 2 - 1
        # Row (column, c): the sum of what a count of c adds up to.
        summed = torch.from_numpy(signs.cumsum(1)).float() / width**0.5
        self.register_buffer("signs", summed.flatten(0, 1), persistent=False)
        self.register_buffer("weights", torch.ones(SIZE))

    @torch.no_grad()
    def fit(self, batch: Batch) -> None:
        """Take the weights from n molecules: log((n + 1) / (those that have it + 1))."""
        n = len(batch.fp_offsets)
        having = torch.bincount(batch.fp_columns, minlength=SIZE)
        self.weights.copy_(((n + 1) / (having + 1)).log().clamp(min=0))  # 1 may be rounded

    def forward(self, batch: Batch) -> Tensor:
        """Sketch a batch of n molecules → (n, width)."""
        level = batch.fp_counts.long().clamp(1, _LEVELS) - 1
        rows = SparseRows(
            batch.fp_columns * _LEVELS + level,
            self.weights.sqrt()[batch.fp_columns],
            batch.fp_offsets,
            SIZE * _LEVELS,
        )
        return rows @ self.signs
