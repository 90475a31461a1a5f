"""Stored vectors: a library embedded once, in constant memory, for any number of later assays.

NPY holds the bare matrix, and beside it `FILE.json` tells the model and the number format; Parquet
holds the library's columns, `vector`, and `reason` where a molecule was rejected, and tells the
same in its metadata. numpy and Arrow have no bfloat16: its 16 bits are stored as uint16.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from molmeta.chem.featurize import FEATURE_SPEC
from molmeta.errors import InputError
from molmeta.predict.library.stream import PART_ROWS
from molmeta.runs.model import Model
from molmeta.tensors import digest_tensors

FORMATS: dict[str, tuple[torch.dtype, type[np.generic]]] = {
    "fp32": (torch.float32, np.float32),
    "fp16": (torch.float16, np.float16),
    "bf16": (torch.bfloat16, np.uint16),
}
"""Number formats: as torch computes, as files hold it."""

VECTOR, REASON = "vector", "reason"
METADATA = b"molmeta"
_REJECTED = "rejected when the library was embedded"


def encoder_fingerprint(model: Model, *, ready: bool = False) -> str:
    """A hash of all that a molecule's vector depends on: weights, settings, features, form.

    Args:
        model: The model.
        ready: Whether what `Matcher.prepare` gives is meant, not the encoder's own vector.
    """
    settings = {
        "encoder": model.recipe.get("encoder"),
        "features": FEATURE_SPEC,
        "standardize": model.standardize.spec if model.standardize else None,
    }
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    parts: list[nn.Module] = [model.learner.encoder]
    if ready:
        matcher = model.learner.matcher
        parts.append(matcher.projection)
        if matcher.known_assays is not None:
            parts.append(matcher.known_assays)
        # What `prepare` does hangs on the head's settings, and on whether a context comes first.
        recipe = model.recipe.get("head", {})
        # As version 0.1 called it, whose files stay good.
        kind = "KernelHead" if recipe.get("name") == "kernel" else type(matcher.head).__name__
        head = [kind, recipe or None, matcher.context is not None]
        digest.update(json.dumps(head, sort_keys=True).encode())
    for part in parts:
        digest.update(bytes(digest_tensors(part.state_dict()).tolist()))
    return digest.hexdigest()[:24]


def width_of(model: Model, *, ready: bool = False) -> int:
    """Width of a model's vectors."""
    learner = model.learner
    return learner.matcher.prepared_dim if ready else learner.encoder.dim


def encode_numbers(vectors: NDArray[np.float32], number_format: str) -> NDArray[Any]:
    """Vectors as files hold them, the same shape.

    Raises:
        InputError: If a number is too large for the format.
    """
    kind, stored = FORMATS[number_format]
    tensor = torch.from_numpy(np.ascontiguousarray(vectors)).to(kind)
    if tensor.isinf().any():
        raise InputError.of(
            f"--dtype {number_format}",
            got="a vector with a number beyond its range",
            expected=f"numbers up to {torch.finfo(kind).max:g}",
            fix="Use fp32 or bf16.",
        )
    if kind == torch.bfloat16:
        return tensor.view(torch.int16).numpy().view(stored)
    array: NDArray[Any] = tensor.numpy()
    return array


def decode_numbers(stored: NDArray[Any], number_format: str) -> Tensor:
    """Decode what `encode_numbers` gave to a tensor of its number format."""
    kind = FORMATS[number_format][0]
    stored = np.require(stored, requirements=["C", "W"])
    if kind == torch.bfloat16:
        return torch.from_numpy(stored.view(np.int16)).view(kind)
    return torch.from_numpy(stored)


