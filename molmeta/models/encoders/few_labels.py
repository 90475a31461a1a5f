"""Profiles of few labels: a sketch of what one to seven assays found of a molecule."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from torch import Tensor, nn

from molmeta.models.sparse import SparseRows

_SAVED = ("keys", "counts", "columns", "values")


class FewLabels(nn.Module):
    """A count sketch of sparse rows (Charikar et al. 2002, doi:10.1007/3-540-45465-9_59).

    Each assay has one of `width` columns and a sign, both drawn at random; what a molecule has of
    its assays is added up there. Products of two molecules are those of their rows, but where two
    assays share a column.

    Args:
        width: Columns of the sketch.
    """

    keys: Tensor
    counts: Tensor
    columns: Tensor
    values: Tensor
    starts: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width
        self.register_buffer("keys", torch.zeros(0, dtype=torch.int64))
        self.register_buffer("counts", torch.zeros(0, dtype=torch.uint8))
        self.register_buffer("columns", torch.zeros(0, dtype=torch.int16))
        self.register_buffer("values", torch.zeros(0))
        # Found once from the counts, since every batch looks it up.
        self.register_buffer("starts", torch.zeros(0, dtype=torch.int64), persistent=False)

    def __len__(self) -> int:
        return len(self.keys)

    def forward(self, keys: Tensor) -> Tensor:
        """Look up the sketches of n molecules, (n, width); zero for those that are not kept."""
        if not len(self):
            return self.values.new_zeros(keys.shape[0], self.width)
        places = torch.searchsorted(self.keys, keys).clamp(max=len(self) - 1)
        lengths = self.counts[places].long() * (self.keys[places] == keys)
        offsets = lengths.cumsum(0) - lengths
        taken = (self.starts[places] - offsets).repeat_interleave(lengths)
        taken = taken + torch.arange(taken.shape[0], device=taken.device)
        rows = SparseRows(self.columns[taken].long(), self.values[taken], offsets, self.width)
        return rows @ torch.eye(self.width, dtype=self.values.dtype, device=self.values.device)

    @torch.no_grad()
    def remember(self, keys: NDArray[np.int64], rows: csr_matrix) -> None:
        """Keep these molecules, in place of those that were kept.

        Args:
            keys: By which they are found, in ascending order, (m,).
            rows: What there is of each, by assay, (m, n_assays); 255 numbers each at most.
        """
        # RandomState's stream is frozen: the same draws in every version of numpy.
        random = np.random.RandomState(0)
        columns = random.permutation(rows.shape[1]) % self.width
        signs = random.randint(0, 2, rows.shape[1]) * 2 - 1
        device = self.keys.device
        self.keys = torch.from_numpy(keys).to(device)
        self.counts = torch.from_numpy(np.diff(rows.indptr).astype(np.uint8)).to(device)
        self.columns = torch.from_numpy(columns[rows.indices].astype(np.int16)).to(device)
        values = (rows.data * signs[rows.indices]).astype(np.float32)
        self.values = torch.from_numpy(values).to(device)
        self.starts = _starts(self.counts)

    def _load_from_state_dict(self, state_dict: Mapping[str, Any], prefix: str, *rest: Any) -> None:
        """Make room for as many molecules as are saved."""
        for name in _SAVED:
            saved = state_dict.get(prefix + name)
            if saved is not None:
                setattr(self, name, getattr(self, name).new_zeros(len(saved)))
        super()._load_from_state_dict(state_dict, prefix, *rest)
        self.starts = _starts(self.counts)


def _starts(counts: Tensor) -> Tensor:
    """Find where the entries of each of m molecules begin, (m,)."""
    return counts.long().cumsum(0) - counts.long()
