"""The parser: one SMILES → a molecule, or the reason why it is none.

Parsing never raises on bad chemistry and never prints: RDKit's log is silenced, and its last
words become the reason.
"""

import re

import numpy as np
from rdkit import Chem, rdBase

from molmeta.chem.atoms import first_outside
from molmeta.chem.repair import repair

MAX_ATOMS = 1000
"""Molecules with more (heavy) atoms are rejected: not drug-like, and slow in RDKit."""

MISSING_WORDS = frozenset(
    {"nan", "none", "na", "n/a", "null", "nil", "#n/a", "#na", "<na>", "nat", "-", "--", ".", "?",
     "n.a.", "missing"}
)  # fmt: skip
"""Words that stand for no molecule, in lower case."""

_INCHIKEY = re.compile(r"[A-Z]{14}-[A-Z]{10}-[A-Z]")
_SELFIES = re.compile(
    r"(?=.*\[(?:C|[=#][^\]]+|Ring\w+|Branch\w+)\])(?:\.?\[[^\[\]\s]+\]){2,}", re.ASCII
)

CHARACTERS_PER_ATOM = 20
"""A SMILES longer than this for each permitted atom is not parsed at all."""


def parse(smiles: object, *, max_atoms: int = MAX_ATOMS) -> Chem.Mol | str:
    """Parse one SMILES; give the molecule, or the reason why there is none.

    A molecule that has no graph in torch_geometric's features is refused too.

    >>> parse("CCO").GetNumAtoms()
    3
    >>> parse("C1CC")
    'unclosed ring'

    Args:
        smiles: Anything but a SMILES string is refused.
        max_atoms: The largest molecule to accept, in heavy atoms.
    """
    with rdBase.BlockLogs():
        mol = to_mol(smiles, max_atoms)
    return mol if isinstance(mol, str) else first_outside(mol) or mol


def parses(smiles: object) -> bool:
    """Return whether a SMILES is a molecule; see `parse`.

    >>> parses("CCO"), parses("C1CC")
    (True, False)
    """
    return not isinstance(parse(smiles), str)


def to_mol(smiles: object, max_atoms: int) -> Chem.Mol | str:
    """Make the RDKit molecule, or give the reason for none; RDKit's log is not silenced here."""
    if not isinstance(smiles, str):
        return "no SMILES" if _is_missing(smiles) else f"not text but {type(smiles).__name__}"
    if not smiles or smiles.isspace():
        return "no SMILES"
    if not smiles.isascii():
        # RDKit drops such characters without a word. They may stand in a name, after a space.
        if stranger := next((c for c in smiles.split(maxsplit=1)[0] if not c.isascii()), ""):
            return f"{stranger!a} is not a SMILES character"
        smiles = smiles.encode("ascii", "ignore").decode()
    # An atom takes at least one character: short strings need no look at their size.
    if len(smiles) > max_atoms and (reason := _too_large(smiles, max_atoms)):
        return reason
    mol = Chem.MolFromSmiles(smiles) or repair(smiles)
    if mol is None:
        return _last_words(smiles)
    if mol.GetNumAtoms() == 0:
        return "no atoms"
    return mol


def is_missing_word(text: str) -> bool:
    """Return whether a text stands for a blank cell: NaN, None, NA, null, `-` …"""
    return text.strip().casefold() in MISSING_WORDS


def notation_of(text: str) -> str | None:
    """Name the notation of a text that is no SMILES: InChI, InChIKey or SELFIES.

    Of one text alone this is a guess: `[C][C][O]` is SMILES too, of atoms without hydrogen.

    >>> notation_of("InChI=1S/CH4/h1H4"), notation_of("C")
    ('InChI', None)
    """
    text = text.strip()
    if text[:6].casefold() == "inchi=":
        return "InChI"
    if _INCHIKEY.fullmatch(text):
        return "InChIKey"
    return "SELFIES" if _SELFIES.fullmatch(text) else None


def _is_missing(value: object) -> bool:
    if isinstance(value, float | np.floating):
        return bool(np.isnan(value))
    return value is None or type(value).__name__ in ("NAType", "NaTType")


def _too_large(smiles: str, max_atoms: int) -> str | None:
    """Say why a long string is too large, without RDKit's slow steps; None if it is not."""
    if len(smiles) > CHARACTERS_PER_ATOM * max_atoms:
        return f"{len(smiles):,} characters, more than a molecule of {max_atoms:,} atoms takes"
    mol = Chem.MolFromSmiles(smiles, sanitize=False)
    if mol is not None and mol.GetNumAtoms() > max_atoms:
        return f"{mol.GetNumAtoms():,} atoms, more than the limit of {max_atoms:,}"
    return None


def _last_words(smiles: str) -> str:
    """Parse a bad SMILES once more, for RDKit's error message."""
    if is_missing_word(smiles):
        return "no SMILES"
    if notation := notation_of(smiles):
        return f"{notation}, not SMILES"
    if smiles.split(maxsplit=1)[0].count(">") == 2:
        return "a reaction, not a molecule"
    with rdBase.CaptureErrorLog() as log:
        Chem.MolFromSmiles(smiles)
    if position := re.search(r"check for mistakes around position (\d+)", log.messages):
        return f"SMILES syntax error around position {position[1]}"
    lines = (re.sub(r"^\[[\d:]+\]\s*", "", line) for line in log.messages.splitlines())
    words = next((line for line in lines if line.strip("* ") and "Violation" not in line), "")
    words = words.removeprefix("SMILES Parse Error: ").split(" for input:")[0].strip()
    return words or "RDKit cannot read it"
