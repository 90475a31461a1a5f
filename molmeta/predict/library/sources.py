"""Where screened molecules come from: files of molecules, or vectors stored by `embed`."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from molmeta.assays.formats.spool import on_disk
from molmeta.assays.library import Library
from molmeta.config import unknown
from molmeta.predict.library.ray_engine import compute_on_ray, find_ray
from molmeta.predict.library.screen import Scored
from molmeta.predict.library.stream import PART_ROWS, Engine, as_arrow, compute, cut, schema_of
from molmeta.predict.library.vectors import REASON, VECTOR, VectorFile
from molmeta.predict.panel import Panel

ENGINES: dict[str, Engine] = {"local": compute, "ray": compute_on_ray}

_SAMPLE = 1 << 16


@dataclass(frozen=True)
class MoleculeSource:
    """Files of molecules.

    Attributes:
        library: The files.
        workers: As the engine says.
        part_rows: Rows of a part at most.
        progress: Called with the number of rows done since its last call.
        engine: What computes.
    """

    library: Library
    workers: int | None = None
    part_rows: int = PART_ROWS
    progress: Callable[[int], None] | None = None
    engine: Engine = compute

    @property
    def columns(self) -> dict[str, pa.DataType]:
        """See `Source`."""
        return schema_of(self.library)

    @property
    def identity(self) -> object:
        """See `Source`."""
        files = [file_identity(table.path) for table in self.library.tables]
        of_sheet = [] if self.library.sheet is None else [self.library.sheet]
        return [self.library.smiles_column, self.part_rows, files, *of_sheet]

    def score(self, panel: Panel, wanted: Callable[[int], bool]) -> Iterator[Scored]:
        """See `Source`."""
        types = self.columns
        for done in self.engine(
            panel.model,
            (part for part in cut(self.library, self.part_rows) if wanted(part.number)),
            self.library.smiles_column,
            panel.score,
            workers=self.workers,
            progress=self.progress,
        ):
            rows = as_arrow(done.part.rows, types)
            yield Scored(done.part.number, rows, done.values, done.reasons)


@dataclass(frozen=True)
class VectorSource:
    """Stored vectors: no graph is touched.

    Attributes:
        file: Where they are.
        part_rows: Rows of a part of an NPY file; of a Parquet file a part is a row group.
        progress: Called with the number of rows done since its last call.
    """

    file: VectorFile
    part_rows: int = PART_ROWS
    progress: Callable[[int], None] | None = None

    @property
    def columns(self) -> dict[str, pa.DataType]:
        """See `Source`."""
        if self.file.path.suffix == ".npy":
            return {"row": pa.int64()}
        schema = pq.read_schema(self.file.path)
        return {f.name: f.type for f in schema if f.name not in (VECTOR, REASON)}

    @property
    def identity(self) -> object:
        """See `Source`."""
        return [self.part_rows, file_identity(self.file.path)]

    def score(self, panel: Panel, wanted: Callable[[int], bool]) -> Iterator[Scored]:
        """See `Source`."""
        numbers = filter(wanted, range(self.file.n_parts(self.part_rows)))
        for number, rows, vectors, reasons in self.file.read(numbers, self.part_rows):
            yield Scored(number, rows, panel.score_vectors(vectors, ready=self.file.ready), reasons)
            if self.progress is not None:
                self.progress(len(reasons))


def pick_engine(name: str) -> Engine:
    """One of `ENGINES`.

    Raises:
        InputError: If there is none of that name, or it is not installed.
    """
    if name not in ENGINES:
        raise unknown("engine", name, ENGINES)
    if name == "ray":
        find_ray()
    return ENGINES[name]


def file_identity(path: Path) -> list[object]:
    """Name, size and a hash of both ends of a file, without reading all of it."""
    on_this_machine = on_disk(path)
    size = on_this_machine.stat().st_size
    with on_this_machine.open("rb") as file:
        digest = hashlib.sha256(file.read(_SAMPLE))
        file.seek(max(0, size - _SAMPLE))
        digest.update(file.read())
    return [path.name, size, digest.hexdigest()[:24]]