@dataclass(frozen=True)
class VectorFile:
    """Stored vectors.

    Attributes:
        path: The file.
        fingerprint: Of the encoder that made them.
        number_format: One of `FORMATS`.
        dim: Their width.
        n_rows: How many.
        ready: Whether they are what `Matcher.prepare` gives, not the encoder's own.
    """

    path: Path
    fingerprint: str
    number_format: str
    dim: int
    n_rows: int
    ready: bool

    @staticmethod
    def open(path: Path, model: Model) -> VectorFile:
        """Open what `embed` wrote.

        Raises:
            InputError: If it cannot be read, or another model's encoder made it.
        """
        try:
            told, dim, n_rows = (_open_npy if path.suffix == ".npy" else _open_parquet)(path)
            ready = bool(told.get("ready", False))
            file = VectorFile(path, told["fingerprint"], told["format"], dim, n_rows, ready)
            known = file.number_format in FORMATS
        except (OSError, ValueError, KeyError, TypeError, pa.ArrowException) as error:
            raise InputError.of(
                f"stored vectors {path}",
                got=f"a file that cannot be used ({error})",
                expected="an .npy (with its .npy.json) or .parquet file of `molmeta embed`",
            ) from None
        own = encoder_fingerprint(model, ready=ready)
        if not known or file.fingerprint != own or dim != width_of(model, ready=ready):
            raise InputError.of(
                f"stored vectors {path}",
                got=f"those of another model (fingerprint {file.fingerprint})",
                expected=f"the encoder of {model.path} (fingerprint {own})",
                fix="Name the model that made them with --model, or embed the library again.",
            )
        return file

    def count(self) -> int:
        """Count its rows."""
        return self.n_rows

    def n_parts(self, part_rows: int = PART_ROWS) -> int:
        """Count its parts; of a Parquet file the row groups, whatever `part_rows`."""
        if self.path.suffix == ".npy":
            return -(-self.n_rows // part_rows)
        return int(pq.read_metadata(self.path).num_row_groups)

    def read(self, numbers: Iterable[int], part_rows: int = PART_ROWS) -> Iterator[Any]:
        """Parts by number: (number, rows as an Arrow table, vectors (n, dim), reasons (n,))."""
        if self.path.suffix == ".npy":
            for number in numbers:
                # Mapped anew for each part, so that memory holds no more than one of them; "c" is
                # writable, as torch asks for, and changes no file.
                stored = np.load(self.path, mmap_mode="c")
                start = number * part_rows
                vectors = decode_numbers(stored[start : start + part_rows], self.number_format)
                rows = pa.table({"row": np.arange(start, start + len(vectors))})
                yield number, rows, vectors, np.where(_is_nan(vectors), _REJECTED, "").tolist()
            return
        with pq.ParquetFile(self.path, memory_map=True) as file:
            for number in numbers:
                table = file.read_row_group(number)
                flat = pa.concat_arrays(
                    [chunk.flatten() for chunk in table[VECTOR].chunks]
                ).to_numpy(zero_copy_only=False)
                vectors = decode_numbers(flat.reshape(-1, self.dim), self.number_format)
                reasons = table[REASON].to_pylist()
                yield number, table.drop_columns([VECTOR, REASON]), vectors, reasons


def _is_nan(vectors: Tensor) -> NDArray[np.bool_]:
    nan: NDArray[np.bool_] = torch.isnan(vectors[:, 0]).numpy()
    return nan


def _open_npy(path: Path) -> tuple[dict[str, Any], int, int]:
    array = np.load(path, mmap_mode="r", allow_pickle=False)
    told: dict[str, Any] = json.loads(side_car(path).read_text(encoding="utf-8"))
    if array.ndim != 2 or list(array.shape) != told["shape"]:
        raise ValueError(f"shape {array.shape}, but {side_car(path)} tells {told['shape']}")
    return told, int(array.shape[1]), int(array.shape[0])


def _open_parquet(path: Path) -> tuple[dict[str, Any], int, int]:
    metadata = pq.read_metadata(path)
    schema = metadata.schema.to_arrow_schema()
    told: dict[str, Any] = json.loads((schema.metadata or {})[METADATA])
    return told, int(schema.field(VECTOR).type.list_size), int(metadata.num_rows)


def side_car(path: Path) -> Path:
    """Give the path of the file that tells an NPY file's model."""
    return path.with_name(path.name + ".json")
