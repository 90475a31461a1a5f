"""Reading a written file with molmeta, and whether what came of it is right."""

from __future__ import annotations

import itertools
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd

from molmeta.assays import AssayStore, Columns, load_assays, read_support
from molmeta.errors import InputError
from tests.generators.files import Written
from tests.generators.meaning import DROP, Expected, Row, Rule

READ, REFUSED, WRONG = "read", "refused", "wrong"


@dataclass(frozen=True)
class Verdict:
    """What came of a file: `read` right, `refused`, or `wrong`; and why."""

    kind: str
    why: str


@dataclass
class Tally:
    """Counts, and each kind of fault with its smallest example.

    Attributes:
        counts: Of `read`, `refused` and `wrong`, and of `must read`, those well-formed.
        faults: Texts that say how to make each fault again.
        refusals: The messages.
    """

    counts: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Came:
    """A row as it was read: its assay ("" where none), what became of it, its label where kept."""

    row: int
    smiles: str
    assay: str
    action: str
    reason: str
    label: float


@dataclass(frozen=True)
class Reading:
    """What came of a file: its rows, and what was said about it."""

    rows: list[Came]
    notes: str

    @classmethod
    def of(cls, store: AssayStore, said: str = "") -> Reading:
        """Of a store, and what the program said."""
        return cls(rows_of(store), "\n".join([*store.notes, said]))


Read = Callable[[Path, dict[str, str]], Reading]


def by_library(path: Path, told: dict[str, str]) -> Reading:
    """Read a file as a program of one's own does."""
    return Reading.of(load_assays(path, Columns(**told)))


def by_support(path: Path, told: dict[str, str]) -> Reading:
    """Read a file as the support sets of a few assays: each row with all that its line holds."""
    columns = Columns(**told)
    store = load_assays(path, columns)
    came = rows_of(store)
    names = dict.fromkeys(row.assay for row in came if row.assay)
    found = {}
    for name in names:
        support = read_support(path, columns, assay_id=name)
        for i, (number, cells) in enumerate(support.rows.iterrows()):
            smiles, kept = support.smiles[i], bool(support.kept[i])
            assert smiles in {str(cell).strip() for cell in cells}, f"row {number}: {smiles}"
            label = float(support.labels[i]) if kept else np.nan
            action, reason = support.actions[i], support.reasons[i]
            found[name, number] = Came(int(str(number)), smiles, name, action, reason, label)
    # What belongs to no assay is in the audit alone.
    rows = [found.get((row.assay, row.row), row) for row in came]
    return Reading(rows, "\n".join(store.notes))


def judge(written: Written, folder: Path, read: Read = by_library) -> Verdict:
    """Read a file and judge."""
    path = folder / written.name
    path.write_bytes(written.content)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.filterwarnings("ignore", ".*torch.jit.*", DeprecationWarning)
            reading = read(path, dict(written.told))
    except InputError as error:
        return refusal(str(error), written)
    except Exception as error:  # noqa: BLE001
        where = traceback.extract_tb(error.__traceback__)[-1]
        return Verdict(WRONG, f"{type(error).__name__} at {where.name}: {error}"[:300])
    finally:
        path.unlink(missing_ok=True)
    wrong = fault(written.expected, reading, written.name)
    return Verdict(WRONG, wrong) if wrong else Verdict(READ, "")


def refusal(message: str, written: Written) -> Verdict:
    """Whether a refusal is in place, and says what is the matter."""
    if written.expected.must_read:
        return Verdict(WRONG, f"refused although well-formed: {message}")
    # The file's name is not what is the matter.
    text = message.lower().replace(written.name.lower(), "")
    if not any(word in text for word in written.expected.words):
        return Verdict(
            WRONG, f"the refusal names nothing of {sorted(written.expected.words)}: {message}"
        )
    return Verdict(REFUSED, message)


