"""Graphs: many molecules as flat arrays, which stores keep on disk and batches are cut from.

Only some 140 different atoms and 20 different bonds occur in real molecules, so that each is one
byte: a code into a palette. `Graphs.dense` gives what torch_geometric's loaders would.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from molmeta.chem.atoms import ATOM_SIZES, BOND_SIZES, Features, read_by_getters

Codes = NDArray[np.unsignedinteger]
Ints = NDArray[np.int64]
Offsets = NDArray[np.signedinteger]


@dataclass(frozen=True)
class DenseGraphs:
    """Molecules of one batch, as torch_geometric's `Batch.from_data_list` holds them.

    Attributes:
        x: Atom features, (N, 9).
        edge_index: Source and target atom of each directed edge, (2, E), sorted by both.
        edge_attr: Bond features of each directed edge, (E, 3).
        batch: The molecule of each atom, (N,).
        ptr: The first atom of each molecule, and N, (n + 1,).
        atom_codes: The palette row of each atom, (N,).
        bond_codes: The palette row of each directed edge, (E,).
    """

    x: Ints
    edge_index: Ints
    edge_attr: Ints
    batch: Ints
    ptr: Ints
    atom_codes: Ints
    bond_codes: Ints


@dataclass(frozen=True, eq=False)
class Graphs:
    """n molecules, atoms and bonds end to end; a rejected molecule is an empty graph.

    >>> from molmeta.chem.featurize import featurize
    >>> graphs = featurize(["CCO", "C("]).graphs
    >>> len(graphs), graphs.n_atoms.tolist(), graphs.dense([0]).edge_index.tolist()
    (2, [3, 0], [[0, 1, 1, 2], [1, 0, 2, 1]])

    Attributes:
        atom_rows: Palette: the distinct atom features, (A, 9) uint8.
        bond_rows: Palette: the distinct bond features, (B, 3) uint8.
        atoms: The palette row of each atom, (n_atoms,).
        bonds: The palette row of each bond, (n_bonds,); a bond is stored once.
        begins: The lower atom of each bond, counted within its molecule, (n_bonds,).
        ends: The higher atom; bonds are sorted by (begin, end) within a molecule.
        atom_offsets: The first atom of each molecule, and n_atoms, (n + 1,) int32 or int64.
        bond_offsets: The first bond of each molecule, and n_bonds, (n + 1,).
    """

    atom_rows: NDArray[np.uint8]
    bond_rows: NDArray[np.uint8]
    atoms: Codes
    bonds: Codes
    begins: Codes
    ends: Codes
    atom_offsets: Offsets
    bond_offsets: Offsets

    @staticmethod
    def from_features(features: Features) -> Graphs:
        """Sort the bonds and replace features, all in range, by codes into palettes."""
        low = np.minimum(features.begins, features.ends)
        high = np.maximum(features.begins, features.ends)
        molecule = np.repeat(np.arange(len(features.n_bonds)), features.n_bonds)
        width = high.max(initial=0) + 1
        order = np.argsort((molecule * width + low) * width + high, kind="stable")
        atom_rows, atoms = _palette(features.atoms, ATOM_SIZES)
        bond_rows, bonds = _palette(features.bonds[order], BOND_SIZES)
        return Graphs(
            atom_rows=atom_rows,
            bond_rows=bond_rows,
            atoms=atoms,
            bonds=bonds,
            begins=_narrow(low[order]),
            ends=_narrow(high[order]),
            atom_offsets=_compact(_offsets(features.n_atoms)),
            bond_offsets=_compact(_offsets(features.n_bonds)),
        )

    def __len__(self) -> int:
        return len(self.atom_offsets) - 1

    @property
    def n_atoms(self) -> Ints:
        """Count the atoms of each molecule, (n,); 0 where it was rejected."""
        return np.diff(self.atom_offsets).astype(np.int64)

    @property
    def n_bonds(self) -> Ints:
        """Count the bonds of each molecule, (n,)."""
        return np.diff(self.bond_offsets).astype(np.int64)

    @property
    def nbytes(self) -> int:
        """Count the bytes of all arrays."""
        return sum(array.nbytes for array in vars(self).values())

    def select(self, indices: ArrayLike) -> Graphs:
        """Select the molecules at `indices`, (k,), in that order; the palettes stay as they are.

        Raises:
            IndexError: If an index lies outside 0 … n - 1 (-1 does not mean the last molecule).
        """
        chosen = self._checked(indices)
        atom_positions, atom_offsets = _gather(self.atom_offsets, chosen)
        bond_positions, bond_offsets = _gather(self.bond_offsets, chosen)
        return replace(
            self,
            atoms=np.asarray(self.atoms)[atom_positions],
            bonds=np.asarray(self.bonds)[bond_positions],
            begins=np.asarray(self.begins)[bond_positions],
            ends=np.asarray(self.ends)[bond_positions],
            atom_offsets=_compact(atom_offsets),
            bond_offsets=_compact(bond_offsets),
        )

    @staticmethod
    def concatenate(parts: Sequence[Graphs]) -> Graphs:
        """Join the molecules of all parts, in order; the palettes are merged."""
        if not parts:
            return Graphs.from_features(read_by_getters([]))
        atom_rows, atoms = _merge([(part.atom_rows, part.atoms) for part in parts], ATOM_SIZES)
        bond_rows, bonds = _merge([(part.bond_rows, part.bonds) for part in parts], BOND_SIZES)
        return Graphs(
            atom_rows=atom_rows,
            bond_rows=bond_rows,
            atoms=atoms,
            bonds=bonds,
            begins=_narrow(np.concatenate([part.begins for part in parts])),
            ends=_narrow(np.concatenate([part.ends for part in parts])),
            atom_offsets=_compact(_offsets(np.concatenate([part.n_atoms for part in parts]))),
            bond_offsets=_compact(_offsets(np.concatenate([part.n_bonds for part in parts]))),
        )

    def dense(self, indices: ArrayLike) -> DenseGraphs:
        """Batch the molecules at `indices`, identical to torch_geometric's batch.

        Raises:
            IndexError: If an index lies outside 0 … n - 1.
        """
        chosen = self._checked(indices)
        atom_positions, ptr = _gather(self.atom_offsets, chosen)
        bond_positions, bond_ptr = _gather(self.bond_offsets, chosen)
        first_atom = np.repeat(ptr[:-1], np.diff(bond_ptr))
        begins = np.asarray(self.begins)[bond_positions] + first_atom
        ends = np.asarray(self.ends)[bond_positions] + first_atom
        bond_codes = np.asarray(self.bonds)[bond_positions].astype(np.int64)
        # Bonds are sorted by (begin, end). So with all reversed bonds before all forward ones, each
        # source atom meets its targets in rising order, and a stable sort by source is enough.
        sources = np.concatenate([ends, begins])
        order = np.argsort(sources, kind="stable")
        edge_index = np.stack([sources[order], np.concatenate([begins, ends])[order]])
        edge_codes = np.concatenate([bond_codes, bond_codes])[order]
        atom_codes = np.asarray(self.atoms)[atom_positions].astype(np.int64)
        return DenseGraphs(
            x=np.asarray(self.atom_rows, np.int64).take(atom_codes, axis=0),
            edge_index=edge_index,
            edge_attr=np.asarray(self.bond_rows, np.int64).take(edge_codes, axis=0),
            batch=np.repeat(np.arange(len(chosen)), np.diff(ptr)),
            ptr=ptr,
            atom_codes=atom_codes,
            bond_codes=edge_codes,
        )

    def _checked(self, indices: ArrayLike) -> Ints:
        chosen = np.asarray(indices, dtype=np.int64).reshape(-1)
        if chosen.size and not (chosen.min() >= 0 and chosen.max() < len(self)):
            raise IndexError(
                f"molecule indices {chosen.min()} … {chosen.max()}; expected 0 … {len(self) - 1}"
            )
        return chosen


def _narrow(values: NDArray[np.integer]) -> Codes:
    """Store `values`, none negative, in the smallest unsigned type that holds them."""
    largest = values.max(initial=0)
    kind = np.uint8 if largest < 2**8 else np.uint16 if largest < 2**16 else np.uint32
    return values.astype(kind, copy=False)


def _offsets(counts: NDArray[np.integer]) -> Ints:
    offsets = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=offsets[1:])
    return offsets


def _compact(offsets: Ints) -> Offsets:
    return offsets.astype(np.int32) if offsets[-1] < 2**31 else offsets


def _gather(offsets: Offsets, chosen: Ints) -> tuple[Ints, Ints]:
    """Find the positions of the parts `chosen` of a flat array, and their new offsets."""
    starts = np.asarray(offsets)[chosen]
    counts = np.asarray(offsets)[chosen + 1] - starts
    new = _offsets(counts)
    return np.arange(new[-1]) + np.repeat(starts - new[:-1], counts), new


def _palette(rows: NDArray[np.integer], sizes: tuple[int, ...]) -> tuple[NDArray[np.uint8], Codes]:
    """Find the distinct `rows`, sorted, and the code of each row."""
    keys = np.ravel_multi_index(tuple(rows.T), sizes)
    _, first, codes = np.unique(keys, return_index=True, return_inverse=True)
    return rows[first].astype(np.uint8), _narrow(codes)


def _merge(
    parts: list[tuple[NDArray[np.uint8], Codes]], sizes: tuple[int, ...]
) -> tuple[NDArray[np.uint8], Codes]:
    """Merge several palettes into one; give the codes under it."""
    rows, translation = _palette(np.concatenate([rows for rows, _ in parts]), sizes)
    starts = _offsets(np.array([len(rows) for rows, _ in parts]))[:-1]
    codes = [translation[start:][codes] for start, (_, codes) in zip(starts, parts, strict=True)]
    return rows, np.concatenate(codes)
