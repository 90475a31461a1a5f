"""Featurizing: many SMILES → arrays, the one way in, for stores and for queries alike.

One row in, one row out, always: what does not parse becomes an empty graph with a reason.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem, rdBase
from rdkit.Chem.rdinchi import MolToInchiKey
from scipy.sparse import csr_matrix

from molmeta.chem.binary import NOTHING, read_graphs, to_binary
from molmeta.chem.features import FEATURES, GRAPHS, Matrix, chosen
from molmeta.chem.fingerprint import PAIRS_SIZE, SIZE
from molmeta.chem.graph import Graphs
from molmeta.chem.inputs import as_smiles
from molmeta.chem.molecule import MAX_ATOMS, to_mol
from molmeta.chem.standardize import Standardizer
from molmeta.chem.workers import map_in_order

FEATURE_SPEC: dict[str, object] = {
    "version": 3,
    "atoms": "pyg9",
    "bonds": "pyg3",
    "ecfp": {"radius": 2, "size": SIZE, "counts": True},
    "pairs": {"torsions": PAIRS_SIZE // 2, "pairs": PAIRS_SIZE // 2, "counts": True},
    "descriptors": "rdkit69",
}
"""What stores and checkpoints record, and compare before they are used together."""

PIECE = 512
"""Rows that are featurized together: numpy has enough to do, and memory stays small."""

TIME_LIMIT = 30.0
"""Seconds that a worker process may take for a piece: some hundred times what is usual."""


@dataclass(frozen=True)
class Featurized:
    """The features of n input rows, as a model reads them.

    >>> features = featurize(["CCO", "C("], reads=["graphs", "fingerprints"])
    >>> features.identities, features.reasons
    (['CCO', ''], ['', 'SMILES syntax error around position 2'])
    >>> features.graphs.n_atoms.tolist(), features.fingerprints.shape
    ([3, 0], (2, 2048))

    Attributes:
        graphs: n graphs, empty where the row was rejected or graphs are not read.
        identities: RDKit's canonical isomeric SMILES, or InChIKeys, (n,); "" where rejected or not
            computed. The same text is the same molecule.
        reasons: Why the row was rejected, (n,); "" where it was accepted.
        features: Some of `FEATURES`, by name, a row a molecule; empty, or NaN, where rejected.
    """

    graphs: Graphs
    identities: list[str]
    reasons: list[str]
    features: Mapping[str, Matrix] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.reasons)

    @property
    def parsed(self) -> NDArray[np.bool_]:
        """Tell which rows are molecules, shape (n,).

        >>> featurize(["CCO", "C("]).parsed.tolist()
        [True, False]
        """
        return np.array([not reason for reason in self.reasons], dtype=bool)

    def select(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> Featurized:
        """Select rows, by position, in that order, or by a mask.

        >>> features = featurize(["CCO", "C(", "OCC"])
        >>> features.select(features.parsed).identities
        ['CCO', 'CCO']
        """
        chosen = np.flatnonzero(rows) if rows.dtype == bool else rows
        return Featurized(
            graphs=self.graphs.select(chosen),
            identities=[self.identities[row] for row in chosen],
            reasons=[self.reasons[row] for row in chosen],
            features={name: feature[chosen] for name, feature in self.features.items()},
        )

    def feature(self, name: str) -> Matrix | None:
        """Return one of `FEATURES`, a row a molecule; None if it was not computed."""
        return self.features.get(name)

    @property
    def fingerprints(self) -> csr_matrix | None:
        """Return ECFP counts, (n, 2048) uint8."""
        return self.feature("fingerprints")

    @property
    def pairs(self) -> csr_matrix | None:
        """Return counts of torsions and atom pairs, (n, 2048) uint8."""
        return self.feature("pairs")

    @property
    def descriptors(self) -> NDArray[np.float32] | None:
        """Return `DESCRIPTORS`, (n, 69) float32."""
        return self.feature("descriptors")

    @staticmethod
    def concatenate(parts: Sequence[Featurized]) -> Featurized:
        """Join the rows of all parts (at least one), in order."""
        if len(parts) == 1:
            return parts[0]
        return Featurized(
            graphs=Graphs.concatenate([part.graphs for part in parts]),
            identities=[identity for part in parts for identity in part.identities],
            reasons=[reason for part in parts for reason in part.reasons],
            features={
                name: FEATURES[name].stack([part.features[name] for part in parts])
                for name in parts[0].features
            },
        )


def featurize(
    smiles: Iterable[object],
    *,
    reads: Collection[str] = (GRAPHS,),
    identities: bool = True,
    inchikeys: bool = False,
    standardize: Standardizer | None = None,
    workers: int = 1,
    time_limit: float | None = None,
    max_atoms: int = MAX_ATOMS,
    progress: Callable[[int], None] | None = None,
) -> Featurized:
    """Featurize many SMILES.

    >>> features = featurize(["CCO", "c1ccccc1O", "nonsense"], reads=["graphs", "descriptors"])
    >>> len(features), features.parsed.tolist(), features.descriptors.shape
    (3, [True, True, False], (3, 69))

    Args:
        smiles: One entry a row, as `as_smiles` takes them; what is no molecule is rejected with
            a reason.
        reads: What to compute: some of `graphs`, `fingerprints` (ECFP counts), `pairs` (counts of
            torsions and atom pairs, twice as dear as parsing) and `descriptors` (three to five
            times as dear). Without graphs a molecule is accepted that they have no code for.
        identities: Whether to compute identities: canonical SMILES, half as dear as parsing.
        inchikeys: Whether identities are InChIKeys, to which most tautomers are one; three times
            as dear as parsing. Canonical SMILES where there is none (dummy atoms).
        standardize: Brings each molecule to its standard form first; by default none does.
        workers: The number of processes; 1 is this one.
        time_limit: Seconds that 512 rows may take in a worker process, by default 30; a row on
            which RDKit hangs is rejected. If it is given, even one worker is a process.
        max_atoms: The largest molecule to accept.
        progress: Called with the number of rows that were finished since its last call.

    Raises:
        InputError: If it is a single molecule, has no order or has several columns.
        WorkerError: If worker processes cannot be started.
    """
    smiles = as_smiles(smiles)
    if len(smiles) <= PIECE and time_limit is None:
        workers = 1  # a single piece cannot be shared out, and starting a process takes a second
    (whole,) = featurize_stream(
        [smiles],
        reads=reads,
        identities=identities,
        inchikeys=inchikeys,
        standardize=standardize,
        workers=workers,
        time_limit=time_limit,
        max_atoms=max_atoms,
        progress=progress,
    )
    return whole


def featurize_stream(
    chunks: Iterable[Iterable[object]],
    *,
    reads: Collection[str] = (GRAPHS,),
    identities: bool = True,
    inchikeys: bool = False,
    standardize: Standardizer | None = None,
    workers: int = 1,
    time_limit: float | None = None,
    max_atoms: int = MAX_ATOMS,
    progress: Callable[[int], None] | None = None,
) -> Iterator[Featurized]:
    """Featurize chunks of rows as they come: one result a chunk, in order, in bounded memory.

    >>> chunks = (["CCO"] * 3, ["c1ccccc1"])
    >>> [len(features) for features in featurize_stream(chunks)]
    [3, 1]

    Args:
        chunks: The rows of each chunk, of any size; read only a little ahead.
        reads, identities, inchikeys, standardize, workers, time_limit, max_atoms, progress: As for
            `featurize`.

    Raises:
        InputError: As `featurize`.
        WorkerError: If worker processes cannot be started.
    """
    names = tuple(feature.name for feature in chosen(reads))
    featurizer = _Featurizer(GRAPHS in reads, names, identities, inchikeys, standardize, max_atoms)
    n_pieces: deque[int] = deque()  # of each chunk that was begun

    def pieces() -> Iterator[Sequence[object]]:
        for rows in map(as_smiles, chunks):
            starts = range(0, len(rows), PIECE) or [0]  # an empty chunk is an empty piece
            n_pieces.append(len(starts))
            yield from (rows[start : start + PIECE] for start in starts)

    if workers == 1 and time_limit is None:
        results = map(featurizer, pieces())
    else:
        limit = TIME_LIMIT if time_limit is None else time_limit
        answers = map_in_order(
            featurizer, pieces(), workers=workers, time_limit=limit, give_up=featurizer.reject
        )
        results = map(Featurized.concatenate, answers)
    parts: list[Featurized] = []
    for result in results:
        parts.append(result)
        if progress is not None:
            progress(len(result))
        if len(parts) == n_pieces[0]:
            n_pieces.popleft()
            yield Featurized.concatenate(parts)
            parts = []


@dataclass(frozen=True)
class _Featurizer:
    """The featurizing of a piece of rows; sent to worker processes."""

    graphs: bool
    features: tuple[str, ...]
    identities: bool
    inchikeys: bool
    standardize: Standardizer | None
    max_atoms: int

    def __call__(self, smiles: Sequence[object]) -> Featurized:
        try:
            return self._together(smiles)
        except (RuntimeError, ValueError, OverflowError) as error:  # RDKit's invariants
            if len(smiles) == 1:
                lines = (line.strip("* \t") for line in str(error).splitlines())
                reason = next(filter(None, lines), "an error")
                return self.reject(None, f"RDKit fails on it: {reason}")
            return Featurized.concatenate([self([one]) for one in smiles])

    def _together(self, smiles: Sequence[object]) -> Featurized:
        with rdBase.BlockLogs():
            blobs, identities, reasons, mols = [], [], [], []
            for given in smiles:
                mol, reason = self._read(given)
                blobs.append(to_binary(mol) if self.graphs and mol is not None else NOTHING)
                identities.append(self._identity(mol))
                reasons.append(reason)
                mols.append(mol if self.features else None)  # else its memory is used again at once
            return self._finish(blobs, identities, reasons, mols)

    def reject(self, _: object, reason: str) -> Featurized:
        """Make the result for one row on which RDKit hung or crashed."""
        return self._finish([NOTHING], [""], [reason], [None])

    def _read(self, smiles: object) -> tuple[Chem.Mol | None, str]:
        mol = to_mol(smiles, self.max_atoms)
        if isinstance(mol, str):
            return None, mol
        if self.standardize is None:
            return mol, ""
        try:
            return self.standardize(mol), ""
        except (ValueError, RuntimeError) as error:
            return None, f"no standard form: {error}"

    def _identity(self, mol: Chem.Mol | None) -> str:
        if mol is None or not self.identities:
            return ""
        return (MolToInchiKey(mol) if self.inchikeys else "") or Chem.MolToSmiles(mol)

    def _finish(
        self,
        blobs: list[bytes],
        identities: list[str],
        reasons: list[str],
        mols: list[Chem.Mol | None],
    ) -> Featurized:
        graphs, outside = read_graphs(blobs)
        for row, reason in outside.items():
            identities[row], reasons[row], mols[row] = "", reason, None
        return Featurized(
            graphs=graphs,
            identities=identities,
            reasons=reasons,
            features={name: FEATURES[name].compute(mols) for name in self.features},
        )