def rows_of(store: AssayStore) -> list[Came]:
    """A store's audit with the labels of the rows that are kept."""
    labels: dict[tuple[str, int], float] = {}
    for name in store.assay_ids:
        assay = store.assay(name)
        at = zip(assay.rows, assay.labels, assay.kept, strict=True)
        labels |= {(name, int(row)): float(label) for row, label, kept in at if kept}
    audit: pd.DataFrame = store.audit
    columns = ["row", "smiles", "assay_id", "action", "reason"]
    return [
        Came(int(row), smiles, assay, action, reason, labels.get((assay, int(row)), np.nan))
        for row, smiles, assay, action, reason in audit[columns].itertuples(index=False)
    ]


def fault(expected: Expected, reading: Reading, name: str) -> str:
    """What is wrong with what came of a file; "" where all is right."""
    came = _without_junk(expected, reading.rows)
    wide = len({row.number for row in expected.rows}) < len(expected.rows)
    try:
        pairs = _pairs_wide(expected, came, reading.notes) if wide else _pairs(expected, came)
    except Mismatch as mismatch:
        return str(mismatch)
    for row, got in pairs:
        if got.action not in ("kept", "merged", DROP):
            return f"row {got.row}: action {got.action!r}"
        if got.action != "kept" and not got.reason.strip():
            return f"row {got.row} is {got.action} without a reason"
        if got.action == "kept" and got.label not in (0.0, 1.0):
            return f"row {got.row} is kept with the label {got.label}"
        names = row.assay | ({name.split(".")[0]} if "table" in row.assay else set())
        stranger = got.assay and got.assay not in names and not expected.free_names
        if stranger and got.action == "kept":
            return f"row {got.row}: the assay {got.assay!r}, not {sorted(names)}"
    if not any(got.action == "kept" for _, got in pairs):
        return "no row is kept, and nothing is said"
    if wrong := _merged_wrong(pairs):
        return wrong
    problems = [
        _mislabelled(pairs, rule, understood)
        for rule, understood in itertools.product(expected.rules, range(_n_readings(expected.rows)))
    ]
    return "" if "" in problems else problems[0]


def _without_junk(expected: Expected, came: list[Came]) -> list[Came]:
    """Less the lines that are no measurements, which may be dropped rows of the audit."""
    excess = len({row.row for row in came}) - len({row.number for row in expected.rows})
    for got in [*reversed(came)]:
        if excess > 0 and got.smiles.strip() in expected.junk and got.action == DROP:
            came = [row for row in came if row.row != got.row]
            excess -= 1
    return came


class Mismatch(Exception):
    """Rows of the file and rows of the audit do not go together."""


def _n_readings(rows: Sequence[Row]) -> int:
    return max([1, *(len(row.truths) for row in rows)])


def _pairs(expected: Expected, came: list[Came]) -> list[tuple[Row, Came]]:
    """Each row of the file with what came of it: each exactly once, in order."""
    numbers = [row.row for row in came]
    if len(set(numbers)) < len(numbers):
        raise Mismatch("a row number occurs twice in the audit")
    came = sorted(came, key=lambda row: row.row)
    if len(came) != len(expected.rows):
        raise Mismatch(f"{len(expected.rows)} rows in the file, {len(came)} in the audit")
    return list(zip(expected.rows, came, strict=True))


