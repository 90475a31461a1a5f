"""The laws of encoders, on which learners rely; `check_encoder` holds any encoder to them."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch_geometric.data import Batch

from molmeta.chem.featurize import featurize
from molmeta.episodes.batch import make_batch
from molmeta.models.encoder import Encoder
from molmeta.testing.laws import (
    BrokenLaw,
    Subject,
    check,
    demand_finite,
    demand_gradient_everywhere,
    demand_same_state,
    demand_second_gradient,
    gradients,
)

MOLECULES = (
    "C", "[Na+].[Cl-]", "CCO", "C=CC#N", "c1ccccc1", "CC(=O)Nc1ccc(O)cc1", "C[C@H](N)C(=O)O",
    "Cn1cnc2c1c(=O)n(C)c(=O)n2C", "CS(=O)(=O)c1ccc(F)cc1", "OC(=O)/C=C/C(=O)O",
)  # fmt: skip
"""A single atom, two without a bond, and others of many kinds."""

FIRST = "CC(=O)Nc1ccc(O)cc1"
NEIGHBOURS = ("c1ccccc1", "CCO"), ("c1ccncc1", "CCN")
"""Two sets of companions alike in shape, so that dropout draws the same masks for both."""


def check_encoder(encoder: nn.Module | Callable[[], nn.Module], *, tolerance: float = 1e-5) -> None:
    """Hold an encoder to the laws of encoders.

    It has a width `dim` and turns n molecules into (n, dim); the order of a molecule's atoms does
    not matter; a molecule's vector is the same alone and in a batch, in training too; molecules
    without bonds, and rows without atoms, do no harm; every parameter gets a gradient; second
    gradients are finite; using it changes no parameter and no buffer.

    >>> from molmeta.models import GINE
    >>> check_encoder(GINE(dim=8, layers=1))

    Args:
        encoder: A module, of which a copy is tested; or a class or function that makes one when
            called without arguments.
        tolerance: How far equal vectors may differ, as a fraction of the larger of 1 and their
            greatest entry.

    Raises:
        BrokenLaw: The first law that it breaks and by how much.
    """
    check(encoder, Encoder, LAWS, tolerance=tolerance)


def _shape(subject: Subject) -> None:
    """n molecules become finite vectors of shape (n, dim)."""
    dim: object = _part(subject).dim
    if not isinstance(dim, int) or dim < 1:
        raise BrokenLaw(f"attribute `dim` is {dim!r}; expected the width of a molecule's vector")
    vectors = _encode(subject, MOLECULES)
    if not isinstance(vectors, Tensor) or vectors.shape != (len(MOLECULES), dim):
        got = tuple(vectors.shape) if isinstance(vectors, Tensor) else type(vectors).__name__
        raise BrokenLaw(f"got {got}; expected a tensor of shape {(len(MOLECULES), dim)}")
    demand_finite({"the result": vectors})


def _atom_order(subject: Subject) -> None:
    """The order of a molecule's atoms does not matter."""
    batch = _batch(subject, MOLECULES)
    vectors, permuted = subject.module(batch), subject.module(_reorder_atoms(batch))
    for smiles, one, other in zip(MOLECULES, permuted, vectors, strict=True):
        subject.demand_equal(one, other, f"{smiles} with its atoms in another order")


def _alone(subject: Subject) -> None:
    """A molecule's vector is the same alone and in a batch."""
    for smiles, vector in zip(MOLECULES, _encode(subject, MOLECULES), strict=True):
        subject.demand_equal(_encode(subject, [smiles])[0], vector, f"{smiles} alone")


def _training(subject: Subject) -> None:
    """In training, too, a molecule's vector does not depend on the others in its batch."""
    subject.module.train()
    vectors = []
    for others in NEIGHBOURS:
        torch.manual_seed(0)
        vectors.append(_encode(subject, [FIRST, *others])[0])
    subject.demand_equal(vectors[1], vectors[0], f"{FIRST} among {' and '.join(NEIGHBOURS[1])}")


