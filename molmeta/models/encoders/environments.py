"""Distinct atom environments: what message passing would compute twice in a batch, found before.

After l layers an atom's state depends on its environment of radius l alone, so that atoms of one
Weisfeiler-Lehman colour (Weisfeiler and Leman 1968; Shervashidze et al. 2011, JMLR 12:2539) share
it. Molecules of one series share most of theirs.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch_geometric.data import Batch

_MIX = (-0x61C8864680B583EB, -0x40A7B892E31B1A47, -0x6B2FB644ECCEEE15)  # odd, as signed numbers


@dataclass(frozen=True)
class Layer:
    """The way from the environments of one radius to those of the next, n to m.

    Attributes:
        centres: The environment of radius l around the same atom, (m,).
        edge_index: From environments of radius l to those of radius l + 1, (2, e).
        edges: The batch's directed edge that each of these stands for, (e,).
    """

    centres: Tensor
    edge_index: Tensor
    edges: Tensor


@dataclass(frozen=True)
class Environments:
    """The distinct environments of a batch's atoms, radius by radius.

    Attributes:
        atoms: An atom of each environment of radius 0, (n,).
        codes: By radius, 0 first: the environment of each atom, (n_atoms,).
        sizes: By radius, how many there are.
        layers: The way from each radius to the next.
    """

    atoms: Tensor
    codes: list[Tensor]
    sizes: list[int]
    layers: list[Layer]

    @staticmethod
    @torch.no_grad()
    def of(batch: Batch, n_layers: int) -> Environments:
        """Find the environments of a batch up to the radius `n_layers`.

        Two different ones are taken for one with a probability of about n² / 2⁶⁵.
        """
        kinds, bonds = _kinds(batch, "atom", "x"), _kinds(batch, "bond", "edge_attr")
        source, target = batch.edge_index
        colours = _mixed(kinds + 1, 0)
        codes, atoms, size = _distinct(colours)
        found = Environments(atoms, [codes], [size], [])
        for _ in range(n_layers):
            messages = _mixed(colours[source] + _mixed(bonds + 1, 1), 2)
            near = torch.zeros_like(colours).index_add_(0, target, messages)
            colours = _mixed(colours * _MIX[1] + near, 0)
            before, (codes, atoms, size) = codes, _distinct(colours)
            chosen = torch.zeros_like(colours, dtype=torch.bool)
            chosen[atoms] = True
            edges = torch.nonzero(chosen[target]).squeeze(1)
            ways = torch.stack([before[source[edges]], codes[target[edges]]])
            found.layers.append(Layer(before[atoms], ways, edges))
            found.codes.append(codes)
            found.sizes.append(size)
        return found


def _kinds(batch: Batch, name: str, rows: str) -> Tensor:
    """Number the atoms or bonds of a batch by kind, int64."""
    if f"{name}_codes" in batch:
        codes: Tensor = batch[f"{name}_codes"]
    else:
        codes = torch.unique(batch[rows], dim=0, return_inverse=True)[1]
    return codes


def _distinct(colours: Tensor) -> tuple[Tensor, Tensor, int]:
    """Number equal colours alike; give an atom of each, the first, and how many there are."""
    values, codes = torch.unique(colours, return_inverse=True)
    atoms = torch.full_like(values, colours.shape[0])
    atoms.scatter_reduce_(0, codes, torch.arange(colours.shape[0], device=colours.device), "amin")
    return codes, atoms, values.shape[0]


def _mixed(numbers: Tensor, kind: int) -> Tensor:
    """Scramble the bits of int64 numbers, which wrap around."""
    mixed = numbers * _MIX[kind]
    mixed = (mixed ^ (mixed >> 29)) * _MIX[(kind + 1) % 3]
    return mixed ^ (mixed >> 32)
