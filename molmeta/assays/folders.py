"""Folders, replaced by the files in them."""

from collections.abc import Iterable
from pathlib import Path

from molmeta.assays.lists import read_lists
from molmeta.assays.store_folder import is_store
from molmeta.errors import InputError


def expand(paths: Iterable[Path | str]) -> list[Path]:
    """Replace folders by the files in them, in order of their names.

    In a folder of FS-Mol, its task list (`fsmol-*.json`) selects the assays if there is one.

    Raises:
        InputError: If a folder holds no file, or is an assay store.
    """
    files: list[Path] = []
    for path in map(Path, paths):
        if is_store(path):
            raise InputError.of(
                f"folder {path}",
                got="an assay store",
                expected="files, or one store alone",
                fix="Featurize all source files together.",
            )
        found = _files_in(path) if path.is_dir() else [path]
        if not found:
            raise InputError.of(f"folder {path}", got="no files", expected="tables of assays")
        files += found
    return files


def _files_in(folder: Path) -> list[Path]:
    files = sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and not path.relative_to(folder).as_posix().startswith(".")
    )
    lists = [path for path in files if path.name.startswith("fsmol-") and path.suffix == ".json"]
    if not lists:
        return files
    chosen = {assay for assays in read_lists(lists[0]).values() for assay in assays}
    return [path for path in files if path.name.split(".")[0] in chosen]
