"""Screening libraries of any size: every part's result is a file, and a journal tells which stand.

A part's file appears whole (written aside, then renamed), and its line in the journal after that.
Killed at any moment, the same call goes on with the parts that have no line; a part's result does
not depend on when it is computed.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray
from scipy.special import expit

from molmeta import __version__
from molmeta.assays.columns import check_names
from molmeta.errors import InputError
from molmeta.predict.files import write_text
from molmeta.predict.panel import Panel
from molmeta.resources import Journal, check_name, write_atomically, write_json

TOP_COLUMNS = ("assay", "p_active", "score")
"""The columns of the file of the best rows, before the library's own."""

MANIFEST = "_screen.json"  # readers of a folder of Parquet files pass over names with _
_DONE = "done"


@dataclass(frozen=True)
class Scored:
    """A part of n rows with its scores.

    Attributes:
        number: Of the part.
        rows: The rows' own columns.
        scores: Log-odds, (n, k); NaN where rejected.
        reasons: Why a row was rejected, (n,); "" where it was not.
    """

    number: int
    rows: pa.Table
    scores: NDArray[np.float32]
    reasons: list[str]


class Source(Protocol):
    """A source of molecules."""

    @property
    def columns(self) -> dict[str, pa.DataType]:
        """The rows' own columns."""

    @property
    def identity(self) -> Any:
        """Plain values that change with the content."""

    def score(self, panel: Panel, wanted: Callable[[int], bool]) -> Iterator[Scored]:
        """The parts whose number is wanted, in order."""


