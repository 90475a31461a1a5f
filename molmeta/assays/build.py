"""The building of a store: rows are collected as they are read, and molecules featurized along."""

import re
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from molmeta.assays.activity import (
    DIRECTIONS,
    UNLIKE,
    check_threshold,
    describe_threshold,
    label_values,
)
from molmeta.assays.cells import COMMA, POINT, read_values
from molmeta.assays.collect import Molecules, Rows
from molmeta.assays.columns import DEFAULT, Columns, listed
from molmeta.assays.curation import Limits, curate
from molmeta.assays.duplicates import DUPLICATES, substances
from molmeta.assays.folders import expand
from molmeta.assays.measurement import as_text, measurements, parse_labels
from molmeta.assays.readers import open_source
from molmeta.assays.relations import UNKNOWN, normalise
from molmeta.assays.store import AssayStore
from molmeta.assays.store_folder import is_store
from molmeta.assays.units import commonest, comparable
from molmeta.assays.write import Contents, contents_of, write_store
from molmeta.chem.features import GRAPHS
from molmeta.chem.featurize import featurize_stream
from molmeta.chem.standardize import STANDARD, Standardizer
from molmeta.errors import InputError, check_choice

Progress = Callable[[int], None]
_BATCH = 512  # molecules; RDKit's work in chunks of this size is fastest


def featurize_files(
    paths: Iterable[Path | str],
    out: Path | str | None,
    *,
    columns: Columns | None = None,
    format: str = "auto",
    limits: Limits | None = None,
    duplicates: str = "inchikey",
    workers: int = 1,
    features: Collection[str] = (),
    standardize: Standardizer | None = STANDARD,
    progress: Progress | None = None,
) -> AssayStore:
    """Read files into a new store.

    >>> from molmeta.assays import drug_mechanisms, featurize_files
    >>> drug_mechanisms("valid").to_csv("drugs.csv", index=False)
    >>> featurize_files(["drugs.csv"], "drugs")
    AssayStore('drugs': 5 assays, 50 molecules)

    Args:
        paths: Files of any kind that a reader knows, and folders of such files; assays of the
            same id are joined.
        out: The store's folder, which appears whole or not at all; None for a temporary one.
        columns: The user's choice of columns, and how values become labels.
        format: The reader's name, or "auto".
        limits: The smallest assays worth keeping.
        duplicates: How repeats of a substance in an assay are found: "inchikey" or "smiles".
        workers: Processes that featurize.
        features: Features to store beside graphs: some of `chem.features.FEATURES`.
        standardize: Brings each molecule to its standard form; None leaves it as drawn.
        progress: Called with the number of molecules done since its last call.

    Raises:
        InputError: If a file, or the user's choice of its columns, cannot be used.
    """
    columns = columns or Columns()
    sources = [open_source(path, format, columns.sheet) for path in expand(paths)]
    threshold = columns.threshold
    if threshold in (None, DEFAULT):
        own = (source.reader.THRESHOLD for source in sources)
        threshold = next(filter(None, own), threshold)
    check_choice("--decimal", columns.decimal, (COMMA, POINT))
    readings = [source.read(columns) for source in sources]
    names = [source.table.path.name for source in sources]
    return build_store(
        (frame for reading in readings for frame in reading.frames),
        out,
        notes=_by_file([(name, r.notes) for name, r in zip(names, readings, strict=True)]),
        columns=replace(columns, threshold=threshold),
        limits=limits,
        duplicates=duplicates,
        features=features,
        standardize=standardize,
        workers=workers,
        progress=progress,
    )


def check_files(paths: Iterable[Path | str], columns: Columns, format: str = "auto") -> None:
    """Refuse files, or the user's choice of their columns, by a look at their first rows.

    It takes a moment, where loading a model takes seconds. Stores are passed over.

    Raises:
        InputError: As `featurize_files`, as far as first rows show it.
    """
    for path in expand([path for path in paths if not is_store(path)]):
        open_source(path, format, columns.sheet).read(columns)


def _by_file(notes: list[tuple[str, tuple[str, ...]]]) -> list[str]:
    """Join notes with the files that they are about: one line for a note that files share."""
    files: dict[str, list[str]] = {}
    for name, of_file in notes:
        for note in of_file:
            files.setdefault(note, []).append(name)
    return [
        f"{names[0]}{f' and {len(names) - 1} more' if len(names) > 1 else ''}: {note}"
        for note, names in files.items()
    ]