def _pairs_wide(expected: Expected, came: list[Came], notes: str) -> list[tuple[Row, Came]]:
    """Each cell of a wide table with what came of it; a blank one needs no row of its own."""
    # Lines that are no measurements may have had numbers, too.
    numbers = sorted({got.row for got in came})
    place = {number: i for i, number in enumerate(numbers)}
    came = [replace(got, row=place[got.row]) for got in came]
    by_cell: dict[tuple[str, int], Came] = {}
    for got in came:
        if (got.assay, got.row) in by_cell:
            raise Mismatch(f"row {got.row} occurs twice in assay {got.assay!r}")
        by_cell[got.assay, got.row] = got
    pairs = []
    # A column that is not taken at all is named.
    taken = {got.assay for got in came}
    named = {name for row in expected.rows for name in row.assay if name not in taken}
    named = {name for name in named if repr(name) in notes or f'"{name}"' in notes}
    lost = {row.number for row in expected.rows} - {row.row for row in came}
    if lost:
        raise Mismatch(f"rows {sorted(lost)} are not in the audit")
    for row in expected.rows:
        (assay,) = row.assay
        found = by_cell.pop((assay, row.number), None)
        if found is not None:
            pairs.append((row, found))
        elif row.label is not None and not row.may_drop and assay not in named:
            raise Mismatch(f"the cell of row {row.number} in assay {assay!r} is lost")
    strange = {got.assay for got in by_cell.values() if got.assay and got.action == "kept"}
    if strange:
        raise Mismatch(f"strange assays or cells: {sorted(strange)}")
    return pairs


def _merged_wrong(pairs: list[tuple[Row, Came]]) -> str:
    """A merged row stands beside a kept one of the same molecule and assay."""
    kept = {(row.molecule, got.assay) for row, got in pairs if got.action == "kept"}
    for row, got in pairs:
        if got.action == "merged" and (row.molecule, got.assay) not in kept:
            return f"row {got.row} is merged into none ({got.reason})"
    return ""


def _mislabelled(pairs: list[tuple[Row, Came]], rule: Rule, reading: int) -> str:
    """What is wrong with the labels if table and question are understood so."""
    problem = ""
    for limits in _limits(pairs, rule, reading):
        problem = ""
        for row, got in pairs:
            allowed = _allowed(row, rule, limits.get(got.assay), reading)
            outcome = DROP if got.action == DROP else got.label if got.action == "kept" else None
            if outcome is not None and outcome not in allowed:
                problem = (
                    f"row {got.row} ({row.truths or row.label}) is {outcome}, not {allowed}; "
                    f"threshold {limits.get(got.assay)}; {got.reason}"
                )
                break
        if not problem:
            return ""
    return problem


def _allowed(row: Row, rule: Rule, limit: float | None, reading: int) -> set[object]:
    if row.label is not None:
        return {row.label, DROP} if row.may_drop else {row.label}
    if not row.truths or rule.threshold is None:
        return {DROP}
    truth = row.truths[min(reading, len(row.truths) - 1)]
    if limit is None:
        return {DROP, 0, 1}
    allowed = truth.labels(limit) if rule.up else (-truth).labels(-limit)
    if truth.low != truth.high and 0 < len(allowed - {DROP}) == 1 and row.may_drop:
        allowed = allowed | {DROP}
    return allowed | {DROP} if row.may_drop else allowed


def _limit(middle: float, rule: Rule) -> float:
    if rule.threshold == "median":
        return float(middle)
    if rule.percent:
        return max(float(middle), 50.0)
    return float(middle) if 4 <= middle <= 6 else 5.0


def _limits(pairs: list[tuple[Row, Came]], rule: Rule, reading: int) -> list[dict[str, float]]:
    """Thresholds by assay: as told, or medians, with and without what is censored or left out."""
    assays = {got.assay for _, got in pairs}
    if rule.threshold is None:
        return [{}]
    if rule.threshold not in ("median", "fsmol"):
        return [{assay: float(rule.threshold) for assay in assays}]
    found = []
    for censored, lost, undecided in itertools.product((True, False), repeat=3):
        limits = {}
        for assay in assays:
            values = set()
            for row, got in pairs:
                if not row.truths or got.assay != assay:
                    continue
                truth = row.truths[min(reading, len(row.truths) - 1)]
                exact = truth.low == truth.high
                unread = exact or "open side" not in got.reason
                if not (censored or exact) or (
                    got.action == DROP and not (lost if unread else undecided)
                ):
                    continue
                end = truth.low if np.isfinite(truth.low) else truth.high
                values.add((row.molecule, end))
            if values:
                limits[assay] = _limit(median(value for _, value in values), rule)
        found.append(limits)
    return found
