"""One atom or bond → its features, by RDKit's getters: the plain definition.

The columns and codes are those of `torch_geometric.utils.from_smiles` (9 for an atom, 3 for a
bond), written as the index into its lists of values.
"""

from __future__ import annotations

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


def atom_row(atom: Chem.Atom) -> tuple[int, ...]:
    """The 9 features of an atom; some may lie outside `ATOM_SIZES`."""
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
    """The 3 features of a bond; some may lie outside `BOND_SIZES`."""
    return int(bond.GetBondType()), int(bond.GetStereo()), int(bond.GetIsConjugated())


def first_outside(mol: Chem.Mol) -> str:
    """The first feature of `mol` that torch_geometric has no code for, as a reason; "" if none."""
    for atom in mol.GetAtoms():
        for name, value, size in zip(ATOM_COLUMNS, atom_row(atom), ATOM_SIZES, strict=True):
            if not 0 <= value < size:
                value += LOWEST_CHARGE if name == "formal_charge" else 0
                return f"atom {atom.GetIdx()} ({atom.GetSymbol()}): {name} {value} is out of range"
    for bond in mol.GetBonds():
        for name, value, size in zip(BOND_COLUMNS, bond_row(bond), BOND_SIZES, strict=True):
            if not 0 <= value < size:
                return f"bond {bond.GetIdx()}: {name} {value} is out of range"
    return ""