def load_assays(
    path: Path | str,
    columns: Columns | None = None,
    *,
    format: str = "auto",
    standardize: Standardizer | None = STANDARD,
) -> AssayStore:
    """Open DATA as every verb takes it: a store, or files, which become a temporary store.

    >>> from molmeta.assays import drug_mechanisms, load_assays
    >>> drug_mechanisms("valid").to_csv("drugs.csv", index=False)
    >>> load_assays("drugs.csv").assay_ids[0]
    'ace_inhibitor'

    Args:
        path: A store's folder, or a file or folder that a reader knows.
        columns: The user's choice of columns, and how values become labels.
        format: The reader's name, or "auto".
        standardize: As for `build_store`; a store's molecules stay as they are.

    Raises:
        InputError: If it is neither, or cannot be used; or if a threshold or direction is given
            for a store, whose labels are settled.
    """
    if is_store(path):
        settled = columns is None or columns.threshold in (None, DEFAULT)
        if columns is not None and (not settled or columns.direction or columns.sheet):
            raise InputError.of(
                f"--threshold, --direction or --sheet for {path}",
                got="an assay store, whose labels are settled",
                expected="files with values",
                fix="Featurize the source files anew.",
            )
        return AssayStore.open(path)
    return featurize_files([path], None, columns=columns, format=format, standardize=standardize)


def build_from_frame(frame: pd.DataFrame, out: Path | str | None = None) -> AssayStore:
    """See `AssayStore.from_frame`."""
    lacking = [name for name in ("assay", "smiles", "label") if name not in frame]
    if lacking:
        raise InputError.of(
            "frame",
            got=f"the columns {listed(frame.columns.tolist())}",
            expected=f"also {listed(lacking)}",
        )
    frame = frame.reset_index(drop=True)
    fields: dict[str, object] = {
        "assay": as_text(frame["assay"]),
        "smiles": as_text(frame["smiles"]),
        "label": parse_labels(frame["label"], "column 'label'"),
    }
    if "value" in frame:
        fields["value"] = read_values(frame["value"]).value
    if "relation" in frame:
        fields["relation"] = as_text(frame["relation"])
    return build_store([measurements(fields, frame.index)], out)


def build_store(
    tables: Iterable[pd.DataFrame],
    out: Path | str | None,
    *,
    columns: Columns | None = None,
    limits: Limits | None = None,
    duplicates: str = "inchikey",
    features: Collection[str] = (),
    standardize: Standardizer | None = STANDARD,
    notes: Sequence[str] = (),
    workers: int = 1,
    progress: Progress | None = None,
) -> AssayStore:
    """Build a store from frames of measurements.

    >>> table = pd.DataFrame({"assay": "first", "smiles": ["CCO", "CCN"], "label": [1.0, 0.0]})
    >>> store = build_store([measurements(table, table.index)], None)
    >>> store.assays[["assay_id", "n_kept"]].values.tolist()
    [['first', 2]]

    Args:
        tables: Frames with the columns of `measurement.FIELDS`.
        out: The store's folder, which appears whole or not at all; None for a temporary one.
        columns: Its `threshold` and `direction` say how values become labels where there are
            none (see `activity`).
        notes: How the readers read the files; which values are active is added.
        limits, duplicates, features, standardize, workers, progress: As of `featurize_files`.

    Raises:
        InputError: If no measurement has a label.
    """
    columns = columns or Columns()
    threshold = check_threshold(columns.threshold)
    check_choice("--direction", columns.direction, DIRECTIONS)
    check_choice("--duplicates", duplicates, DUPLICATES)
    rows, molecules = Rows(), Molecules()
    new_smiles = (batch for table in tables for batch in _batches(rows.add(table)))
    for part in featurize_stream(
        new_smiles,
        reads={GRAPHS, *features},
        standardize=standardize,
        workers=workers,
        progress=progress,
    ):
        molecules.add(part)
    table = join(rows, molecules)
    if duplicates == "inchikey":
        smiles = rows.words("smiles")[molecules.accepted].tolist()
        table["identity"] = substances(
            table, smiles, molecules.graphs, standardize=standardize, workers=workers
        )
    table, active = decide(table, rows, molecules, threshold, columns.direction, limits)
    notes = [*notes, *([active] if active else [])]
    return _write(contents_of(rows, molecules, table, standardize, notes), out)


def _write(contents: Contents, out: Path | str | None) -> AssayStore:
    """Write a store to its folder, or to a temporary one."""
    if out is not None:
        write_store(out, contents)
        return AssayStore.open(out)
    folder = Path(tempfile.mkdtemp(prefix="molmeta-"))
    try:
        write_store(folder / "store", contents)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return AssayStore.open_temporary(folder / "store")


def _batches(smiles: list[str]) -> Iterator[list[str]]:
    return (smiles[start : start + _BATCH] for start in range(0, len(smiles), _BATCH))


