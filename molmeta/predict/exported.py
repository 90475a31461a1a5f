"""An exported encoder on SMILES, without molmeta: RDKit, numpy, and torch or onnxruntime.

`molmeta export` writes this file beside the program. What it computes, the program's metadata say.

    from encoder import ExportedEncoder

    vectors = ExportedEncoder("encoder.pt2")(["CCO", "c1ccccc1O"])
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem, rdBase
from rdkit.Chem import Descriptors, rdFingerprintGenerator
from rdkit.Chem.MolStandardize import rdMolStandardize

METADATA = "molmeta.json"
"""The name of the metadata in a program: in its `extra_files`, or its `metadata_props` in ONNX."""

Arrays = dict[str, NDArray[Any]]
Vectors = NDArray[np.float32]
Told = Mapping[str, Any]  # of one input, by the metadata
_HYBRIDIZATIONS = (0, 1, 2, 3, 4, 8, 5, 6, 7)
_GROUPS = (
    "$([#16X3]=O),$([P,As,Sb;X3](=*)=*),X0,!#1!#5!#6!#7!#8!#9!#14!#15!#16!#17!#33!#34!#35!#52!#53"
)
_CHANGEABLE = Chem.MolFromSmarts(f"[{_GROUPS}]")
_CHARGED = Chem.MolFromSmarts("[!+0]")
_DIPOLE = Chem.MolFromSmarts("[#7+1]~[O-1X1,N-1X1]")
_ISOTOPE = Chem.MolFromSmarts("[!0*]")
_MORGAN = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)
_TORSIONS = rdFingerprintGenerator.GetTopologicalTorsionGenerator(fpSize=1024)
_ATOM_PAIRS = rdFingerprintGenerator.GetAtomPairGenerator(fpSize=1024)
_DESCRIPTORS = dict(Descriptors.descList)


class ExportedEncoder:
    """SMILES → vectors, by a program that `molmeta export` wrote.

    Args:
        path: The program: `.pt2`, which torch runs, or `.onnx`, which onnxruntime runs.

    Attributes:
        metadata: What the program reads and gives, and of which model it is.
        dim: Width of a molecule's vector.
    """

    def __init__(self, path: str | Path) -> None:
        self.metadata, self._run = _open(str(path))
        self.dim: int = self.metadata["dim"]

    def __call__(self, smiles: Iterable[object], at_once: int = 256) -> NDArray[np.float32]:
        """Encode n molecules, (n, dim); a row is NaN where there is no molecule.

        Args:
            smiles: One entry a row.
            at_once: Molecules that the program is given at a time; it changes the memory alone.
        """
        rows = list(smiles)
        vectors = np.full((len(rows), self.dim), np.nan, np.float32)
        with rdBase.BlockLogs():
            for start in range(0, len(rows), at_once):
                found = [read(row, self.metadata) for row in rows[start : start + at_once]]
                places = [start + i for i, one in enumerate(found) if one is not None]
                if places:
                    vectors[places] = self._run(join([one for one in found if one is not None]))
        return vectors


def _open(path: str) -> tuple[dict[str, Any], Callable[[Arrays], NDArray[np.float32]]]:
    """Read a program: its metadata, and a function that runs it."""
    if path.endswith(".onnx"):
        import onnxruntime

        session = onnxruntime.InferenceSession(path)
        texts = session.get_modelmeta().custom_metadata_map
        return json.loads(texts[METADATA]), lambda arrays: session.run(None, arrays)[0]
    import torch

    texts = {METADATA: ""}
    module = torch.export.load(path, extra_files=texts).module()

    def run(arrays: Arrays) -> NDArray[np.float32]:
        with torch.no_grad():
            found: NDArray[np.float32] = module(*map(torch.from_numpy, arrays.values())).numpy()
        return found

    return json.loads(texts[METADATA]), run


def join(molecules: list[Arrays]) -> Arrays:
    """Join what was read of molecules, at least one, to the program's inputs, in their order."""
    parts = {name: [one[name] for one in molecules] for name in molecules[0]}
    if "bonded" in parts:  # atoms are counted over all molecules
        first = np.cumsum([0, *(len(atoms) for atoms in parts["atoms"])])
        parts["bonded"] = [own + start for own, start in zip(parts["bonded"], first, strict=False)]
    return {name: np.concatenate(part, int(name == "bonded")) for name, part in parts.items()}


def read(smiles: object, metadata: Mapping[str, Any]) -> Arrays | None:
    """Compute a molecule's part of each of the program's inputs; None if it is no molecule."""
    words = smiles.split(maxsplit=1) if isinstance(smiles, str) else []
    if not words or not words[0].isascii():  # RDKit drops such characters without a word
        return None
    text = str(smiles).encode("ascii", "ignore").decode()
    try:
        mol = Chem.MolFromSmiles(text) or repaired(text)
        if mol is None or not 0 < mol.GetNumAtoms() <= metadata["max_atoms"]:
            return None
        mol = standard(mol, metadata["standard_form"])
        found = {name: COMPUTED[name](mol, told) for name, told in metadata["inputs"].items()}
    except (RuntimeError, ValueError):  # RDKit's
        return None
    for name in ("atoms", "bonds"):
        if name in found:
            below = np.array(metadata["inputs"][name]["below"])
            if ((found[name] < 0) | (found[name] >= below)).any():
                return None  # the encoder has no code for it
    return found