def _edgeless(subject: Subject) -> None:
    """Molecules without any bond are encoded, and their gradients are finite."""
    for molecules in (["C"], ["[Na+].[Cl-]"], ["C", "[Na+].[Cl-]"]):
        _demand_all_finite(subject, molecules)


def _empty_rows(subject: Subject) -> None:
    """A row without atoms (a rejected molecule) does not disturb the others."""
    plain, padded = ["CCO", "c1ccccc1"], ["", "CCO", "", "c1ccccc1", ""]
    among_empty = _encode(subject, padded)
    if len(among_empty) != len(padded):
        raise BrokenLaw(f"{len(padded)} rows, some without atoms, became {len(among_empty)}")
    subject.demand_equal(among_empty[[1, 3]], _encode(subject, plain), "a molecule beside them")
    for molecules in (padded, ["", ""], []):
        _demand_all_finite(subject, molecules)


def _gradient(subject: Subject) -> None:
    """Every parameter gets a gradient."""
    demand_gradient_everywhere(_loss(subject, MOLECULES), subject.parameters())


def _second_gradient(subject: Subject) -> None:
    """Second gradients are finite (MAML differentiates twice; fused attention cannot)."""
    demand_second_gradient(_loss(subject, MOLECULES), subject.parameters())


def _state(subject: Subject) -> None:
    """Encoding changes no parameter and no buffer."""
    subject.module.train()
    demand_same_state(subject.module, lambda: _encode(subject, MOLECULES))


LAWS = (
    _shape, _atom_order, _alone, _training, _edgeless, _empty_rows, _gradient, _second_gradient,
    _state,
)  # fmt: skip


def _part(subject: Subject) -> Encoder:
    assert isinstance(subject.module, Encoder)
    return subject.module


def _encode(subject: Subject, molecules: Sequence[str]) -> Tensor:
    vectors: Tensor = subject.module(_batch(subject, molecules))
    return vectors


def _batch(subject: Subject, molecules: Sequence[str]) -> Batch:
    features = featurize(list(molecules), reads=_part(subject).reads)
    return make_batch(features, np.arange(len(molecules)), _part(subject).reads)


def _loss(subject: Subject, molecules: Sequence[str]) -> Tensor:
    """Compute a scalar that weighs every entry by itself: plain sums hide what cancels."""
    vectors = _encode(subject, molecules)
    generator = torch.Generator().manual_seed(1)
    return (vectors * torch.randn(vectors.shape, generator=generator)).sum().square()


def _demand_all_finite(subject: Subject, molecules: Sequence[str]) -> None:
    vectors = _encode(subject, molecules)
    if vectors.shape != (len(molecules), _part(subject).dim):
        raise BrokenLaw(f"{list(molecules)} became {tuple(vectors.shape)}")
    found = gradients(vectors.square().sum(), subject.parameters())
    named = {f"the gradient of {name}": value for name, value in found.items()}
    demand_finite({f"the vectors of {list(molecules)}": vectors, **named})


def _reorder_atoms(batch: Batch) -> Batch:
    """Shuffle the atoms of molecules; edges stay sorted by source and target."""
    if "edge_index" not in batch:
        return batch
    shuffle = torch.rand(len(batch.batch), generator=torch.Generator().manual_seed(2))
    old = torch.from_numpy(np.lexsort((shuffle.numpy(), batch.batch.numpy())))
    new = torch.empty_like(old).index_copy(0, old, torch.arange(len(old)))
    edges = new[batch.edge_index]
    order = (edges[0] * len(old) + edges[1]).argsort()
    result = batch.clone()
    result.x, result.atom_codes = batch.x[old], batch.atom_codes[old]
    result.edge_index = edges[:, order]
    result.edge_attr, result.bond_codes = batch.edge_attr[order], batch.bond_codes[order]
    return result
