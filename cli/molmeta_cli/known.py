"""The assays that verbs learn from: tables, and what `molmeta predict --save` wrote."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from molmeta.errors import InputError
from molmeta.resources import n_cores
from molmeta_cli.console import say
from molmeta_cli.options import (
    Columns,
    Device,
    Format,
    InputSheet,
    LabelsOnly,
    Model,
    TrustCode,
    Workers,
    open_model,
    read_assays,
    say_grades,
    say_new_assays,
)

if TYPE_CHECKING:
    from molmeta.assays import Library, Support
    from molmeta.predict.learnt import LearntAssay
    from molmeta.runs.model import Model as TrainedModel


@dataclass(frozen=True, kw_only=True)
class Learning:
    """Options of the verbs that learn from measured molecules."""

    columns: Columns
    model: Model = "default"
    trust_code: TrustCode = False
    labels_only: LabelsOnly = False
    format: Format = "auto"
    input_sheet: InputSheet = None
    device: Device = "auto"
    workers: Workers = None

    @property
    def n_workers(self) -> int:
        """Count the worker processes."""
        return self.workers or n_cores()

    def load(self) -> TrainedModel:
        """Load the model that learns."""
        return open_model(self.model, self.device, trust_code=self.trust_code)

    def open_input(self, input: Sequence[Path] | None) -> Library | None:
        """Open the library, None for none, before a model is loaded."""
        from molmeta.assays import open_library

        if input:
            return open_library(input, self.columns.smiles_column, self.input_sheet)
        if self.input_sheet is not None:
            raise InputError.of("--input-sheet", got=repr(self.input_sheet), expected="--input too")
        return None


def check_known(
    options: Learning,
    paths: Sequence[Path],
    *,
    assay: str | None = None,
    several: bool = False,
) -> None:
    """Refuse wrong tables and files of learnt assays before a model is loaded.

    A column of a wide table that `assay` names is looked at later. Several columns of values are
    as many assays where `several` are taken.
    """
    from molmeta.assays import Columns
    from molmeta.assays.build import check_files
    from molmeta.assays.support import value_columns
    from molmeta.predict.learnt_file import LEARNT, LearntFile

    learnt = [path for path in paths if path.suffix == LEARNT]
    tables = [path for path in paths if path.suffix != LEARNT]
    columns, format = options.columns, options.format
    told = replace(columns, smiles_column=None) != Columns() or assay or options.labels_only
    if learnt and not tables and (told or format != "auto"):
        raise InputError.of(
            f"--support {learnt[0]}",
            got="flags that say how a table is read",
            expected="none of them: this assay is learnt already",
        )
    for path in learnt:
        LearntFile.read(path)
    if assay:
        return
    if several:
        tables = [one for one in tables if not value_columns(one, columns, format)]
    check_files(tables, columns.of_support(), format)


def learn_supports(
    options: Learning,
    path: Path,
    assay: str | None,
    *,
    several: bool = False,
    prevalence: float | None = None,
) -> tuple[list[LearntAssay], list[Support]]:
    """Learn the only assay of a table, or the one that is named, or read what was learnt.

    It gives the tables too, whose blank rows may wait for a prediction. Where `several` assays are
    taken, all of a table are learnt unless one is named.
    """
    from molmeta.assays import read_support
    from molmeta.assays.support import read_supports
    from molmeta.predict.learnt import LearntAssay
    from molmeta.predict.learnt_file import LEARNT

    model = options.load()
    if path.suffix == LEARNT:
        learnt = _load(path, model, options.n_workers)
        if prevalence is not None:
            learnt.classifier.prevalence = prevalence
        return [learnt], []
    columns, format, form = options.columns, options.format, model.standardize
    if several and assay is None:
        known = read_supports(path, columns, format=format, standardize=form)
    else:
        known = [read_support(path, columns, format=format, assay_id=assay, standardize=form)]
    say_new_assays(known, options.labels_only)
    learnt_now = [
        LearntAssay.learn(
            model,
            one,
            prevalence=prevalence,
            labels_only=options.labels_only,
            workers=options.n_workers,
        )
        for one in known
    ]
    return learnt_now, known


def learn_assays(
    options: Learning, paths: Sequence[Path], model: TrainedModel
) -> list[LearntAssay]:
    """Learn all assays of tables, and read those that were learnt."""
    from molmeta.assays.support import read_supports, value_columns
    from molmeta.predict.learnt import LearntAssay
    from molmeta.predict.learnt_file import LEARNT

    columns, format, labels_only = options.columns, options.format, options.labels_only
    tables = [path for path in paths if path.suffix != LEARNT]
    learnt, workers = list[LearntAssay](), options.n_workers
    for path in [one for one in tables if value_columns(one, columns, format)]:
        known = read_supports(path, columns, format=format, standardize=model.standardize)
        say_new_assays(known, labels_only)
        learnt += [LearntAssay.learn(model, one, labels_only=labels_only) for one in known]
        tables.remove(path)
    if tables:
        store = read_assays(tables, columns.of_support(), format, [model.standardize])
        learnt += LearntAssay.of_store(model, store, labels_only=labels_only, workers=workers)
        say_grades((assay.exact_values[assay.kept] for assay in store), labels_only)
    return learnt + [_load(path, model, workers) for path in paths if path.suffix == LEARNT]


def _load(path: Path, model: TrainedModel, workers: int) -> LearntAssay:
    from molmeta.predict.learnt import LearntAssay

    learnt = LearntAssay.load(path, model, workers=workers)
    say(f"{learnt.name}: {len(learnt.classifier.known_.smiles)} molecules, learnt before")
    return learnt
