"""The assays that verbs learn from: tables, and what `molmeta predict --save` wrote."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from molmeta.errors import InputError
from molmeta_cli.console import say
from molmeta_cli.options import read_assays, read_new_assay, say_grades

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
) -> None:
    """Refuse wrong tables and files of learnt assays before a model is loaded.

    A column of a wide table that `assay` names is looked at later.
    """
    from molmeta.assays import Columns
    from molmeta.assays.build import check_files
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
    if not assay:
        check_files(tables, columns.of_support(), format)


def learn_assay(
    path: Path,
    columns: Columns,
    model: Model,
    *,
    format: str,
    assay: str | None,
    labels_only: bool,
    prevalence: float | None = None,
    workers: int = 1,
) -> tuple[LearntAssay, Support | None]:
    """Learn an assay, or read what was learnt; gives the table whose blank rows may wait too."""
    from molmeta.predict.learnt import LearntAssay
    from molmeta.predict.learnt_file import LEARNT

    if path.suffix == LEARNT:
        learnt = _load(path, model, workers)
        if prevalence is not None:
            learnt.classifier.prevalence = prevalence
        return learnt, None
    known = read_new_assay(
        path, columns, model, format=format, assay=assay, labels_only=labels_only
    )
    learnt = LearntAssay.learn(
        model, known, prevalence=prevalence, labels_only=labels_only, workers=workers
    )
    return learnt, known


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
    from molmeta.predict.learnt import LearntAssay
    from molmeta.predict.learnt_file import LEARNT

    tables = [path for path in paths if path.suffix != LEARNT]
    learnt: list[LearntAssay] = []
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
