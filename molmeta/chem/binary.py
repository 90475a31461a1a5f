"""The binary reader: features of many molecules at once, from RDKit's binary form, by numpy.

Asking RDKit's getters for each atom costs three times as much as parsing. `Mol.ToBinary` writes
all that is needed in one call (RDKit's `MolPickler.cpp`, version 16; one byte unless noted):

    molecule  20 of header, number of atoms (4), of bonds (4), 2 of header,
              atoms, BEGIN_BONDS, bonds, BEGIN_RINGS, number of rings (4), rings, END
    atom      atomic number, flags, which fields follow (4), the fields
    bond      begin, end, flags, [type], [direction], [stereo, number of stereo atoms (2), those]
    ring      number of atoms, those

Records vary in length, so that each can be found only from the one before. But the length that a
record would have can be computed for *every* byte at once; then all molecules step from record to
record together. What this reader does not know it reports, and the getters take over.
"""

import warnings
from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem

from molmeta.chem.atoms import (
    ATOM_SIZES,
    BOND_SIZES,
    HYBRIDIZATIONS,
    LOWEST_CHARGE,
    Features,
    first_outside,
    read_by_getters,
)
from molmeta.chem.graph import Graphs

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]

_BEGIN_BONDS, _END, _BEGIN_RINGS = 11, 22, 66
_AT_ATOM_COUNT, _AT_BOND_COUNT, _AT_ATOMS = 20, 24, 30
_MOST_RECORDS = 255  # above that RDKit writes atom indices as 4 bytes
_BYTE_FIELDS = 0b11111110
_STRANGE_ATOM = 0b10011110  # coordinates, query, atom map, dummy label, monomer
_STRANGE_BOND = 0b10010001  # query, end points
_HYBRIDIZATION = np.full(256, 255, np.uint8)
_HYBRIDIZATION[: len(HYBRIDIZATIONS)] = HYBRIDIZATIONS
_SP3 = int(Chem.HybridizationType.SP3)
_SINGLE = int(Chem.BondType.SINGLE)


def to_binary(mol: Chem.Mol) -> bytes:
    """Write a sanitized molecule in RDKit's binary form, without properties and coordinates."""
    blob: bytes = mol.ToBinary(int(Chem.PropertyPickleOptions.NoConformers))
    return blob


NOTHING = to_binary(Chem.MolFromSmiles(""))
"""A molecule without atoms: what stands for one that was rejected."""


def read_graphs(blobs: Sequence[bytes]) -> tuple[Graphs, dict[int, str]]:
    """Read the graphs of molecules in binary form; some hundreds at a time are best.

    Returns:
        The graphs; and the rows whose features have no code, which are empty graphs, with the
        reasons.
    """
    if is_trustworthy():
        features, strange = read_features(blobs)
    else:
        features, strange = read_by_getters([None] * len(blobs)), np.ones(len(blobs), bool)
    graphs = Graphs.from_features(features)
    rows = np.flatnonzero(strange)
    if not rows.size:
        return graphs, {}
    mols = {row: Chem.Mol(blobs[row]) for row in rows.tolist()}  # type: ignore[call-overload]
    reasons = {row: reason for row, mol in mols.items() if (reason := first_outside(mol))}
    slow = read_by_getters([None if row in reasons else mol for row, mol in mols.items()])
    order = np.arange(len(blobs))
    order[rows] = len(blobs) + np.arange(len(rows))
    return Graphs.concatenate([graphs, Graphs.from_features(slow)]).select(order), reasons


def read_features(blobs: Sequence[bytes]) -> tuple[Features, NDArray[np.bool_]]:
    """Read the features of molecules, and mark those that are strange and left out, (n,).

    Strange is what this reader does not know, and what torch_geometric has no code for.
    """
    features, strange = _decode(blobs)
    if strange.any():
        known = [NOTHING if odd else blob for blob, odd in zip(blobs, strange, strict=True)]
        features, _ = _decode(known)
    return features, strange


@cache
def is_trustworthy() -> bool:
    """Return whether RDKit still writes the format that is read here; tried once."""
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
        features, strange = read_features([*map(to_binary, mols)])
    except (IndexError, ValueError):
        strange = np.ones(1, bool)
    if not strange.any() and all(
        np.array_equal(value, getattr(expected, name)) for name, value in vars(features).items()
    ):
        return True
    warnings.warn("this RDKit writes another binary format; featurizing is slow", stacklevel=2)
    return False


def _decode(blobs: Sequence[bytes]) -> tuple[Features, NDArray[np.bool_]]:
    """Read the features of all molecules, and mark those that must not be trusted, (n,)."""
    data = np.frombuffer(b"".join(blobs), np.uint8)
    limits = np.cumsum([0, *map(len, blobs)])
    n_atoms, strange = _count(data, limits[:-1] + _AT_ATOM_COUNT)
    n_bonds, too_many = _count(data, limits[:-1] + _AT_BOND_COUNT)
    strange |= too_many

    atom_at, bonds_tag = _walk(_atom_steps(data), limits[:-1] + _AT_ATOMS, n_atoms)
    bond_at, rings_tag = _walk(_bond_steps(data), bonds_tag + 1, n_bonds)
    n_rings, too_many = _count(data, rings_tag + 1)
    ring_at, end_tag = _walk(data + np.uint8(1), rings_tag + 5, n_rings)
    strange |= too_many | (end_tag + 1 != limits[1:])
    for tag, at in ((_BEGIN_BONDS, bonds_tag), (_BEGIN_RINGS, rings_tag), (_END, end_tag)):
        strange |= _read(data, at) != tag

    begins, ends = (_read(data, bond_at + k).astype(np.int64) for k in (0, 1))
    first_atom = np.cumsum(n_atoms) - n_atoms
    first_of_bond = np.repeat(first_atom, n_bonds)
    neighbours = np.concatenate([begins + first_of_bond, ends + first_of_bond])
    ring_atoms = _ring_atoms(data, ring_at, np.repeat(first_atom, n_rings))
    degrees = np.bincount(neighbours, minlength=len(atom_at))[: len(atom_at)].astype(np.uint8)
    in_ring = np.bincount(ring_atoms, minlength=len(atom_at))[: len(atom_at)] > 0

    atoms, odd_atoms = _atom_features(data, atom_at, degrees, in_ring)
    bonds, odd_bonds = _bond_features(data, bond_at)
    strange[np.repeat(np.arange(len(blobs)), n_atoms)[odd_atoms]] = True
    strange[np.repeat(np.arange(len(blobs)), n_bonds)[odd_bonds]] = True
    return Features(atoms, bonds, begins, ends, n_atoms, n_bonds), strange


