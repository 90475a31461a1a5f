"""The graph encoder: environments against Weisfeiler-Lehman by hand, vectors atom by atom."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional
from torch_geometric.data import Batch

from molmeta.assays import drug_mechanisms
from molmeta.chem.featurize import featurize
from molmeta.episodes.batch import make_batch
from molmeta.models import GraphEncoder
from molmeta.models.encoders.environments import Environments
from molmeta.testing import check_encoder

SMILES = [*drug_mechanisms("test")["smiles"].unique()[:12], "C", "[Na+].[Cl-]", "CCCCCCCC"]
N_LAYERS = 3


def batch(*smiles: str, reads: tuple[str, ...] = ("graphs",)) -> Batch:
    molecules = featurize(smiles or SMILES, reads=reads)
    return make_batch(molecules, np.arange(len(molecules)), reads)


def encoder(**settings: int) -> GraphEncoder:
    torch.manual_seed(0)
    return GraphEncoder(**{"dim": 6, "width": 8, "layers": N_LAYERS, "readout": 5, "hidden": 12}
                        | settings)  # fmt: skip


def colours(graphs: Batch) -> list[list[object]]:
    """Every atom's environment by radius, written out whole."""
    edges = list(zip(*graphs.edge_index.tolist(), graphs.edge_attr.tolist(), strict=True))
    found: list[list[object]] = [[tuple(row) for row in graphs.x.tolist()]]
    for _ in range(N_LAYERS):
        before = found[-1]
        near: list[list[object]] = [[] for _ in before]
        for source, target, bond in edges:
            near[target].append((tuple(bond), before[source]))
        found.append([(own, tuple(sorted(near[v], key=repr))) for v, own in enumerate(before)])
    return found


@pytest.mark.parametrize("with_codes", [True, False])
def test_atoms_share_an_environment_if_and_only_if_it_is_the_same(with_codes: bool) -> None:
    graphs = batch()
    if not with_codes:  # as torch_geometric's own loaders give it
        graphs = Batch(
            x=graphs.x, edge_index=graphs.edge_index, edge_attr=graphs.edge_attr, ptr=graphs.ptr
        )
    environments = Environments.of(graphs, N_LAYERS)
    for codes, size, truth in zip(environments.codes, environments.sizes, colours(graphs),
                                  strict=True):  # fmt: skip
        pairs = set(zip(codes.tolist(), map(repr, truth), strict=True))
        assert len(pairs) == size == len(set(map(repr, truth)))
        assert sorted(set(codes.tolist())) == list(range(size))
    assert environments.sizes[-1] < len(graphs.x)  # of octane each half is the other's mirror


def atom_by_atom(subject: GraphEncoder, graphs: Batch) -> Tensor:
    """The formula without a thought for what could be shared."""
    source, target = graphs.edge_index
    x, sums = subject.atoms(graphs), []
    h = torch.empty(0)
    for depth, norm in enumerate(subject.norms):
        if depth:
            bonds, network = subject.bonds[depth - 1], cast(Any, subject.convolutions[depth - 1]).nn
            messages = functional.relu(h[source] + bonds(graphs))
            x = x + network(h + torch.zeros_like(h).index_add(0, target, messages))
        h = norm(x)
        read = functional.silu(subject.readouts[depth](h))
        sums.append(read.new_zeros(len(graphs.ptr) - 1, 5).index_add(0, graphs.batch, read))
    summed = torch.cat(sums, -1)
    pooled = torch.cat([summed / 20, summed / graphs.ptr.diff().unsqueeze(1)], -1)
    return subject.final_norm(subject.last(functional.silu(subject.first(subject.norm(pooled)))))


def test_vectors_and_gradients_are_those_of_every_atom_computed_alone() -> None:
    subject, graphs = encoder().double(), batch()
    expected, found = atom_by_atom(subject, graphs), subject(graphs)
    torch.testing.assert_close(found, expected)
    weights = torch.randn(found.shape, dtype=torch.float64)
    for parameter, other in zip(
        torch.autograd.grad((found * weights).sum(), list(subject.parameters())),
        torch.autograd.grad((expected * weights).sum(), list(subject.parameters())),
        strict=True,
    ):
        torch.testing.assert_close(parameter, other)


@pytest.mark.parametrize(
    "settings", [{"sketch": 4, "properties": 3}, {"profile": 4, "profile_sketch": 1}, {"layers": 0}]
)
def test_what_stands_beside_the_vector_obeys_every_law(settings: dict[str, int]) -> None:
    check_encoder(encoder(**settings))
    reads = {"graphs"} if settings == {"layers": 0} else {"graphs", "fingerprints"}
    assert encoder(**settings).reads == reads


def test_properties_are_predicted_and_no_descriptor_is_read_in_use() -> None:
    subject = encoder(properties=3)
    assert "descriptors" not in subject.reads
    assert subject.predicts == {"descriptors"}
    graphs = batch(reads=("graphs", "descriptors"))
    assert encoder().targets(graphs) is None
    subject.fit_inputs(graphs)
    targets = subject.targets(graphs)
    assert targets is not None
    assert subject.scale is not None
    assert subject.axes is not None
    ranks = subject.scale(graphs.descriptors)
    torch.testing.assert_close(targets, ranks @ subject.axes.axes)
    # Its own rows hold what it predicts, which nothing has trained yet.
    rows = subject(graphs)[:, subject.columns["properties"]]
    assert rows.shape == targets.shape
    assert not torch.allclose(rows, targets, atol=0.1)
