"""Files of learnt assays as they lie on the disk: molecules and labels, without model or torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from molmeta.errors import InputError

LEARNT = ".molmeta"
"""The ending of learnt assays."""

FORMAT = 2
HEADER = "molmeta"
"""The key under which the header of the file holds all that is no tensor, as JSON."""

ACTIVE, VALUES, BOUNDS = "active", "values", "bounds"
"""Tensors of s numbers."""


@dataclass(frozen=True)
class LearntFile:
    """The part of a learnt assay's file that is read without its model.

    >>> from molmeta import FewShotClassifier
    >>> from molmeta.predict.learnt import LearntAssay
    >>> learnt = FewShotClassifier().fit(["CCO", "CCN", "CCC", "CCCC"], [1, 1, 0, 0])
    >>> LearntAssay("mine", learnt).save("mine.molmeta")
    >>> found = LearntFile.read("mine.molmeta")
    >>> found.name, found.model, found.active.tolist()
    ('mine', 'default', [True, True, False, False])

    Attributes:
        name: The assay's.
        model: The name of the model that had learnt.
        smiles: The molecules that were learnt from, s of them.
        active: Their classes, (s,).
        values: The exact values that their labels are graded by, NaN where there is none, (s,);
            None if labels alone counted.
        bounds: What the other values are known to lie beyond, likewise.
        measured: As of `LearntAssay`.
        names: Likewise.
        classes: The two labels.
        active_class: Which of them is the active one, 0 or 1.
        steps: As of `FewShotClassifier`.
        prevalence: Likewise.
    """

    name: str
    model: str
    smiles: list[str]
    active: NDArray[np.bool_]
    values: NDArray[np.float32] | None
    bounds: NDArray[np.float32] | None
    measured: Mapping[str, float]
    names: list[str]
    classes: list[Any]
    active_class: int
    steps: int | None
    prevalence: float | None

    @staticmethod
    def read(file: Path | str) -> LearntFile:
        """Read a file.

        Raises:
            InputError: If there is none, or it is damaged, something else or of another format.
        """
        file = Path(file)
        if not file.is_file():
            raise InputError.of(str(file), got="no such file", expected="a learnt assay")
        try:
            with safe_open(file, "np") as opened:
                header = json.loads((opened.metadata() or {})[HEADER])
                number, version = header["format"], header.get("version")
                found = _found(header, opened) if number == FORMAT else None
        except (OSError, SafetensorError) as error:
            raise damaged(file, f"a file that cannot be read ({error})") from None
        except (AttributeError, IndexError, KeyError, TypeError, ValueError):
            raise damaged(file, "a file without a learnt assay") from None
        if found is None:
            raise InputError.of(
                f"learnt assay {file}",
                got=f"format {number}, of molmeta {version}",
                expected=f"format {FORMAT}",
                fix="Learn the assay again, from its table.",
            )
        lengths = {len(found.smiles), len(found.active)}
        lengths |= {len(some) for some in (found.values, found.bounds) if some is not None}
        lengths |= {len(found.names)} if found.names else set()
        if len(lengths) > 1:
            raise damaged(file, "molecules and numbers that do not belong together")
        return found


def check_learnt(path: Path) -> None:
    """Refuse a name for a learnt assay by which it would not be known again.

    Raises:
        InputError: If it does not end with .molmeta.
    """
    if path.suffix != LEARNT:
        raise InputError.of("--save", got=str(path), expected=f"a name that ends with {LEARNT}")


def damaged(file: Path, got: str) -> InputError:
    """Build the refusal of a file that is no whole learnt assay."""
    return InputError.of(
        f"learnt assay {file}", got=got, expected="a file that `molmeta predict --save` wrote"
    )


def _found(header: dict[str, Any], opened: Any) -> LearntFile:
    """Take what is needed from the header and the tensors; a wrong kind of value is an error."""
    if not isinstance(header["smiles"], list) or len(header["classes"]) != 2:
        raise TypeError
    names = set(opened.keys())
    prevalence, steps, measured = header["prevalence"], header["steps"], header["measured"]
    values, bounds = (
        opened.get_tensor(name).reshape(-1) if name in names else None for name in (VALUES, BOUNDS)
    )
    return LearntFile(
        name=str(header["assay"]),
        model=str(header["model"]),
        smiles=[str(smiles) for smiles in header["smiles"]],
        active=opened.get_tensor(ACTIVE).reshape(-1) > 0.5,
        values=values,
        bounds=bounds,
        measured={str(s): np.nan if v is None else float(v) for s, v in measured.items()},
        names=[str(name) for name in header.get("names", [])],
        classes=header["classes"],
        active_class=(0, 1).index(header["active"]),
        steps=None if steps is None else int(steps),
        prevalence=None if prevalence is None else float(prevalence),
    )
