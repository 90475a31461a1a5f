"""Twenty molecules with known concentrations: those of ../../shared/data/cases."""

from __future__ import annotations

from functools import cache

from rdkit import Chem
from rdkit.Chem.Descriptors import MolWt  # type: ignore[attr-defined]

SMILES = (
    "CC(=O)Nc1ccc(O)cc1",
    "CCN(CC)CCNC(=O)c1ccc(N)cc1",
    "Clc1ccc(cc1)C(c1ccccc1)N1CCNCC1",
    "COc1ccc2[nH]cc(CCN)c2c1",
    "O=C(O)c1ccccc1Nc1ccccc1",
    "CC(C)NCC(O)COc1cccc2ccccc12",
    "CN1CCC[C@H]1c1cccnc1",
    "Cc1ccc(cc1)S(=O)(=O)NC(=O)NC1CCCCC1",
    "Fc1ccc(cc1)C(=O)CCCN1CCCCC1",
    "O=c1[nH]c2ccccc2n1CCCN1CCCCC1",
    "CCOC(=O)c1ccc(NC(C)=O)cc1",
    "Nc1ncnc2c1ncn2C1CCCC1",
    "CC1=CC(=O)c2ccccc2C1=O",
    "COc1cc(C=CC(=O)NC2CCCC2)ccc1O",
    "c1ccc2c(c1)[nH]c1ccccc12",
    "O=C(Nc1ccccc1)c1cccnc1",
    "CCCCOc1ccc(CC(=O)NO)cc1",
    "Oc1ccc(cc1)-c1coc2cc(O)cc(O)c2c1=O",
    "CN(C)c1ccc(cc1)C(=O)c1ccc(N(C)C)cc1",
    "NC(=O)c1cc(-c2ccccc2)nn1C",
)
NANOMOLAR = (
    12, 250, 3100, 45000, 900, 75, 15, 8800, 420, 1000,
    33000, 5.5, 180, 610, 2400, 15000, 98, 7.2, 5100, 66000,
)  # fmt: skip
DOSE = 10_000.0  # nM, at which inhibition is measured


@cache
def weight(smiles: str) -> float:
    """The molecular weight in g/mol."""
    return float(MolWt(Chem.MolFromSmiles(smiles)))


def inhibition(nanomolar: float) -> float:
    """Per cent at the dose, by the law of mass action."""
    return 100 * DOSE / (DOSE + nanomolar)
