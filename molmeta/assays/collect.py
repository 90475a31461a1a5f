"""Rows and molecules in memory while a store is built; the rows' texts are numbers.

It grows by a distinct SMILES and its graph, and by some 40 bytes a row; never by a file's text.
"""

import hashlib
from functools import cached_property

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from rdkit import Chem

from molmeta.chem.features import FEATURES, Matrix
from molmeta.chem.featurize import Featurized
from molmeta.chem.graph import Graphs


class Codebook:
    """Numbers words in order of first appearance."""

    def __init__(self, words: tuple[str, ...] = ()) -> None:
        self._codes = {word: code for code, word in enumerate(words)}

    def encode(self, cells: pd.Series) -> tuple[NDArray[np.int32], list[str]]:
        """Number the cells; give the words not seen before too."""
        local, words = pd.factorize(cells)
        n_known = len(self._codes)
        codes = [self._codes.setdefault(word, len(self._codes)) for word in words]
        new = [word for word, code in zip(words, codes, strict=True) if code >= n_known]
        return np.array(codes, dtype=np.int32)[local], new

    def words(self) -> NDArray[np.object_]:
        """List the words by number."""
        return _objects(list(self._codes))


class Rows:
    """All rows read, their texts as numbers."""

    TEXTS = ("file", "assay", "smiles", "relation", "unit", "quantity", "target", "reason")

    def __init__(self) -> None:
        # "No assay" is number 0, so that it is found without a look at the words.
        self._books = {name: Codebook(("",) if name == "assay" else ()) for name in self.TEXTS}
        self._parts: list[pd.DataFrame] = []

    def add(self, frame: pd.DataFrame) -> list[str]:
        """Take over a frame of measurements; gives the SMILES not seen before."""
        coded = {name: book.encode(frame[name]) for name, book in self._books.items()}
        part: dict[str, object] = {name: codes for name, (codes, _) in coded.items()}
        part["row"] = frame["row"].to_numpy(np.int64)
        part["label"] = frame["label"].to_numpy(np.float32)
        part["value"] = frame["value"].to_numpy(np.float64)
        self._parts.append(pd.DataFrame(part))
        return coded["smiles"][1]

    def table(self) -> pd.DataFrame:
        """Join all rows in source order; columns: the texts' numbers, row, label, value."""
        table = pd.concat(self._parts, ignore_index=True)
        return table.sort_values(["file", "row"], kind="stable", ignore_index=True)

    def words(self, name: str) -> NDArray[np.object_]:
        """List the words of a text column by number."""
        return self._books[name].words()

    def texts(self, name: str, numbers: pd.Series) -> pa.Array:
        """Turn numbers of a text column into text again, each word held once."""
        words = pa.array(self.words(name), pa.string())
        return pa.DictionaryArray.from_arrays(pa.array(numbers.to_numpy()), words)


class Molecules:
    """The distinct SMILES, featurized; those that parse get a store's molecule numbers."""

    def __init__(self) -> None:
        self._graphs: list[Graphs] = []
        self._features: dict[str, list[Matrix]] = {}
        self._identities: list[NDArray[np.int64]] = []
        self._reasons: list[str] = []

    def add(self, part: Featurized) -> None:
        """Take over the next SMILES."""
        self._graphs.append(part.graphs)
        self._identities.append(identity_numbers(part.identities))
        self._reasons += part.reasons
        for name, matrix in part.features.items():
            self._features.setdefault(name, []).append(matrix)

    @cached_property
    def reasons(self) -> NDArray[np.object_]:
        """List why each distinct SMILES was rejected, "" where it parses."""
        return _objects(self._reasons)

    @cached_property
    def accepted(self) -> NDArray[np.int64]:
        """Find the distinct SMILES that parse: the store's molecules."""
        return np.flatnonzero(self.reasons == "")

    @cached_property
    def numbers(self) -> NDArray[np.int64]:
        """Number each distinct SMILES as the store does, −1 where rejected."""
        numbers = np.full(len(self.reasons), -1, dtype=np.int64)
        numbers[self.accepted] = np.arange(len(self.accepted))
        return numbers

    @cached_property
    def identities(self) -> NDArray[np.int64]:
        """Join the identity numbers of the distinct SMILES."""
        return np.concatenate([np.empty(0, np.int64), *self._identities])

    @cached_property
    def graphs(self) -> Graphs:
        """Join the graphs of those that parse."""
        graphs = Graphs.concatenate(self._graphs)
        self._graphs.clear()
        return graphs if len(self.accepted) == len(graphs) else graphs.select(self.accepted)

    @cached_property
    def weights(self) -> NDArray[np.float64]:
        """Compute the weight of each distinct SMILES in g/mol, NaN where rejected."""
        weights = np.full(len(self.reasons), np.nan)
        weights[self.accepted] = molecular_weights(self.graphs)
        return weights

    def features(self) -> dict[str, Matrix]:
        """Join the features of those that parse, by name."""
        return {
            name: FEATURES[name].stack(parts)[self.accepted]
            for name, parts in self._features.items()
        }


def molecular_weights(graphs: Graphs) -> NDArray[np.float64]:
    """Compute molecular weights in g/mol from atoms and their hydrogens, shape (n,)."""
    table = Chem.GetPeriodicTable()
    elements = np.array([table.GetAtomicWeight(number) for number in range(119)])
    atomic_numbers, n_hydrogens = graphs.atom_rows[:, 0], graphs.atom_rows[:, 4]
    by_row = elements[atomic_numbers] + n_hydrogens * elements[1]
    molecules = np.repeat(np.arange(len(graphs)), np.diff(graphs.atom_offsets))
    weights: NDArray[np.float64] = np.zeros(len(graphs))
    np.add.at(weights, molecules, by_row[graphs.atoms])
    return weights


def identity_numbers(identities: list[str]) -> NDArray[np.int64]:
    """Number each canonical molecule, the same in every store and process.

    63 bits of a hash: any two of a million molecules share one with a probability of 5e-8.
    """
    digests = b"".join(
        hashlib.blake2b(text.encode(), digest_size=8).digest() for text in identities
    )
    return (np.frombuffer(digests, dtype="<u8") >> np.uint64(1)).astype(np.int64)


def _objects(words: list[str]) -> NDArray[np.object_]:
    array = np.empty(len(words), dtype=object)
    array[:] = words
    return array
