"""The assays that verbs learn from: tables, and what `molmeta predict --save` wrote."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from molmeta.errors import InputError
from molmeta_cli.console import say
from molmeta_cli.options import read_assays, say_grades, say_new_assays

if TYPE_CHECKING:
    from molmeta.assays import Columns, Support
    from molmeta.predict.learnt import LearntAssay
    from molmeta.runs.model import Model


def check_known(
    paths: Sequence[Path],
    columns: Columns,
    format: str,
    *,
    assay: str | None = None,
    labels_only: bool = False,
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
    told = replace(columns, smiles_column=None) != Columns() or assay or labels_only
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
    path: Path,
    columns: Columns,
    model: Model,
    *,
    format: str,
    assay: str | None,
    labels_only: bool,
    several: bool = False,
    prevalence: float | None = None,
    workers: int = 1,
) -> tuple[list[LearntAssay], list[Support]]:
    """Learn the only assay of a table, or the one that is named, or read what was learnt.

    It gives the tables too, whose blank rows may wait for a prediction. Where `several` assays are
    taken, all of a table are learnt unless one is named.
    """
    from molmeta.assays import read_support
    from molmeta.assays.support import read_supports
    from molmeta.predict.learnt import LearntAssay
    from molmeta.predict.learnt_file import LEARNT

    if path.suffix == LEARNT:
        learnt = _load(path, model, workers)
        if prevalence is not None:
            learnt.classifier.prevalence = prevalence
        return [learnt], []
    form = model.standardize
    if several and assay is None:
        known = read_supports(path, columns, format=format, standardize=form)
    else:
        known = [read_support(path, columns, format=format, assay_id=assay, standardize=form)]
    say_new_assays(known, labels_only)
    how: dict[str, Any] = {"prevalence": prevalence, "labels_only": labels_only}
    return [LearntAssay.learn(model, one, workers=workers, **how) for one in known], known


def learn_assays(
    paths: Sequence[Path],
    columns: Columns,
    model: Model,
    *,
    format: str,
    labels_only: bool,
    workers: int = 1,
) -> list[LearntAssay]:
    """Learn all assays of tables, and read those that were learnt."""
    from molmeta.assays.support import read_supports, value_columns
    from molmeta.predict.learnt import LearntAssay
    from molmeta.predict.learnt_file import LEARNT

    tables = [path for path in paths if path.suffix != LEARNT]
    learnt: list[LearntAssay] = []
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


def _load(path: Path, model: Model, workers: int) -> LearntAssay:
    from molmeta.predict.learnt import LearntAssay

    learnt = LearntAssay.load(path, model, workers=workers)
    say(f"{learnt.name}: {len(learnt.classifier.known_.smiles)} molecules, learnt before")
    return learnt