def repaired(smiles: str) -> Chem.Mol | None:
    """Read `[PH](=O)(=O)`, an acid whose hydrogen belongs to an oxygen; None without it."""
    mol = Chem.MolFromSmiles(smiles, sanitize=False) if "[PH]" in smiles else None
    if mol is None:
        return None
    for atom in mol.GetAtoms():
        if atom.GetAtomicNum() == 15 and atom.GetNumExplicitHs() and atom.GetDegree() == 4:
            oxo = [bond for bond in atom.GetBonds() if _is_oxo(bond, atom)]
            if len(oxo) == 2:
                oxo[0].SetBondType(Chem.BondType.SINGLE)
                atom.SetNumExplicitHs(0)
                atom.SetNoImplicit(False)
    return Chem.MolFromSmiles(Chem.MolToSmiles(mol, canonical=False))


def _is_oxo(bond: Chem.Bond, atom: Chem.Atom) -> bool:
    other = bond.GetOtherAtom(atom)
    bare = other.GetDegree() == 1 and other.GetFormalCharge() == 0
    return bond.GetBondType() == Chem.BondType.DOUBLE and other.GetAtomicNum() == 8 and bare


def standard(mol: Chem.Mol, form: Mapping[str, Any] | None) -> Chem.Mol:
    """Bring a molecule to the form of the model's molecules; as it is for None."""
    if form is None:
        return mol
    drawn = mol
    if _could_change(mol):
        parent = rdMolStandardize.ChargeParent(mol)
        # A clean-up that saturates rings is not taken.
        saturated = mol.GetNumAtoms() == parent.GetNumAtoms() and _protons(parent) > _protons(mol)
        mol = mol if saturated else parent
    if not form["keep_isotopes"] and mol.HasSubstructMatch(_ISOTOPE):
        mol = Chem.RemoveHs(rdMolStandardize.IsotopeParent(mol, skipStandardize=True))
    if not form["keep_stereo"]:
        mol = rdMolStandardize.StereoParent(mol, skipStandardize=True)
    if not form["keep_tautomer"]:
        mol = rdMolStandardize.TautomerParent(mol, skipStandardize=True)
    if mol is not drawn:
        Chem.AssignStereochemistry(mol, True, True, flagPossibleStereoCenters=True)
    return mol


def _could_change(mol: Chem.Mol) -> bool:
    """Tell whether a clean-up could change a molecule: salts, some groups, charges but nitro's."""
    if len(Chem.GetMolFrags(mol)) > 1 or mol.HasSubstructMatch(_CHANGEABLE):
        return True
    n_dipoles = len(mol.GetSubstructMatches(_DIPOLE))
    return len(mol.GetSubstructMatches(_CHARGED)) != 2 * n_dipoles


def _protons(mol: Chem.Mol) -> int:
    """Count hydrogens, less the charge."""
    n_hydrogens: int = sum(atom.GetTotalNumHs() for atom in mol.GetAtoms())
    return n_hydrogens - int(Chem.GetFormalCharge(mol))


def _atoms(mol: Chem.Mol, _: Told) -> NDArray[Any]:
    """Of each atom RDKit's numbers, 5 added to the charge; SP2D is 8, SP3D 5, SP3D2 6, other 7."""
    rows = [
        (
            atom.GetAtomicNum(),
            int(atom.GetChiralTag()),
            atom.GetTotalDegree(),
            atom.GetFormalCharge() + 5,
            atom.GetTotalNumHs(),
            atom.GetNumRadicalElectrons(),
            _HYBRIDIZATIONS[int(atom.GetHybridization())],
            int(atom.GetIsAromatic()),
            int(atom.IsInRing()),
        )
        for atom in mol.GetAtoms()
    ]
    return np.array(rows, np.int64)


def _bonds(mol: Chem.Mol, _: Told) -> NDArray[Any]:
    """Of each bond, which stands once, RDKit's numbers."""
    rows = [
        (int(bond.GetBondType()), int(bond.GetStereo()), int(bond.GetIsConjugated()))
        for bond in mol.GetBonds()
    ]
    return np.array(rows, np.int64).reshape(-1, 3)


def _bonded(mol: Chem.Mol, _: Told) -> NDArray[Any]:
    """Of each bond its two atoms, counted over all molecules."""
    rows = [(bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()) for bond in mol.GetBonds()]
    return np.array(rows, np.int64).reshape(-1, 2).T


def _n_atoms(mol: Chem.Mol, _: Told) -> NDArray[Any]:
    """Of each molecule the number of atoms, one or more."""
    return np.array([mol.GetNumAtoms()], np.int64)


def _fingerprints(mol: Chem.Mol, _: Told) -> NDArray[Any]:
    """Counts of RDKit's Morgan generator, radius 2, at most 255."""
    return _counts(mol, _MORGAN)


def _pairs(mol: Chem.Mol, _: Told) -> NDArray[Any]:
    """Counts of topological torsions, then of atom pairs, hashed to half the columns each."""
    return _counts(mol, _TORSIONS, _ATOM_PAIRS)


def _counts(mol: Chem.Mol, *generators: Any) -> NDArray[Any]:
    counts = [generator.GetCountFingerprintAsNumPy(mol) for generator in generators]
    row: NDArray[Any] = np.minimum(np.concatenate(counts), 255).astype(np.int64)[None]
    return row


def _descriptors(mol: Chem.Mol, told: Told) -> NDArray[Any]:
    """Functions of rdkit.Chem.Descriptors, float32; NaN where a value is not finite."""
    values = np.array([[_DESCRIPTORS[name](mol) for name in told["columns"]]], np.float64)
    values[~(np.abs(values) <= np.finfo(np.float32).max)] = np.nan
    return values.astype(np.float32)


COMPUTED: dict[str, Callable[[Chem.Mol, Told], NDArray[Any]]] = {
    "atoms": _atoms,
    "bonds": _bonds,
    "bonded": _bonded,
    "n_atoms": _n_atoms,
    "fingerprints": _fingerprints,
    "pairs": _pairs,
    "descriptors": _descriptors,
}
"""How each input of a program is computed of a molecule; all are int64 but descriptors."""
