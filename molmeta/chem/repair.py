"""Repairs of SMILES that older versions of RDKit wrote and newer ones refuse."""

from rdkit import Chem

_PHOSPHORUS, _OXYGEN = 15, 8


def repair(smiles: str) -> Chem.Mol | None:
    """Read a SMILES with `[PH](=O)(=O)`, as 2,067 rows of FS-Mol have it; None for any other.

    A tautomer canonicalizer of old moved the hydrogen of a phosphoric, phosphonic or phosphinic
    acid from oxygen to phosphorus, which then has seven bonds: RDKit once allowed that. No such
    molecule exists; there is one acid of these atoms and bonds, and moving the hydrogen back to
    either oxygen, which are alike, gives it.

    >>> Chem.MolToSmiles(repair("C[PH](=O)(=O)O"))
    'CP(=O)(O)O'
    """
    if "[PH]" not in smiles:
        return None
    mol = Chem.MolFromSmiles(smiles, sanitize=False)
    if mol is None:
        return None
    for atom in mol.GetAtoms():
        if atom.GetAtomicNum() == _PHOSPHORUS and atom.GetNumExplicitHs() and atom.GetDegree() == 4:
            oxo = [bond for bond in atom.GetBonds() if _is_oxo(bond, atom)]
            if len(oxo) == 2:
                oxo[0].SetBondType(Chem.BondType.SINGLE)  # its oxygen is filled up with hydrogen
                atom.SetNumExplicitHs(0)
                atom.SetNoImplicit(False)
    return Chem.MolFromSmiles(Chem.MolToSmiles(mol, canonical=False))


def respell(smiles: str) -> str:
    """Write a molecule that needs a repair as RDKit reads it; any other text stays as it is."""
    mol = repair(smiles)
    return smiles if mol is None else Chem.MolToSmiles(mol)


def _is_oxo(bond: Chem.Bond, atom: Chem.Atom) -> bool:
    other = bond.GetOtherAtom(atom)
    is_bare = other.GetDegree() == 1 and other.GetFormalCharge() == 0
    return (
        bond.GetBondType() == Chem.BondType.DOUBLE and other.GetAtomicNum() == _OXYGEN and is_bare
    )
