"""Every registered encoder: the conformance suite, second derivatives, formulas, bad settings."""

from __future__ import annotations

import copy
from typing import Any, cast

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch_geometric.transforms import AddRandomWalkPE
from torch_geometric.utils import from_smiles

from molmeta.chem.featurize import featurize
from molmeta.episodes.batch import collate
from molmeta.errors import InputError
from molmeta.models import DMPNN, ENCODERS, Encoder
from molmeta.models.encoders.dmpnn import reverse_edges
from molmeta.models.encoders.gps import return_probabilities
from molmeta.models.encoders.jumping import JumpingKnowledge
from molmeta.models.encoders.readout import Readout
from molmeta.testing import check_encoder

SMILES = ["CC(=O)Nc1ccc(O)cc1", "C", "[Na+].[Cl-]", "C1CC1CN", "OC(=O)C=C"]
BATCH = collate(featurize(SMILES).graphs, np.arange(len(SMILES)))
OTHERS = ("fingerprint", "hybrid", "graph", "joined")  # of other settings
GRAPH_ENCODERS = [name for name in ENCODERS.names() if name not in OTHERS]
VARIANTS: dict[str, dict[str, Any]] = {
    "default": {},
    "all": {"jumping": "concat", "readout": ("sum", "mean", "max", "attention"), "dropout": 0.2},
    "greatest": {"jumping": "max", "readout": "max"},
    "no layer": {"layers": 0, "readout": "attention"},
}


def build(name: str, **settings: Any) -> Encoder:
    torch.manual_seed(0)
    encoder: Encoder = ENCODERS.find(name)(**{"dim": 16, "layers": 2, **settings})
    return encoder


@pytest.mark.parametrize("name", ENCODERS.names())
def test_defaults_obey_every_law(name: str) -> None:
    check_encoder(ENCODERS.find(name))


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("name", GRAPH_ENCODERS)
def test_variants_obey_every_law(name: str, variant: str) -> None:
    check_encoder(build(name, **VARIANTS[variant]))


def loss_gradient(encoder: Encoder, create_graph: bool = False) -> list[Tensor]:
    weights = torch.linspace(-1, 1, len(SMILES) * encoder.dim, dtype=torch.float64)
    loss = (encoder(BATCH).flatten() * weights).tanh().sum()
    return list(torch.autograd.grad(loss, list(encoder.parameters()), create_graph=create_graph))


@pytest.mark.parametrize("readout", ["sum", ("mean", "max", "attention")])
@pytest.mark.parametrize("name", GRAPH_ENCODERS)
def test_second_derivative_equals_central_differences(name: str, readout: Any) -> None:
    """In float64, along a random direction: through scatter, segment softmax, max and attention."""
    encoder = build(name, readout=readout).double()
    generator = torch.Generator().manual_seed(1)
    direction = [
        torch.randn(p.shape, generator=generator, dtype=torch.float64) for p in encoder.parameters()
    ]
    first = loss_gradient(encoder, create_graph=True)
    products = [(g * d).sum() for g, d in zip(first, direction, strict=True)]
    along = torch.stack(products).sum()
    analytic = torch.autograd.grad(along, list(encoder.parameters()))
    moved = []
    for sign in (+1, -1):
        other = copy.deepcopy(encoder)
        with torch.no_grad():
            for parameter, way in zip(other.parameters(), direction, strict=True):
                parameter.add_(way, alpha=sign * 1e-6)
        moved.append(loss_gradient(other))
    for product, plus, minus in zip(analytic, *moved, strict=True):
        torch.testing.assert_close(product, (plus - minus) / 2e-6, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("gatv2", {"heads": 3}, "encoder.heads; got 3 for a width of 16"),
        ("gps", {"heads": 5}, "encoder.heads"),
        ("pna", {"towers": 3}, "encoder.towers"),
        ("pna", {"degrees": (7,)}, "encoder.degrees"),
        ("gine", {"readout": ()}, "readout"),
        ("gine", {"readout": "median"}, "readout"),
        ("gine", {"jumping": "first"}, "jumping"),
    ],
)
def test_settings_that_cannot_be_are_refused(
    name: str, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        build(name, **settings)


def test_dmpnn_is_its_formula_bond_by_bond() -> None:
    encoder = build("dmpnn", layers=3).double()
    assert isinstance(encoder, DMPNN)
    silu, nothing = functional.silu, torch.zeros(16, dtype=torch.float64)
    x, edges = encoder.atoms(BATCH), [(int(v), int(w)) for v, w in BATCH.edge_index.T]
    first = {
        (v, w): encoder.start(torch.cat([x[v], bond]))
        for (v, w), bond in zip(edges, encoder.bonds(BATCH), strict=True)
    }
    state = {edge: silu(value) for edge, value in first.items()}
    for _ in range(3):
        heard = {
            (v, w): sum((state[k, u] for k, u in edges if u == v and k != w), nothing)
            for v, w in edges
        }
        state = {edge: silu(first[edge] + encoder.messages(heard[edge])) for edge in edges}
    arriving = [sum((state[k, u] for k, u in edges if u == v), nothing) for v in range(len(x))]
    atoms = silu(encoder.finish(torch.cat([x, torch.stack(arriving)], dim=-1)))
    expected = encoder.readout(encoder.final_norm(atoms), BATCH)
    torch.testing.assert_close(encoder(BATCH), expected)


def test_reverse_edges_in_any_order() -> None:
    order = torch.randperm(BATCH.edge_index.shape[1], generator=torch.Generator().manual_seed(0))
    shuffled = BATCH.edge_index[:, order]
    reverse = reverse_edges(shuffled, len(BATCH.x))
    assert torch.equal(shuffled[:, reverse], shuffled.flip(0))


def test_return_probabilities_are_those_of_torch_geometric() -> None:
    ours = return_probabilities(BATCH, 6)
    transform = AddRandomWalkPE(7, attr_name="walk")
    theirs = torch.cat([transform(from_smiles(smiles)).walk for smiles in SMILES])
    bonded = theirs.sum(1) > 0
    torch.testing.assert_close(ours[bonded], theirs[bonded][:, 1:])
    assert not ours[~bonded].any()


def test_readouts_are_what_they_are_called() -> None:
    readout = Readout(3, ("sum", "mean", "max", "attention"))
    x = torch.randn(len(BATCH.x), 3, generator=torch.Generator().manual_seed(0))
    pooled = readout(x, BATCH)
    assert pooled.shape == (len(SMILES), readout.dim)
    for molecule, row in enumerate(pooled):
        atoms = x[BATCH.batch == molecule]
        weights = cast(Any, readout.parts[3]).gate_nn(atoms).softmax(0)
        expected = [atoms.sum(0) / 20, atoms.mean(0), atoms.max(0).values, (weights * atoms).sum(0)]
        torch.testing.assert_close(row, torch.cat(expected))


def test_jumping_knowledge_sees_every_depth() -> None:
    states = list(torch.randn(3, 5, 4, generator=torch.Generator().manual_seed(0)))
    assert torch.equal(JumpingKnowledge(4, 2, "last")(states), states[-1])
    assert torch.equal(JumpingKnowledge(4, 2, "max")(states), torch.stack(states).amax(0))
    concat = JumpingKnowledge(4, 2, "concat")
    torch.testing.assert_close(
        concat(states), torch.cat(states, -1) @ cast(nn.Linear, concat.project).weight.T
    )