@dataclass(frozen=True)
class Shard:
    """Every n-th part, for schedulers: shard i of n takes the parts i − 1, i − 1 + n, …

    Attributes:
        index: i, from 1 to n.
        count: n.
    """

    index: int = 1
    count: int = 1

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `i/n`.

        Raises:
            InputError: If it is anything else.
        """
        index, _, count = text.partition("/")
        if index.isdecimal() and count.isdecimal() and 1 <= int(index) <= int(count):
            return cls(int(index), int(count))
        raise InputError.of("--shard", got=repr(text), expected="i/n such as 1/8 … 8/8")

    def takes(self, number: int) -> bool:
        """Tell whether a part belongs to it."""
        return number % self.count == self.index - 1

    @property
    def suffix(self) -> str:
        """Name the ending of its files, "" if it is all."""
        return "" if self.count == 1 else f"-{self.index}-of-{self.count}"


@dataclass(frozen=True)
class Summary:
    """Counts of a screening's rows (of this shard), by their fate.

    Attributes:
        n_rows: All of them, also those done by earlier calls.
        rejected: How many rows were rejected, by reason.
        n_done_before: Rows that earlier calls had done.
        result: The file of the best rows, or the folder of parts.
    """

    n_rows: int
    rejected: dict[str, int]
    n_done_before: int
    result: Path


def screen(
    panel: Panel, source: Source, folder: Path, *, top: int | None = None, shard: Shard = Shard()
) -> Summary:
    """Score a library, going on where an earlier call of the same work was stopped.

    Args:
        panel: The assays.
        source: The library.
        folder: Gets `part-N.parquet`, one row for every row, in order; or with `top` one table
            `top.csv`. Shards may share it.
        top: Keep only so many of the best rows of each assay.
        shard: Which parts to do.

    Raises:
        InputError: If the folder holds anything else, or columns clash.
    """
    names = _score_names(panel.assays)
    added = TOP_COLUMNS if top else (*names, "status", "reason")
    check_names(source.columns, f"library for {folder}", added)
    work = {
        "molmeta": __version__,
        "assays": list(panel.assays),
        "panel": panel.identity,
        "source": source.identity,
        "top": top,
    }
    _begin(folder, work)
    journal = Journal(_journal(folder, shard))
    before = rows_done(folder, shard)
    best = _Best(panel.assays, top, source.columns) if top else None
    result = folder / f"top{shard.suffix}.csv" if best else folder
    if _DONE not in journal:
        if best is not None:
            for number in sorted(int(key) for key in journal):
                best.add(pq.read_table(_part(folder, number)))
        for part in source.score(panel, lambda n: shard.takes(n) and str(n) not in journal):
            if best is None:
                table = _all_rows(part, names)
            else:
                table = best.entering(part)
                best.add(table)
            with write_atomically(_part(folder, part.number)) as temporary:
                pq.write_table(table, temporary)
            rejected = Counter(reason for reason in part.reasons if reason)
            line = {"rows": len(part.reasons), "rejected": dict(rejected)}
            journal.add({str(part.number): line})
        if best is not None:
            with write_atomically(result) as temporary:
                write_text(best.table(), temporary)
        journal.add({_DONE: True})
    lines = {key: journal[key] for key in journal if key != _DONE}
    _tidy(folder, lines, parts_too=best is not None)
    total: Counter[str] = Counter()
    for line in lines.values():
        total.update(line["rejected"])
    n_rows = sum(line["rows"] for line in lines.values())
    return Summary(n_rows, dict(total.most_common()), before, result)


def rows_done(folder: Path, shard: Shard = Shard()) -> int:
    """Count the rows that earlier calls of a screening have done.

    >>> rows_done(Path("nowhere"))
    0
    """
    file = _journal(folder, shard)
    journal = Journal(file if file.is_file() else None)
    return sum(journal[key]["rows"] for key in journal if key != _DONE)


def _journal(folder: Path, shard: Shard) -> Path:
    return folder / f"_journal{shard.suffix}.jsonl"


def _begin(folder: Path, work: dict[str, Any]) -> None:
    """Claim a new folder, or check that it holds the same work.

    Raises:
        InputError: If it does not.
    """
    manifest = folder / MANIFEST
    if manifest.is_file():
        begun = json.loads(manifest.read_text(encoding="utf-8"))
        for key, value in json.loads(json.dumps(work)).items():
            if begun.get(key) != value:
                raise InputError.of(
                    f"folder {folder}: {key}",
                    got=str(value)[:200],
                    expected=f"{str(begun.get(key))[:200]}, as the screening there began",
                    fix="Name another folder with -o.",
                )
        return
    if folder.is_file() or (folder.is_dir() and any(p.name[0] != "." for p in folder.iterdir())):
        raise InputError.of(
            f"output folder {folder}",
            got="something that is no screening",
            expected="a new or empty folder, or that of a screening to go on with",
        )
    check_name(folder.resolve())
    write_json(manifest, work)


def _tidy(folder: Path, parts: Iterable[str], *, parts_too: bool) -> None:
    """Remove what kills left behind of these parts, and the parts themselves if told so."""
    numbers = {f"{int(part):08d}" for part in parts}
    for pattern in (".part-*.parquet", *(["part-*.parquet"] if parts_too else [])):
        for file in folder.glob(pattern):
            if file.name.lstrip(".").removeprefix("part-")[:8] in numbers:
                file.unlink(missing_ok=True)


def _part(folder: Path, number: int) -> Path:
    return folder / f"part-{number:08d}.parquet"


def _score_names(assays: tuple[str, ...]) -> tuple[str, ...]:
    if len(assays) == 1:
        return ("p_active", "score")
    return tuple(f"{kind}_{assay}" for assay in assays for kind in ("p_active", "score"))


def _all_rows(part: Scored, names: tuple[str, ...]) -> pa.Table:
    columns = np.stack([expit(part.scores), part.scores], 2).reshape(len(part.reasons), -1)
    rejected = np.array([bool(reason) for reason in part.reasons])
    table = part.rows
    for name, column in zip(names, columns.T, strict=True):
        table = table.append_column(name, pa.array(column, mask=np.isnan(column)))
    status = pa.array(np.where(rejected, "rejected", "ok"), pa.string())
    table = table.append_column("status", status)
    return table.append_column("reason", pa.array(part.reasons, pa.string()))


class _Best:
    """The best rows of each assay so far, in the order of their scores, then of their rows."""

    def __init__(self, assays: tuple[str, ...], top: int, types: dict[str, pa.DataType]) -> None:
        self._assays = assays
        self._top = top
        self._least = np.full(len(assays), -np.inf, np.float32)
        head = {"assay": pa.string(), "p_active": pa.float32(), "score": pa.float32()}
        self._kept = [pa.schema({**head, **types}).empty_table()] * len(assays)

    def entering(self, part: Scored) -> pa.Table:
        """The rows of a part that are among the best so far."""
        tables = []
        for column, assay in enumerate(self._assays):
            scores = part.scores[:, column]
            better = np.flatnonzero(scores > self._least[column])  # of equal ones the first stays
            order = better[np.argsort(-scores[better], kind="stable")[: self._top]]
            rows = part.rows.take(pa.array(order))
            table = pa.table(
                {
                    "assay": pa.array([assay] * len(order), pa.string()),
                    "p_active": expit(scores[order]),
                    "score": scores[order],
                }
            )
            for name in rows.column_names:
                table = table.append_column(name, rows[name])
            tables.append(table)
        return pa.concat_tables(tables)

    def add(self, entering: pa.Table) -> None:
        """Take rows that `entering` gave."""
        for column, assay in enumerate(self._assays):
            new = entering.filter(pc.equal(entering["assay"], assay))
            both = pa.concat_tables([self._kept[column], new])
            scores = both["score"].to_numpy()
            kept = both.take(pa.array(np.argsort(-scores, kind="stable")[: self._top]))
            self._kept[column] = kept
            if len(kept) == self._top:
                self._least[column] = kept["score"][-1].as_py()

    def table(self) -> pd.DataFrame:
        """All of them, assay by assay."""
        frame: pd.DataFrame = pa.concat_tables(self._kept).to_pandas(integer_object_nulls=True)
        return frame
