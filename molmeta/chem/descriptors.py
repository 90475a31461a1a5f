"""Descriptors: physical and chemical numbers of molecules, those of RDKit's that cost little.

All 217 cost 73 times as much as parsing, these 69 some five times. Left out are qed, BertzCT, SPS,
Ipc, the BCUT2D, EState and fragment-count families, higher Chi and Kappa indices, and MolLogP and
MolMR, in whose place SlogP_VSA and SMR_VSA stand (surface area by contribution to each).
"""

from collections.abc import Callable, Iterable
from itertools import chain

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem
from rdkit.Chem import rdMolDescriptors

_SINGLE: dict[str, Callable[[Chem.Mol], float]] = {
    "ExactMolWt": rdMolDescriptors.CalcExactMolWt,
    "HeavyAtomCount": Chem.Mol.GetNumHeavyAtoms,
    "NumHeteroatoms": rdMolDescriptors.CalcNumHeteroatoms,
    "NumHDonors": rdMolDescriptors.CalcNumHBD,
    "NumHAcceptors": rdMolDescriptors.CalcNumHBA,
    "NHOHCount": rdMolDescriptors.CalcNumLipinskiHBD,
    "NOCount": rdMolDescriptors.CalcNumLipinskiHBA,
    "NumRotatableBonds": rdMolDescriptors.CalcNumRotatableBonds,
    "NumAmideBonds": rdMolDescriptors.CalcNumAmideBonds,
    "FractionCSP3": rdMolDescriptors.CalcFractionCSP3,
    "TPSA": rdMolDescriptors.CalcTPSA,
    "LabuteASA": rdMolDescriptors.CalcLabuteASA,
    "RingCount": rdMolDescriptors.CalcNumRings,
    "NumAromaticRings": rdMolDescriptors.CalcNumAromaticRings,
    "NumAliphaticRings": rdMolDescriptors.CalcNumAliphaticRings,
    "NumSaturatedRings": rdMolDescriptors.CalcNumSaturatedRings,
    "NumAromaticCarbocycles": rdMolDescriptors.CalcNumAromaticCarbocycles,
    "NumAliphaticCarbocycles": rdMolDescriptors.CalcNumAliphaticCarbocycles,
    "NumSaturatedCarbocycles": rdMolDescriptors.CalcNumSaturatedCarbocycles,
    "NumHeterocycles": rdMolDescriptors.CalcNumHeterocycles,
    "NumAromaticHeterocycles": rdMolDescriptors.CalcNumAromaticHeterocycles,
    "NumAliphaticHeterocycles": rdMolDescriptors.CalcNumAliphaticHeterocycles,
    "NumSaturatedHeterocycles": rdMolDescriptors.CalcNumSaturatedHeterocycles,
    "NumSpiroAtoms": rdMolDescriptors.CalcNumSpiroAtoms,
    "NumBridgeheadAtoms": rdMolDescriptors.CalcNumBridgeheadAtoms,
    "NumAtomStereoCenters": rdMolDescriptors.CalcNumAtomStereoCenters,
    "NumUnspecifiedAtomStereoCenters": rdMolDescriptors.CalcNumUnspecifiedAtomStereoCenters,
    "HallKierAlpha": rdMolDescriptors.CalcHallKierAlpha,
    "Kappa1": rdMolDescriptors.CalcKappa1,
    "Chi0n": rdMolDescriptors.CalcChi0n,
    "Chi0v": rdMolDescriptors.CalcChi0v,
    "Chi1n": rdMolDescriptors.CalcChi1n,
    "Chi1v": rdMolDescriptors.CalcChi1v,
}
_FAMILIES: dict[str, tuple[int, Callable[[Chem.Mol], Iterable[float]]]] = {
    "PEOE_VSA": (14, rdMolDescriptors.PEOE_VSA_),
    "SlogP_VSA": (12, rdMolDescriptors.SlogP_VSA_),
    "SMR_VSA": (10, rdMolDescriptors.SMR_VSA_),
}

DESCRIPTORS: tuple[str, ...] = (
    *_SINGLE,
    *(f"{name}{k}" for name, (size, _) in _FAMILIES.items() for k in range(1, size + 1)),
)
"""The names of the columns, as in `rdkit.Chem.Descriptors`."""


def describe(mols: Iterable[Chem.Mol | None]) -> NDArray[np.float32]:
    """Compute the descriptors of each molecule.

    >>> describe([Chem.MolFromSmiles("CCO"), None]).shape
    (2, 69)

    Args:
        mols: Molecules; the row of a None is NaN.

    Returns:
        (n, len(DESCRIPTORS)); NaN where RDKit has no finite value, as for some metals.
    """
    nothing = [np.nan] * len(DESCRIPTORS)
    rows = [nothing if mol is None else _row(mol) for mol in mols]
    values = np.array(rows, np.float64).reshape(-1, len(DESCRIPTORS))
    values[~(np.abs(values) <= np.finfo(np.float32).max)] = np.nan
    return values.astype(np.float32)


def _row(mol: Chem.Mol) -> list[float]:
    singles = (function(mol) for function in _SINGLE.values())
    families = (function(mol) for _, function in _FAMILIES.values())
    return [*singles, *chain.from_iterable(families)]
