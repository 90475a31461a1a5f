"""The standard form: molecules as drawn → one form, so that a substance is one molecule.

The form is what RDKit's MolStandardize calls the charge parent: metals disconnected, functional
groups written one way, the largest organic fragment, without charges where hydrogens can take
them up. That costs more than ten times as much as parsing; but most molecules that people have are
in that form already, and a cheap test finds those that cannot change.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from rdkit import Chem
from rdkit.Chem.MolStandardize import rdMolStandardize

from molmeta.errors import InputError

VERSION = 1

# What the clean-up could act on in a molecule of one fragment. Its rules for groups without charges
# are those for sulfoxides and for two double bonds on three-bonded P, As, Sb; it disconnects metals
# and corrects lone atoms; and all else that it does needs a charge.
_CHANGEABLE = Chem.MolFromSmarts(
    "[!+0,$([#16X3]=O),$([P,As,Sb;X3](=*)=*),X0,"
    "!#1!#5!#6!#7!#8!#9!#14!#15!#16!#17!#33!#34!#35!#52!#53]"
)
_CHANGEABLE_UNCHARGED = Chem.MolFromSmarts(
    "[$([#16X3]=O),$([P,As,Sb;X3](=*)=*),X0,!#1!#5!#6!#7!#8!#9!#14!#15!#16!#17!#33!#34!#35!#52!#53]"
)
_CHARGED = Chem.MolFromSmarts("[!+0]")
# Nitro groups, N-oxides, azides: their charges are how they are written, and stay.
_DIPOLE = Chem.MolFromSmarts("[#7+1]~[O-1X1,N-1X1]")
_ISOTOPE = Chem.MolFromSmarts("[!0*]")


@dataclass(frozen=True)
class Standardizer:
    """The standard form of molecules, and the parts of a drawing that it keeps.

    >>> salt = Chem.MolFromSmiles("CC(=O)[O-].[Na+]")
    >>> Chem.MolToSmiles(Standardizer()(salt))
    'CC(=O)O'

    Attributes:
        keep_stereo: Whether stereochemistry is kept.
        keep_isotopes: Whether isotope labels are kept.
        keep_tautomer: Whether the tautomer is kept as drawn, not replaced by RDKit's canonical
            one (tens of milliseconds a molecule).
    """

    keep_stereo: bool = True
    keep_isotopes: bool = True
    keep_tautomer: bool = True

    @property
    def spec(self) -> dict[str, object]:
        """List the settings that stores and checkpoints record, and compare before use together."""
        return {"version": VERSION, **asdict(self)}

    @classmethod
    def from_spec(cls, spec: Mapping[str, object] | None) -> Standardizer | None:
        """Make the standardizer of a `spec`; None, molecules as drawn, for None.

        Raises:
            InputError: If it is of another version of molmeta.
        """
        if spec is None:
            return None
        options = {name: value for name, value in spec.items() if name != "version"}
        if spec.get("version") != VERSION or options.keys() != asdict(cls()).keys():
            raise InputError.of("standard form of molecules", got=dict(spec), expected=cls().spec)
        return cls(**{name: bool(value) for name, value in options.items()})

    def __call__(self, mol: Chem.Mol) -> Chem.Mol:
        """Bring a sanitized molecule to standard form; the molecule itself if it has that form.

        Raises:
            ValueError: If RDKit finds no such form.
        """
        drawn = mol
        if could_change(mol):
            parent = rdMolStandardize.ChargeParent(mol)
            mol = mol if _is_hydrogenated(mol, parent) else parent
        if not self.keep_isotopes and mol.HasSubstructMatch(_ISOTOPE):
            mol = Chem.RemoveHs(rdMolStandardize.IsotopeParent(mol, skipStandardize=True))
        if not self.keep_stereo:
            mol = rdMolStandardize.StereoParent(mol, skipStandardize=True)
        if not self.keep_tautomer:
            mol = rdMolStandardize.TautomerParent(mol, skipStandardize=True)
        if mol is not drawn:  # it has forgotten its possible stereocentres, which descriptors count
            Chem.AssignStereochemistry(mol, True, True, flagPossibleStereoCenters=True)
        return mol


STANDARD = Standardizer()
"""The form in which molecules are read by default. FS-Mol's are published in it."""


def describe(standardize: Standardizer | None) -> str:
    """Describe the form of molecules, with the flags of `molmeta featurize` that give it.

    >>> describe(STANDARD)
    'molecules in standard form (--standardize)'
    """
    if standardize is None:
        return "molecules as drawn (--no-standardize)"
    flags = {
        "--no-stereo": standardize.keep_stereo,
        "--no-isotopes": standardize.keep_isotopes,
        "--one-tautomer": standardize.keep_tautomer,
    }
    named = " ".join(flag for flag, keep in flags.items() if not keep)
    return f"molecules in standard form ({named or '--standardize'})"


def _is_hydrogenated(mol: Chem.Mol, parent: Chem.Mol) -> bool:
    """Return whether clean-up has saturated rings, as RDKit's does to mesoionic ones.

    Moving charges and taking up protons leave the number of hydrogens less the charge alone.
    """
    if mol.GetNumAtoms() != parent.GetNumAtoms():
        return False
    before, after = (
        sum(atom.GetTotalNumHs() for atom in each.GetAtoms()) - Chem.GetFormalCharge(each)
        for each in (mol, parent)
    )
    return after > before


def could_change(mol: Chem.Mol) -> bool:
    """Return whether the charge parent of a molecule might be another one: never wrongly no."""
    if len(Chem.GetMolFrags(mol)) > 1:
        return True
    if not mol.HasSubstructMatch(_CHANGEABLE):
        return False
    if mol.HasSubstructMatch(_CHANGEABLE_UNCHARGED):
        return True
    n_charged = len(mol.GetSubstructMatches(_CHARGED))
    return n_charged != 2 * len(mol.GetSubstructMatches(_DIPOLE))
