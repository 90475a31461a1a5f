"""Batches: arrays of molecules → the tensors that encoders read."""

from collections.abc import Collection
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch_geometric.data import Batch

from molmeta.assays.store import Assay
from molmeta.chem.features import GRAPHS, Matrix, chosen
from molmeta.chem.graph import Graphs
from molmeta.episodes.draw import Draw
from molmeta.episodes.episode import Episode, LabelledSet
from molmeta.errors import InputError


class Molecules(Protocol):
    """A source of batches: an `AssayStore` or `Featurized` of n molecules.

    >>> from molmeta.chem.featurize import featurize
    >>> molecules: Molecules = featurize(["CCO", "CCN"])
    >>> len(molecules.graphs), molecules.feature("fingerprints")
    (2, None)
    """

    @property
    def graphs(self) -> Graphs:
        """Return n graphs."""

    def feature(self, name: str) -> Matrix | None:
        """Return one of `FEATURES`, n rows; None where it was not computed."""


def make_batch(
    molecules: Molecules,
    indices: NDArray[np.int64],
    reads: Collection[str] = (GRAPHS,),
    device: str | torch.device = "cpu",
) -> Batch:
    """Batch the features that an encoder reads, of the molecules at `indices`, shape (n,).

    >>> from molmeta.chem.featurize import featurize
    >>> molecules = featurize(["CCO", "c1ccccc1"], reads=["graphs", "fingerprints"])
    >>> batch = make_batch(molecules, np.array([1, 0]), ["graphs", "fingerprints"])
    >>> batch.x.shape, batch.fp_counts.sum()
    (torch.Size([9, 9]), tensor(24.))

    Args:
        molecules: A store, or what `featurize` gave.
        indices: Repeats are allowed.
        reads: Of `graphs` (see `collate`), `fingerprints` (`fp_columns` and `fp_counts`, one entry
            an environment of a molecule, and `fp_offsets`, (n,), where each molecule begins: what
            `torch.nn.functional.embedding_bag` takes), `pairs` (likewise `pair_columns`,
            `pair_counts` and `pair_offsets`) and `descriptors` ((n, 69), NaN where RDKit has none).
        device: Where the tensors go.

    Raises:
        InputError: If the molecules were featurized without something that is read.
    """
    batch = collate(molecules.graphs, indices, device) if GRAPHS in reads else Batch()
    for feature in chosen(reads):
        matrix = molecules.feature(feature.name)
        if matrix is None:
            raise _missing(feature.name)
        rows = matrix[indices]
        if feature.counts:
            columns = torch.from_numpy(rows.indices.astype(np.int64))
            counts = torch.from_numpy(rows.data.astype(np.float32))
            offsets = torch.from_numpy(rows.indptr[:-1].astype(np.int64))
            batch[f"{feature.counts}_columns"] = columns.to(device)
            batch[f"{feature.counts}_counts"] = counts.to(device)
            batch[f"{feature.counts}_offsets"] = offsets.to(device)
        else:
            numbers = np.asarray(rows, dtype=np.float32)
            batch[feature.name] = torch.from_numpy(numbers).to(device)
    return batch


def _missing(what: str) -> InputError:
    return InputError.of(
        f"an encoder that reads {what}",
        got=f"molecules that were featurized without {what}",
        fix=f"Featurize them with {what!r} in `reads`, or as the model does: `Model.featurize`.",
    )


def collate(
    graphs: Graphs, indices: NDArray[np.int64], device: str | torch.device = "cpu"
) -> Batch:
    """Batch the graphs at `indices` as torch_geometric does.

    `x`, `edge_index`, `edge_attr`, `batch` and `ptr` equal those of torch_geometric's
    `Batch.from_data_list` over `from_smiles`. Beside them stand the distinct atom and bond rows
    and each atom's and bond's code into them, so that an encoder embeds some 140 rows instead of
    every atom.

    >>> from molmeta.chem.featurize import featurize
    >>> batch = collate(featurize(["CCO", "c1ccccc1"]).graphs, np.array([0, 1]))
    >>> batch.batch.tolist()
    [0, 0, 0, 1, 1, 1, 1, 1, 1]

    Args:
        graphs: Any number of molecules.
        indices: Shape (n,); repeats are allowed.
        device: Where the tensors go.
    """
    dense = graphs.dense(indices)
    tensors = {
        name: torch.from_numpy(np.ascontiguousarray(getattr(dense, name)))
        for name in ("x", "edge_index", "edge_attr", "batch", "ptr", "atom_codes", "bond_codes")
    }
    tensors["atom_rows"] = torch.from_numpy(graphs.atom_rows.astype(np.int64))
    tensors["bond_rows"] = torch.from_numpy(graphs.bond_rows.astype(np.int64))
    return Batch(**{name: tensor.to(device) for name, tensor in tensors.items()})


def make_episode(
    molecules: Molecules,
    assay: Assay,
    draw: Draw,
    reads: Collection[str] = (GRAPHS,),
    device: str | torch.device = "cpu",
) -> Episode:
    """Make the episode of `draw`, whose indices are rows of `assay`.

    >>> from molmeta.assays import AssayStore, drug_mechanisms
    >>> from molmeta.episodes.draw import balanced
    >>> store = AssayStore.from_frame(drug_mechanisms("valid"))
    >>> assay = store.assay("ace_inhibitor")
    >>> episode = make_episode(store, assay, balanced(assay.labels, n_each=4, seed=0))
    >>> len(episode.support), len(episode.query)
    (8, 36)
    """
    support, query = (
        LabelledSet(
            make_batch(molecules, assay.molecules[rows], reads, device),
            torch.from_numpy(assay.labels[rows]).to(device),
        )
        for rows in (draw.support, draw.query)
    )
    both = assay.molecules[np.concatenate([draw.support, draw.query])]
    return Episode(assay.id, support, query, make_batch(molecules, both, reads, device))
