"""Activity profiles: what many assays found of the very same molecule, as a few numbers.

Two molecules that the same assays found active are alike in what matters, whatever they look like:
"HTS fingerprints" (Petrone et al. 2012, https://doi.org/10.1021/cb3001028). What an encoder learns
of structure tells that less well (research/profiles.md has what it is worth).
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor, nn
from torch_geometric.data import Batch

from molmeta.chem.fingerprint import SIZE
from molmeta.errors import InputError
from molmeta.models.encoders.few_labels import FewLabels

_FEWEST, _MOST = 8, 4096
_MIX = (-0x61C8864680B583EB, -0x40A7B892E31B1A47)  # of splitmix64, as signed numbers


class Profiles(nn.Module):
    """Recalls the activity profiles of molecules that training assays measured.

    A profile has a number for each assay: the label less the assay's active fraction, 0 where it
    was not measured; it is divided by √(its squared length + 2), so that few labels make a short
    one. Kept are, of molecules that eight or more assays measured, the first principal axes, in
    which products of profiles are nearly what they were; and of the others, if asked for, a sketch
    of few columns beside them (`FewLabels`). A molecule is found by its counts, so stereoisomers
    share a profile; of one that is not kept it is zero.

    Args:
        width: Numbers that a profile is kept in.
        pairs: Whether torsions and atom pairs tell molecules apart too.
        sketched: How many of them, the last ones, are for molecules of fewer labels.

    Raises:
        InputError: If no number is left for the others.
    """

    keys: Tensor
    rows: Tensor

    def __init__(self, width: int, pairs: bool = False, sketched: int = 0) -> None:
        super().__init__()
        if sketched >= width:
            raise InputError.of(
                f"encoder.profile_sketch: {sketched}",
                expected=f"less than encoder.profile: {width}",
            )
        self.width, self.pairs = width, pairs
        self.few = FewLabels(sketched) if sketched else None
        self._silent = False
        self.register_buffer("keys", torch.zeros(0, dtype=torch.int64))
        self.register_buffer("rows", torch.zeros(0, width - sketched))

    def __len__(self) -> int:
        return len(self.keys) + (0 if self.few is None else len(self.few))

    def forward(self, batch: Batch) -> Tensor:
        """Look up the profiles of a batch of n molecules, (n, width)."""
        if self._silent:
            return self.rows.new_zeros(len(batch.fp_offsets), self.width)
        keys = self.key(batch)
        profiles = self.rows.new_zeros(keys.shape[0], self.rows.shape[1])
        if len(self.keys):
            places = torch.searchsorted(self.keys, keys).clamp(max=len(self.keys) - 1)
            profiles = self.rows[places] * (self.keys[places] == keys).unsqueeze(1)
        return profiles if self.few is None else torch.cat([profiles, self.few(keys)], -1)

    @contextmanager
    def forgotten(self) -> Iterator[None]:
        """Forget all molecules while it lasts."""
        before, self._silent = self._silent, True
        try:
            yield
        finally:
            self._silent = before

    def key(self, batch: Batch) -> Tensor:
        """Number each molecule by its counts, int64, (n,): the same number, the same profile."""
        key = _hashed(batch.fp_columns, batch.fp_counts, batch.fp_offsets)
        if self.pairs:
            key = key + _hashed(batch.pair_columns + SIZE, batch.pair_counts, batch.pair_offsets)
        return key

    @torch.no_grad()
    def remember(
        self,
        keys: Tensor,
        molecules: NDArray[np.int64],
        assays: NDArray[np.int64],
        labels: NDArray[np.float32],
    ) -> None:
        """Keep these molecules, in place of those that were kept.

        Of those that eight or more assays measured, the 4,096 of most labels.

        Args:
            keys: Of m molecules, (m,).
            molecules: Which molecule each label belongs to, (n,).
            assays: Which assay, (n,), from 0.
            labels: 1 active, 0 inactive, (n,).
        """
        distinct, same = np.unique(keys.cpu().numpy(), return_inverse=True)
        fraction = np.bincount(assays, labels) / np.maximum(np.bincount(assays), 1)
        places, shape = (same[molecules], assays), (len(distinct), len(fraction))
        found = sparse.csr_matrix((labels - fraction[assays], places), shape=shape)
        # Entries of one place are added up: those of stereoisomers, whose mean counts.
        found.data /= sparse.csr_matrix((np.ones(len(labels)), places), shape=shape).data
        lengths = np.asarray(found.multiply(found).sum(1)).ravel()
        scaled = sparse.csr_matrix(sparse.diags(1 / np.sqrt(lengths + 2)) @ found)
        n_labels = np.diff(found.indptr)
        few = np.flatnonzero((n_labels > 0) & (n_labels < _FEWEST))
        if self.few is not None:
            self.few.remember(distinct[few], scaled[few])
        chosen = np.argsort(-n_labels, kind="stable")[:_MOST]
        chosen = np.sort(chosen[n_labels[chosen] >= _FEWEST])
        device, width = self.rows.device, self.rows.shape[1]
        products = torch.from_numpy((scaled[chosen] @ scaled[chosen].T).toarray())
        strengths, axes = torch.linalg.eigh(products)
        kept = (axes * strengths.clamp(min=0).sqrt()).flip(1)[:, :width].float()
        self.rows = nn.functional.pad(kept, (0, width - kept.shape[1])).to(device)
        self.keys = torch.from_numpy(distinct[chosen]).to(device)

    def _load_from_state_dict(self, state_dict: Mapping[str, Any], prefix: str, *rest: Any) -> None:
        """Make room for as many molecules as are saved."""
        saved = state_dict.get(prefix + "keys")
        if saved is not None and saved.ndim == 1:
            self.keys = self.keys.new_zeros(len(saved))
            self.rows = self.rows.new_zeros(len(saved), self.rows.shape[1])
        super()._load_from_state_dict(state_dict, prefix, *rest)


def _hashed(columns: Tensor, counts: Tensor, offsets: Tensor) -> Tensor:
    """Hash each row of counts, whatever their order, (n,)."""
    mixed = (columns * 256 + counts.long() + 1) * _MIX[0]  # int64 wraps around
    mixed = (mixed ^ (mixed >> 29)) * _MIX[1]
    mixed = mixed ^ (mixed >> 32)
    sums = torch.cat([mixed.new_zeros(1), mixed.cumsum(0)])
    return torch.cat([sums[offsets], sums[-1:]]).diff()
