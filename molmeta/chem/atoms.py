"""Features of atoms and bonds, by RDKit's getters: the plain definition.

The columns and codes are those of `torch_geometric.utils.from_smiles` (9 for an atom, 3 for a
bond), written as the index into its lists of values.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem

ATOM_COLUMNS = (
    "atomic_num",
    "chirality",
    "degree",
    "formal_charge",
    "num_hs",
    "num_radical_electrons",
    "hybridization",
    "is_aromatic",
    "is_in_ring",
)
ATOM_SIZES = (119, 9, 11, 12, 9, 5, 8, 2, 2)
"""How many values each atom column can take: 0 … size - 1."""

BOND_COLUMNS = ("bond_type", "stereo", "is_conjugated")
BOND_SIZES = (22, 6, 2)
"""How many values each bond column can take."""

LOWEST_CHARGE = -5

HYBRIDIZATIONS = (0, 1, 2, 3, 4, 8, 5, 6, 7)
"""RDKit's numbers (…, SP3, SP2D, SP3D, …) → torch_geometric's, which has no SP2D (8 is outside)."""


@dataclass(frozen=True)
class Features:
    """The features of n molecules, end to end, in RDKit's order of atoms and bonds.

    Attributes:
        atoms: (n_atoms, 9) uint8.
        bonds: (n_bonds, 3) uint8.
        begins: The first atom of each bond, counted within its molecule, (n_bonds,).
        ends: The second atom, (n_bonds,).
        n_atoms: Per molecule, (n,).
        n_bonds: Per molecule, (n,).
    """

    atoms: NDArray[np.uint8]
    bonds: NDArray[np.uint8]
    begins: NDArray[np.int64]
    ends: NDArray[np.int64]
    n_atoms: NDArray[np.int64]
    n_bonds: NDArray[np.int64]


def read_by_getters(mols: Sequence[Chem.Mol | None]) -> Features:
    """Read the features of molecules (a None has no atoms), all within torch_geometric's."""
    atoms = [atom_row(atom) for mol in mols if mol is not None for atom in mol.GetAtoms()]
    bonds = [
        (*bond_row(bond), bond.GetBeginAtomIdx(), bond.GetEndAtomIdx())
        for mol in mols
        if mol is not None
        for bond in mol.GetBonds()
    ]
    table = np.array(bonds, np.int64).reshape(-1, len(BOND_SIZES) + 2)
    return Features(
        atoms=np.array(atoms, np.uint8).reshape(-1, len(ATOM_SIZES)),
        bonds=table[:, :-2].astype(np.uint8),
        begins=table[:, -2],
        ends=table[:, -1],
        n_atoms=np.array([0 if mol is None else mol.GetNumAtoms() for mol in mols], np.int64),
        n_bonds=np.array([0 if mol is None else mol.GetNumBonds() for mol in mols], np.int64),
    )


def atom_row(atom: Chem.Atom) -> tuple[int, ...]:
    """Read the 9 features of an atom; some may lie outside `ATOM_SIZES`."""
    return (
        atom.GetAtomicNum(),
        int(atom.GetChiralTag()),
        atom.GetTotalDegree(),
        atom.GetFormalCharge() - LOWEST_CHARGE,
        atom.GetTotalNumHs(),
        atom.GetNumRadicalElectrons(),
        HYBRIDIZATIONS[int(atom.GetHybridization())],
        int(atom.GetIsAromatic()),
        int(atom.IsInRing()),
    )


def bond_row(bond: Chem.Bond) -> tuple[int, ...]:
    """Read the 3 features of a bond; some may lie outside `BOND_SIZES`."""
    return int(bond.GetBondType()), int(bond.GetStereo()), int(bond.GetIsConjugated())


def first_outside(mol: Chem.Mol) -> str:
    """Name the first feature that torch_geometric has no code for, as a reason; "" if none."""
    for atom in mol.GetAtoms():
        for name, value, size in zip(ATOM_COLUMNS, atom_row(atom), ATOM_SIZES, strict=True):
            if not 0 <= value < size:
                given = {
                    "formal_charge": value + LOWEST_CHARGE,
                    "hybridization": atom.GetHybridization(),
                }.get(name, value)
                return f"atom {atom.GetIdx()} ({atom.GetSymbol()}): no code for {name} {given}"
    for bond in mol.GetBonds():
        if not all(0 <= v < size for v, size in zip(bond_row(bond), BOND_SIZES, strict=True)):
            return f"bond {bond.GetIdx()}: no code for {bond.GetBondType()}, {bond.GetStereo()}"
    return ""