def join(rows: Rows, molecules: Molecules) -> pd.DataFrame:
    """Join rows with their molecules, and with the reasons of those that have none."""
    table = rows.table()
    table["molecule"] = molecules.numbers[table["smiles"]]
    table["identity"] = molecules.identities[table["smiles"]]
    table["reason"] = rows.words("reason")[table["reason"]]
    rejected = molecules.reasons[table["smiles"]]
    table["reason"] = table["reason"].where(table["reason"] != "", rejected)
    return table


def decide(
    table: pd.DataFrame,
    rows: Rows,
    molecules: Molecules,
    threshold: float | str | None,
    direction: str | None,
    limits: Limits | None,
) -> tuple[pd.DataFrame, str]:
    """Give each row a comparable value, a label, an action and its reason.

    Returns:
        The rows; and which values count as active, "" where no label comes from a value.
    """
    table, active = table.assign(threshold=np.nan, kind="", bound=0), ""
    if table["value"].notna().any():
        table = _with_values(rows, molecules, table)
        if threshold is not None:
            active = _label_by_value(rows, table, threshold, direction)
    if not table["label"].notna().any():
        raise InputError.of(
            "labels",
            got=f"none in {len(table)} rows{_commonest(table['reason'].replace('', 'no label'))}",
            expected="some active and some inactive molecules",
            fix=_how_to_label(
                threshold if table["value"].notna().any() else None, direction, table["reason"]
            ),
        )
    if not len(molecules.accepted):
        raise InputError.of(
            "molecules",
            got=f"none that parses in {len(table)} rows{_commonest(table['reason'])}",
            expected="SMILES",
            fix="Name the right column with --smiles-column.",
        )
    return table.assign(**curate(table, limits)), active


def _how_to_label(threshold: float | str | None, direction: str | None, reasons: pd.Series) -> str:
    if threshold is None:
        return "Name the right column with --label-column, or give --threshold for values."
    if reasons.str.contains(UNLIKE, regex=False).any():
        return "Keep one kind of measurement an assay: leave out the rows of the others."
    if threshold == "fsmol":
        return "Give another --threshold: median or a number takes every unit."
    return "Say what the values are with --units" + (
        "." if direction else ", or which are active with --direction."
    )


def _commonest(reasons: pd.Series) -> str:
    counts = reasons.value_counts()[:3].items()
    return ", " + "; ".join(f"{n} × {reason}" for reason, n in counts) if len(reasons) else ""


def _with_values(rows: Rows, molecules: Molecules, table: pd.DataFrame) -> pd.DataFrame:
    units = pd.Series(rows.words("unit")[table["unit"]], table.index)
    relations = pd.Series(rows.words("relation")[table["relation"]], table.index)
    weights = molecules.weights[table["smiles"]]
    values = comparable(table["value"], units, relations, weights)
    lost = table["value"].notna() & values["value"].isna() & table["label"].isna()
    reason = table["reason"]
    odd = normalise(relations) == UNKNOWN
    odd &= table["value"].notna() & table["label"].isna() & (reason == "")
    reason = reason.mask(odd, "relation is not known: " + relations)
    values["reason"] = reason.mask(lost & (reason == ""), "value without a logarithm")
    return table.assign(weight=weights, **values)


def _label_by_value(
    rows: Rows, table: pd.DataFrame, threshold: float | str, direction: str | None
) -> str:
    """Fill in the labels that the values decide, in place; describe which values are active."""
    targets = rows.words("target")
    enzymes = np.array([bool(re.search(r"enzyme|ase\b", text.lower())) for text in targets], bool)
    # What is set aside for its unit, or cannot be read, says too what the assay measures.
    measured = table["value"].notna() | table["reason"].str.startswith("value ")
    usual = table["assay"].map(commonest(table[measured & (table["assay"] > 0)], "quantity"))
    todo = table["label"].isna() & table["value"].notna() & (table["assay"] > 0)
    todo &= table["reason"] == ""
    if threshold == DEFAULT:  # some labels mean that the others are not known
        todo &= table["label"].isna().groupby(table["assay"]).transform("all")
    part = table[todo].assign(
        enzyme=enzymes[table["target"][todo]],
        quantity=rows.words("quantity")[table["quantity"][todo]],
        usual=rows.words("quantity")[usual[todo].astype(np.int64)],
    )
    columns = ["label", "threshold", "reason"]
    labels = label_values(part, threshold, direction)[columns]
    table.loc[todo, columns] = labels
    part = part.assign(threshold=labels["threshold"])
    return describe_threshold(part[labels["reason"] == ""], threshold, direction)
