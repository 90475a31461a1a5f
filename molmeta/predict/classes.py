"""Two labels of any kind, and which of them is the active one."""

import warnings
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.exceptions import DataConversionWarning

from molmeta.assays.measurement import parse_labels
from molmeta.errors import InputError

Labels = NDArray[np.generic]

_SHOWN = 5


def as_column(y: ArrayLike | None, n: int) -> NDArray[np.object_]:
    """Labels or values as they are, one a molecule, by position, shape (n,).

    Raises:
        InputError: If they are not n.
    """
    if y is None:
        raise InputError.of(
            "labels y: a fit requires y to be passed, but the target y is None",
            expected=f"one a molecule, {n} of them",
        )
    column = np.asarray(y, dtype=object)  # else numpy turns NaN among words into a word
    if column.shape == (n, 1):
        message = "A column-vector y was passed when a 1d array was expected: it is taken as one."
        warnings.warn(message, DataConversionWarning, stacklevel=4)
        column = column[:, 0]
    if column.shape != (n,):
        raise InputError.of("labels y", got=f"shape {column.shape}", expected=f"shape ({n},)")
    return column


def as_labels(y: ArrayLike, n: int) -> Labels:
    """Labels of n molecules in one type: text, truth values or numbers, shape (n,).

    Raises:
        InputError: If they are not n, one is missing, or they are of several kinds.
    """
    column = as_column(y, n)
    missing = np.asarray(pd.isna(column), dtype=bool)
    if missing.any():
        raise InputError.of(
            "labels y",
            got=f"{n} labels, {missing.sum()} of them missing, the first at position "
            f"{int(missing.argmax())}",
            expected="a label for each molecule",
            fix="Leave out molecules that are not labelled.",
        )
    kind = pd.api.types.infer_dtype(column, skipna=False)
    if kind in ("mixed", "mixed-integer", "bytes", "complex"):
        kinds = sorted({type(one).__name__ for one in column.tolist()})
        raise InputError.of(
            "labels y", got=f"labels of type {', '.join(kinds)}", expected="numbers, or words"
        )
    return np.array(column.tolist())


def as_values(y: ArrayLike, n: int) -> NDArray[np.float64]:
    """Values of n molecules, shape (n,).

    Raises:
        InputError: If they are not n finite numbers.
    """
    column = as_column(y, n)
    try:
        if np.iscomplexobj(np.array(column.tolist())):
            raise TypeError
        values = column.astype(np.float64)
    except (TypeError, ValueError):
        if not pd.isna(column).any():
            raise InputError.of(
                "values y", got=f"{column[:3].tolist()}", expected="numbers"
            ) from None
        values = np.where(pd.isna(column), np.nan, 0.0)
    finite = np.isfinite(values)
    if not finite.all():
        raise InputError.of(
            "values y",
            got=f"{n} molecules, {int((~finite).sum())} of them without a value, the first at "
            f"position {int((~finite).argmax())}",
            expected="a finite number for each molecule",
            fix="Leave out molecules that are not measured.",
        )
    return values


def as_measured(values: ArrayLike, n: int) -> NDArray[np.float32]:
    """Read measured values of n molecules, NaN where there is none, shape (n,).

    Raises:
        InputError: If they are not n numbers.
    """
    try:
        found = as_column(values, n).astype(np.float32)
    except (TypeError, ValueError):
        raise InputError.of(
            "values", got="something else", expected="numbers, NaN where there is none"
        ) from None
    if np.isinf(found).any():
        raise InputError.of("values", got="an infinite one", expected="numbers, or NaN")
    return found


def two_classes(labels: Labels, active: object = None) -> tuple[Labels, int]:
    """The two labels in numpy's order, and which of them is the active one.

    Args:
        labels: As of `as_labels`, shape (n,).
        active: The active one; None: as the labels say.

    Raises:
        InputError: If there are not two, or they do not say which of them is the active one.
    """
    classes = np.unique(labels)
    if labels.dtype.kind == "f" and not (np.isfinite(classes) & (classes == classes.round())).all():
        raise InputError.of(
            "labels y: Unknown label type: continuous",
            got=f"{len(classes)} numbers that are no classes, such as {_listed(classes)}",
            expected="two classes",
            fix="Of measured values FewShotRegressor learns; y > 6 makes classes of them.",
        )
    if len(classes) > 2:
        raise InputError.of(
            "labels y: Only binary classification is supported",
            got=f"{len(classes)} classes: {_listed(classes)}",
            expected="two classes",
            fix="Leave out what is neither active nor inactive; of measured values "
            "FewShotRegressor learns.",
        )
    if len(classes) < 2:
        raise InputError.of(
            "labels y",
            got=f"{len(labels)} molecules of 1 class: {_listed(classes)}"
            if len(labels)
            else "0 molecules",
            expected="at least one active and one inactive molecule",
            fix="Add a measured molecule of the other class.",
        )
    if active is not None:
        found = np.flatnonzero([bool(one == active) for one in classes.tolist()])
        if len(found) != 1:
            raise InputError.of(
                "active",
                got=repr(active),
                expected=f"one of {_listed(classes)}",
                fix="Tools that encode labels as numbers, such as scikit-learn's "
                "cross_val_predict, want them as numbers: 1 for active, 0 for inactive.",
            )
        return classes, int(found[0])
    return classes, _active(classes)


def _active(classes: Labels) -> int:
    """The position of the active one of two labels in numpy's order."""
    if classes.dtype.kind in "biuf":
        return 1
    for read in (_by_meaning, _by_number):
        values = [read(str(one)) for one in classes]
        if None not in values and values[0] != values[1]:
            return int(np.argmax(values))  # type: ignore[arg-type]
    raise InputError.of(
        "labels y",
        got=f"{_listed(classes)}, which do not say which one is active",
        expected="0 and 1, False and True, inactive and active, no and yes …",
        fix=f"Name the active one: active={classes.tolist()[1]!r}, say.",
    )


def _by_meaning(word: str) -> float | None:
    """1 for active, yes …, 0 for inactive, no …; None for any other word."""
    try:
        value = float(parse_labels(pd.Series([word]), "y")[0])
    except InputError:
        return None
    return None if np.isnan(value) else value


def _by_number(word: str) -> float | None:
    try:
        value = float(word)
    except ValueError:
        return None
    return value if np.isfinite(value) else None


def _listed(classes: Labels) -> str:
    some: list[Any] = classes[:_SHOWN].tolist()
    return ", ".join(map(repr, some)) + (" …" if len(classes) > _SHOWN else "")
