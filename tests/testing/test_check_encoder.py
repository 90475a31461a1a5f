"""The encoders' suite finds what it is for: each broken encoder breaks the law that it should."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch_geometric.data import Batch
from torch_geometric.nn import BatchNorm, GPSConv, GraphNorm, global_add_pool
from torch_geometric.utils import to_dense_batch

from molmeta.models import GINE, Encoder
from molmeta.models.encoders.embedding import AtomEmbedding
from molmeta.testing import BrokenLaw, check_encoder


class Bag(Encoder):
    """Sums an MLP over the atoms: a right encoder for the broken ones to spoil."""

    dim = 8

    def __init__(self) -> None:
        super().__init__()
        self.atoms = AtomEmbedding(8)
        self.mix = nn.Linear(8, 8)

    def embed(self, batch: Batch) -> Tensor:
        return torch.tanh(self.mix(self.atoms(batch)))

    def pool(self, x: Tensor, batch: Batch) -> Tensor:
        pooled: Tensor = global_add_pool(x, batch.batch, batch.num_graphs)
        return pooled

    def forward(self, batch: Batch) -> Tensor:
        return self.pool(self.embed(batch), batch)


class NoWidth(Bag):
    dim = None  # type: ignore[assignment]


class WrongWidth(Bag):
    dim = 9


class PositionAware(Bag):
    def forward(self, batch: Batch) -> Tensor:
        places = torch.arange(len(batch.batch)) - batch.ptr[:-1][batch.batch]
        return self.pool(self.embed(batch) * (1 + places[:, None]), batch)


class GraphNormalised(Bag):
    """Normalises over all atoms of the batch: the classic forgotten `batch`."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = GraphNorm(8)

    def forward(self, batch: Batch) -> Tensor:
        return self.pool(self.norm(self.embed(batch)), batch)


class BatchNormalised(Bag):
    """Right in evaluation mode, where it uses what it has averaged; coupled in training."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = BatchNorm(8)

    def forward(self, batch: Batch) -> Tensor:
        return self.pool(self.norm(self.embed(batch)), batch)


class DividesByBonds(Bag):
    def forward(self, batch: Batch) -> Tensor:
        of_bond = batch.batch[batch.edge_index[0]]
        return super().forward(batch) / of_bond.bincount(minlength=batch.num_graphs)[:, None]


class ForgetsEmptyRows(Bag):
    def forward(self, batch: Batch) -> Tensor:
        pooled: Tensor = global_add_pool(self.embed(batch), batch.batch)
        return pooled


class UnusedPart(Bag):
    def __init__(self) -> None:
        super().__init__()
        self.forgotten = nn.Linear(8, 8)


class Counting(Bag):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, batch: Batch) -> Tensor:
        self.seen += batch.num_graphs
        return super().forward(batch)


class FusedAttention(Bag):
    """Attention by the kernel that torch picks on its own; it has no second derivative."""

    def forward(self, batch: Batch) -> Tensor:
        x = self.embed(batch)
        if not len(x):
            return self.pool(x, batch)
        dense, mask = to_dense_batch(x, batch.batch, batch_size=batch.num_graphs)
        bias = torch.zeros(mask.shape).masked_fill(~mask, -1e9)[:, None, None]
        dense = dense[:, None]
        mixed = functional.scaled_dot_product_attention(dense, dense, dense, attn_mask=bias)
        return self.pool(mixed[:, 0][mask], batch)


class PlainGPS(Bag):
    """torch_geometric's GPSConv as it comes: batch normalisation, fused attention."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = GPSConv(8, None)

    def forward(self, batch: Batch) -> Tensor:
        return self.pool(self.layer(self.embed(batch), batch.edge_index, batch.batch), batch)


def test_a_right_encoder_passes_as_class_factory_and_module() -> None:
    check_encoder(Bag)
    check_encoder(lambda: GINE(dim=8, layers=1, dropout=0.5))
    encoder = Bag()
    check_encoder(encoder)
    assert encoder.training
    assert encoder.mix.weight.grad is None


def test_the_suite_leaves_the_generator_alone() -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state()
    check_encoder(Bag)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (NoWidth, "NoWidth .*attribute `dim` is None"),
        (WrongWidth, r"got \(10, 8\); expected a tensor of shape \(10, 9\)"),
        (PositionAware, "order of a molecule's atoms.*differs by .*; allowed"),
        (GraphNormalised, 'alone and in a batch".*differs by'),
        (BatchNormalised, "In training.*differs by"),
        (DividesByBonds, "finite"),
        (ForgetsEmptyRows, "without atoms"),
        (UnusedPart, "no gradient reaches forgotten.weight, forgotten.bias"),
        (Counting, "changes no .*using it changes seen"),
        (FusedAttention, "Second gradients.*not implemented"),
        (PlainGPS, "PlainGPS breaks the law"),
        (lambda: nn.Linear(1, 1), "Linear: got .*derived from molmeta.models.Encoder"),
        (lambda: 3, "int: got 3; expected .* derived from molmeta.models.Encoder"),
    ],
)
def test_each_broken_encoder_is_told_its_law(broken: type[nn.Module], message: str) -> None:
    with pytest.raises(BrokenLaw, match=message):
        check_encoder(broken)
