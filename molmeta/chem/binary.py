"""Many molecules → features at once: RDKit's binary form of them, decoded by numpy.

Asking RDKit's getters for each atom costs three times as much as parsing. `Mol.ToBinary` writes
all that is needed in one call (RDKit's `MolPickler.cpp`, version 16; one byte unless noted):

    molecule  20 of header, number of atoms (4), of bonds (4), 2 of header,
              atoms, BEGIN_BONDS, bonds, BEGIN_RINGS, number of rings (4), rings, END
    atom      atomic number, flags, which fields follow (4), the fields
    bond      begin, end, flags, [type], [direction], [stereo, number of stereo atoms, those]
    ring      number of atoms, those

Records vary in length, so that each can be found only from the one before. But the length that a
record would have can be computed for *every* byte at once; then all molecules step from record to
record together. What this reader does not know it reports, and the getters take over.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem

from molmeta.chem.features import (
    ATOM_SIZES,
    BOND_SIZES,
    HYBRIDIZATIONS,
    LOWEST_CHARGE,
    Features,
    read_by_getters,
)

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]

_WITHOUT_EXTRAS = int(Chem.PropertyPickleOptions.NoConformers)
_NOTHING = Chem.MolFromSmiles("").ToBinary(_WITHOUT_EXTRAS)
_BEGIN_BONDS, _END, _BEGIN_RINGS = 11, 22, 66
_AT_ATOM_COUNT, _AT_BOND_COUNT, _AT_ATOMS = 20, 24, 30
_MOST_RECORDS = 255  # above that RDKit writes atom indices as 4 bytes
_PADDING = 64
_STRANGE_ATOM = 0b10011110  # coordinates, query, atom map, dummy label, monomer
_STRANGE_BOND = 0b10010001  # query, end points
_HYBRIDIZATION = np.full(256, 255, np.uint8)
_HYBRIDIZATION[: len(HYBRIDIZATIONS)] = HYBRIDIZATIONS
_SP3 = int(Chem.HybridizationType.SP3)
_SINGLE = int(Chem.BondType.SINGLE)


def read_binary(mols: Sequence[Chem.Mol | None]) -> tuple[Features, NDArray[np.bool_]]:
    """Read the features of many molecules; some hundreds are best.

    Args:
        mols: Sanitized molecules; a None has no atoms.

    Returns:
        The features, without those of molecules that this reader does not understand or whose
        features lie outside torch_geometric's; and which these are, (n,).
    """
    blobs = [_NOTHING if mol is None else mol.ToBinary(_WITHOUT_EXTRAS) for mol in mols]
    features, strange = _decode(blobs)
    if strange.any():
        known = [_NOTHING if odd else blob for blob, odd in zip(blobs, strange, strict=True)]
        features, _ = _decode(known)
    return features, strange


@cache
def is_trustworthy() -> bool:
    """Whether this RDKit still writes what this reader reads: tried once on telling molecules."""
    smiles = (
        "C[C@H](N)C(=O)[O-].[Na+]",
        "c1ccccc1/C=C/F",
        "[13CH3][CH2]",
        "C1CC2CC1C2",
        "[O-][n+]1cc[nH]c1",
        "C[S@](=O)CC#N",
        "F/C=C\\C=[N+]=[N-]",
        "FS(F)(F)(F)(F)F",
        "N[Pt](Cl)Cl",
        "[He]",
    )
    mols = [Chem.MolFromSmiles(one) for one in smiles]
    expected = read_by_getters(mols)
    try:
        features, strange = read_binary(mols)
    except (IndexError, ValueError):
        strange = np.ones(1, bool)
    if not strange.any() and all(
        np.array_equal(value, getattr(expected, name)) for name, value in vars(features).items()
    ):
        return True
    warnings.warn("this RDKit writes another binary format; featurizing is slow", stacklevel=2)
    return False


def _decode(blobs: list[bytes]) -> tuple[Features, NDArray[np.bool_]]:
    """The features of all molecules, and which of them must not be trusted, (n,)."""
    data = np.frombuffer(b"".join(blobs) + bytes(_PADDING), np.uint8)
    limits = np.cumsum([0, *map(len, blobs)])
    starts = limits[:-1]
    n_atoms, strange = _count(data, starts + _AT_ATOM_COUNT)
    n_bonds, too_many = _count(data, starts + _AT_BOND_COUNT)
    strange |= too_many

    atom_at, bonds_tag = _walk(_atom_steps(data), starts + _AT_ATOMS, n_atoms)
    bond_at, rings_tag = _walk(_bond_steps(data), bonds_tag + 1, n_bonds)
    n_rings, too_many = _count(data, rings_tag + 1)
    ring_at, end_tag = _walk(data + np.int64(1), rings_tag + 5, n_rings)
    strange |= too_many | (data[bonds_tag] != _BEGIN_BONDS) | (data[rings_tag] != _BEGIN_RINGS)
    strange |= (data[end_tag] != _END) | (end_tag + 1 != limits[1:])

    molecule_of_atom = np.repeat(np.arange(len(blobs)), n_atoms)
    molecule_of_bond = np.repeat(np.arange(len(blobs)), n_bonds)
    first_atom = np.cumsum(n_atoms) - n_atoms
    begins, ends = data[bond_at].astype(np.int64), data[bond_at + 1].astype(np.int64)
    both_ends = np.concatenate([begins, ends]) + np.tile(first_atom[molecule_of_bond], 2)
    degrees = np.bincount(both_ends, minlength=len(atom_at))[: len(atom_at)].astype(np.uint8)
    ring_atoms = _ring_atoms(data, ring_at, np.repeat(first_atom, n_rings))
    in_ring = np.bincount(ring_atoms, minlength=len(atom_at))[: len(atom_at)] > 0

    atoms = _atom_features(data, atom_at, degrees, in_ring)
    bonds = _bond_features(data, bond_at)
    odd_atom = (data[atom_at + 1] & _STRANGE_ATOM > 0) | (atoms >= ATOM_SIZES).any(axis=1)
    odd_bond = (data[bond_at + 2] & _STRANGE_BOND > 0) | (bonds >= BOND_SIZES).any(axis=1)
    strange[molecule_of_atom[odd_atom]] = True
    strange[molecule_of_bond[odd_bond]] = True
    return Features(atoms, bonds, begins, ends, n_atoms, n_bonds), strange


def _count(data: Bytes, at: Ints) -> tuple[Ints, NDArray[np.bool_]]:
    """The 4-byte counts at `at`; those that are too large become 0 and are reported."""
    counts = data[at[:, None] + np.arange(4)].view("<u4")[:, 0].astype(np.int64)
    too_many = counts > _MOST_RECORDS
    return np.where(too_many, 0, counts), too_many


def _walk(steps: NDArray[np.integer], starts: Ints, counts: Ints) -> tuple[Ints, Ints]:
    """Step from record to record in all molecules at once.

    Args:
        steps: The length that a record would have that began at this byte, (n_bytes,).
        starts: The first record of each molecule, (n,).
        counts: How many records each molecule has, (n,).

    Returns:
        Where the records begin, molecule by molecule, (counts.sum(),), and where the last record
        of each molecule ends, (n,).
    """
    following = np.minimum(np.arange(len(steps)) + steps, len(steps) - _PADDING)
    at = np.empty((counts.max(initial=0) + 1, len(starts)), np.int64)
    at[0] = starts
    for k in range(len(at) - 1):  # molecules with fewer records walk on, unheeded
        np.take(following, at[k], out=at[k + 1])
    is_record = np.arange(len(at))[None, :] < counts[:, None]
    records: Ints = at.T[is_record]
    return records, at[counts, np.arange(len(starts))]


def _atom_steps(data: Bytes) -> Ints:
    steps = np.full(len(data), 6)
    steps[:-2] += np.bitwise_count(data[2:] & 0b11111110)
    steps[:-3] += 4 * (data[3:] & 1)  # the isotope
    return steps


def _bond_steps(data: Bytes) -> Ints:
    flags = np.append(data[2:], np.zeros(2, np.uint8))
    steps: Ints = 3 + np.bitwise_count(flags & 0b1100).astype(np.int64)
    (with_stereo,) = np.nonzero(flags & 0b10)
    n_stereo_atoms = data[np.minimum(with_stereo + steps[with_stereo] + 1, len(data) - 1)]
    steps[with_stereo] += 2 + n_stereo_atoms.astype(np.int64)
    return steps


def _atom_features(data: Bytes, at: Ints, degrees: Bytes, in_ring: NDArray[np.bool_]) -> Bytes:
    flags, fields = data[at + 1], data[at + 2]

    def field(bit: int, default: int) -> Bytes:
        before = np.bitwise_count(fields & ((1 << bit) - 2))
        return np.where(fields >> bit & 1, data[at + 6 + before], np.uint8(default))

    implicit_hs = np.where(flags >> 5 & 1, np.uint8(0), field(6, 0))
    n_hs = field(4, 0) + implicit_hs
    columns = (
        data[at],
        field(2, 0),
        degrees + n_hs,
        field(1, 0) - np.uint8(256 + LOWEST_CHARGE),  # a charge is a signed byte
        n_hs,
        field(7, 0),
        _HYBRIDIZATION[field(3, _SP3)],
        flags >> 6 & 1,
        in_ring,
    )
    return np.stack(columns, axis=1, dtype=np.uint8, casting="unsafe")


def _bond_features(data: Bytes, at: Ints) -> Bytes:
    flags = data[at + 2]
    kinds = np.where(flags >> 3 & 1, data[at + 3], np.uint8(_SINGLE))
    stereo_at = at + 3 + np.bitwise_count(flags & 0b1100)
    stereo = np.where(flags >> 1 & 1, data[stereo_at], np.uint8(0))
    return np.stack([kinds, stereo, flags >> 5 & 1], axis=1)


def _ring_atoms(data: Bytes, at: Ints, first_atom: Ints) -> Ints:
    """The atoms of all rings, counted over all molecules."""
    sizes = data[at].astype(np.int64)
    within = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    members = data[np.minimum(np.repeat(at + 1, sizes) + within, len(data) - 1)]
    atoms: Ints = members + np.repeat(first_atom, sizes)
    return atoms
