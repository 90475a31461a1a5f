"""Lists of assay ids by fold, as JSON: {"train": ["CHEMBL1", …], "valid": […], "test": […]}."""

import json
from pathlib import Path
from typing import Any

from molmeta.errors import InputError


def read_lists(path: Path) -> dict[str, list[str]]:
    """Read lists such as FS-Mol's `fsmol-0.1.json`.

    Raises:
        InputError: If the file cannot be read or holds anything else.
    """
    try:
        lists: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise _no_lists(path, str(error)) from None
    if not isinstance(lists, dict) or not all(
        isinstance(ids, list) and all(isinstance(key, str) for key in ids) for ids in lists.values()
    ):
        raise _no_lists(path, "other JSON")
    return lists


def _no_lists(path: Path, got: str) -> InputError:
    return InputError.of(
        f"lists {path}", got=got, expected='JSON such as {"train": ["CHEMBL1", …], "test": […]}'
    )
