"""Options that several verbs share, each declared once."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import MISSING, fields
from functools import reduce
from operator import or_
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from molmeta.errors import InputError
from molmeta_cli.console import say

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from molmeta.assays import AssayStore, Support
    from molmeta.assays import Columns as Columns
    from molmeta.assays.record import AssayRecord
    from molmeta.chem.standardize import Standardizer
    from molmeta.runs.model import Model as TrainedModel
else:
    Columns = object  # imported when a verb runs, for the sake of a quick --help

Data = Annotated[
    list[Path],
    typer.Argument(
        metavar="DATA…",
        help="Tables (CSV, TSV, Parquet, SDF; ChEMBL, PubChem, FS-Mol …), compressed or not, "
        "folders of them, or one assay store.",
    ),
]
Output = Annotated[Path, typer.Option("--output", "-o", help="Where the result goes.")]
Model = Annotated[
    str, typer.Option("--model", "-m", help="A run folder, or a shipped model's name.")
]
TrustCode = Annotated[
    bool,
    typer.Option(
        "--trust-code", help="Import parts that a model names and that are not molmeta's own."
    ),
]
LabelsOnly = Annotated[
    bool,
    typer.Option(
        "--labels-only", help="Learn from labels alone, not from how far values lie from active."
    ),
]
Device = Annotated[str, typer.Option("--device", help="auto, cpu, cuda or cuda:N.")]
Workers = Annotated[
    int | None,
    typer.Option("--workers", min=1, help="Worker processes.", show_default="one a core"),
]
Report = Annotated[
    Path | None, typer.Option("--report", help="Also write one HTML page, readable offline.")
]
Assay = Annotated[
    str | None, typer.Option("--assay", help="Which assay of the support, if it has several.")
]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Seed of everything random.")]
Format = Annotated[
    str,
    typer.Option(
        "--format", help="Kind of file: auto, plain, chembl, pubchem, fsmol or moleculenet."
    ),
]
InputSheet = Annotated[
    str | None,
    typer.Option("--input-sheet", help="Sheet of an --input workbook; by default its first."),
]
SmilesColumn = Annotated[
    str | None, typer.Option("--smiles-column", help="Column of the molecules' SMILES.")
]


def _column(flag: str, what: str) -> Any:
    return Annotated[str | None, typer.Option(flag, help=what)]


# COLUMNS: the fields of `Columns`, in its order.
_COLUMNS = {
    "smiles_column": SmilesColumn,
    "assay_column": _column("--assay-column", "Column of the assay's name (long tables)."),
    "label_column": _column("--label-column", "Column of active or inactive."),
    "value_column": _column("--value-column", "Column of the measured value."),
    "relation_column": _column("--relation-column", "Column of = > < … of the value."),
    "units": Annotated[
        str | None,
        typer.Option(
            "--units", help="nM, uM, ug/mL, %, pXC50, log nM …, or the column that says so."
        ),
    ],
    "threshold": Annotated[
        str | None,
        typer.Option(
            "--threshold",
            metavar="NUMBER|median|fsmol",
            help="Where active begins; in pXC50 for concentrations (6 is 1 uM). Support tables of "
            "values: 6 by default, or the median where that leaves a class empty.",
        ),
    ],
    "direction": Annotated[
        str | None,
        typer.Option(
            "--direction",
            metavar="higher|lower",
            help="Which values as measured are active; lower concentrations and higher "
            "percentages of inhibition by default.",
        ),
    ],
    "decimal": Annotated[
        str | None,
        typer.Option(
            "--decimal",
            metavar="comma|point",
            help="What a comma in a number is: the decimal mark (comma), or of thousands (point).",
        ),
    ],
    "sheet": _column("--sheet", "Sheet of a workbook with measured molecules; else its first."),
}


def with_flags(verb: Callable[[Any], None]) -> Callable[..., None]:
    """Make of a verb on options what typer reads: a parameter for each field, COLUMNS the last.

    The options are a dataclass; its field `columns` is made of the flags COLUMNS.
    """
    options = get_type_hints(verb)["options"]
    hints = get_type_hints(options, include_extras=True)
    own_first = sorted(fields(options), key=lambda field: field.name not in options.__annotations__)
    flags = [(f.name, hints[f.name], f.default) for f in own_first if f.name != "columns"]
    flags += [(name, option, None) for name, option in _COLUMNS.items()]
    parameters = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if default is MISSING else default,
            annotation=option,
        )
        for name, option, default in flags
    ]

    @functools.wraps(verb)
    def run(**given: Any) -> None:
        from molmeta.assays import Columns

        columns = Columns(**{name: given.pop(name) for name in _COLUMNS})
        verb(options(columns=columns, **given))

    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


def read_assays(
    paths: list[Path],
    columns: Columns,
    format: str = "auto",
    forms: Sequence[Standardizer | None] = (),
) -> AssayStore:
    """DATA as every verb takes it: one store, or any number of tables that become one.

    The molecules of tables are brought to the first of `forms`, else to the default one.
    """
    from molmeta.assays import featurize_files, load_assays
    from molmeta.chem.standardize import STANDARD

    form = forms[0] if forms else STANDARD
    store = (
        load_assays(paths[0], columns, format=format, standardize=form)
        if len(paths) == 1
        else featurize_files(paths, None, columns=columns, format=format, standardize=form)
    )
    say_what_was_read(store, *paths)
    return store


def say_what_was_read(store: AssayStore, *paths: Path) -> None:
    """Print what was taken for what, and what became of every row that was read."""
    from molmeta.assays.audit import describe

    for note in store.notes:
        say(note)
    names = ", ".join(path.name for path in paths[:3]) + (" …" if len(paths) > 3 else "")
    say(f"{names}: {describe(store.audit_summary())}")


def open_model(name: str, device: str, *, trust_code: bool) -> TrainedModel:
    """A run folder or shipped model, on the device that was asked for."""
    from molmeta.learning.device import pick_device
    from molmeta.runs import load_model

    return load_model(name, pick_device(device), trust_code=trust_code)


def say_new_assays(known: Sequence[Support], labels_only: bool) -> None:
    """Print what support sets of one table were taken to be, and what became of every row."""
    from molmeta.assays.audit import describe

    said: list[str] = []
    for support in known:
        for note in support.notes if support.notes != said else ():
            say(note)
        said = support.notes
        n_kept, n_active = support.kept.sum(), (support.labels[support.kept] == 1).sum()
        say(f"support set {support.assay_id}: {n_kept} molecules, {n_active} active")
        say_grades([support.values[support.kept]], labels_only)
        say(describe(support.summary()))


def say_grades(values: Iterable[NDArray[Any]], labels_only: bool) -> None:
    """Print how many labels are graded by their values, NaN where there is none."""
    n_graded = sum(int((some == some).sum()) for some in values)
    if n_graded and not labels_only:
        say(f"{n_graded:,} labels count by how far their values lie from active (--labels-only)")


def read_held_out(paths: list[Path], columns: Columns, format: str) -> AssayRecord:
    """Test assays as `train --test` takes them: DATA, or JSON lists of ids by fold."""
    from molmeta.assays.record import AssayRecord

    lists = [path for path in paths if path.suffix == ".json"]
    data = [path for path in paths if path.suffix != ".json"]
    held_out = [AssayRecord.of(read_assays(data, columns, format), "test")] if data else []
    return reduce(or_, [*held_out, *map(AssayRecord.of_lists, lists)])


def numbers(text: str, option: str) -> list[int]:
    """Comma-separated whole numbers, e.g. of --support-sizes."""
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise InputError.of(option, got=repr(text), expected="numbers such as 16,32") from None


def shares(text: str, option: str) -> list[float]:
    """Comma-separated shares, e.g. of --fractions."""
    try:
        parts = [float(part) for part in text.split(",")]
    except ValueError:
        parts = []
    if not parts or min(parts) < 0 or not 0 < sum(parts) < float("inf"):
        raise InputError.of(option, got=repr(text), expected="shares such as 0.8,0.1,0.1")
    return parts


def names(text: str) -> list[str]:
    """Comma-separated names, e.g. of --baselines."""
    return [part.strip() for part in text.split(",") if part.strip()]