def _read(data: Bytes, at: Ints) -> Bytes:
    """Read the bytes at some places; where a strange molecule led astray, any byte."""
    return data.take(at, mode="clip")


def _count(data: Bytes, at: Ints) -> tuple[Ints, NDArray[np.bool_]]:
    """Read the 4-byte counts at some places; mark those that are too large, which become 0."""
    counts = _read(data, at[:, None] + np.arange(4)).view("<u4")[:, 0].astype(np.int64)
    too_many = counts > _MOST_RECORDS
    return np.where(too_many, 0, counts), too_many


def _walk(steps: Bytes, starts: Ints, counts: Ints) -> tuple[Ints, Ints]:
    """Step from record to record in all molecules at once.

    Args:
        steps: The length that a record would have that began at this byte, (n_bytes,).
        starts: The first record of each molecule, (n,).
        counts: How many records each molecule has, (n,).

    Returns:
        Where the records begin, molecule by molecule, (counts.sum(),), and where the last record
        of each molecule ends, (n,).
    """
    at = np.empty((counts.max(initial=0) + 1, len(starts)), np.int64)
    at[0] = starts
    for k in range(len(at) - 1):  # molecules with fewer records walk on, unheeded
        np.add(at[k], _read(steps, at[k]), out=at[k + 1])
    is_record = np.arange(len(at)) < counts[:, None]
    records: Ints = at.T[is_record]
    return records, at[counts, np.arange(len(starts))]


def _atom_steps(data: Bytes) -> Bytes:
    steps = np.full(len(data), 6, np.uint8)
    steps[:-2] += np.bitwise_count(data[2:] & _BYTE_FIELDS)
    steps[:-3] += (data[3:] & 1) << 2  # the isotope
    return steps


def _bond_steps(data: Bytes) -> Bytes:
    steps = np.full(len(data), 3, np.uint8)
    steps[:-2] += np.bitwise_count(data[2:] & 0b1100) + ((data[2:] & 0b10) << 1)
    return steps


def _atom_features(
    data: Bytes, at: Ints, degrees: Bytes, in_ring: NDArray[np.bool_]
) -> tuple[Bytes, NDArray[np.bool_]]:
    """Read atoms' features, (n_atoms, 9); mark the strange and those without a code, (n_atoms,)."""
    flags, fields = _read(data, at + 1), _read(data, at + 2)

    def field(bit: int, default: int) -> Bytes:
        before = np.bitwise_count(fields & np.uint8((1 << bit) - 2))
        return np.where(fields >> bit & 1, _read(data, at + 6 + before), np.uint8(default))

    n_hs = field(4, 0) + np.where(flags >> 5 & 1, np.uint8(0), field(6, 0))
    features = np.stack(
        (
            _read(data, at),
            field(2, 0),
            degrees + n_hs,
            field(1, 0) - np.uint8(256 + LOWEST_CHARGE),  # a charge is a signed byte
            n_hs,
            field(7, 0),
            _HYBRIDIZATION[field(3, _SP3)],
            flags >> 6 & 1,
            in_ring.view(np.uint8),
        )
    )
    odd = (features >= np.array(ATOM_SIZES, np.uint8)[:, None]).any(axis=0)
    return features.T, odd | (flags & _STRANGE_ATOM > 0)


def _bond_features(data: Bytes, at: Ints) -> tuple[Bytes, NDArray[np.bool_]]:
    """Read bonds' features, (n_bonds, 3); mark the strange and those without a code, (n_bonds,)."""
    flags = _read(data, at + 2)
    has_stereo = flags & 0b10 > 0
    stereo_at = at + 3 + np.bitwise_count(flags & 0b1100)
    features = np.stack(
        (
            np.where(flags >> 3 & 1, _read(data, at + 3), np.uint8(_SINGLE)),
            np.where(has_stereo, _read(data, stereo_at), np.uint8(0)),
            flags >> 5 & 1,
        )
    )
    odd = (features >= np.array(BOND_SIZES, np.uint8)[:, None]).any(axis=0) | (
        flags & _STRANGE_BOND > 0
    )
    return features.T, odd | (has_stereo & (_read(data, stereo_at + 1) != 2))


def _ring_atoms(data: Bytes, at: Ints, first_atom: Ints) -> Ints:
    """List the atoms of all rings, counted over all molecules."""
    sizes = _read(data, at).astype(np.int64)
    within = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    atoms = _read(data, np.repeat(at + 1, sizes) + within).astype(np.int64)
    return atoms + np.repeat(first_atom, sizes)
