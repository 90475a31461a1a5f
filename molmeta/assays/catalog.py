"""The catalog: a card for each public data set (datasets/*/dataset.yaml), and fetching it."""

import os
import shutil
import tarfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict

from molmeta.assays.download import DownloadError, download
from molmeta.assays.lists import read_lists
from molmeta.errors import InputError, did_you_mean
from molmeta.resources import share_path, writing


class RemoteFile(BaseModel):
    """A file of a data set.

    Attributes:
        url: Its address.
        name: Its name in the folder.
        checksum: "md5:…" or "sha256:…", where one is published.
        unpack: Whether it is a tar archive to be unpacked beside it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    url: str
    name: str
    checksum: str | None = None
    unpack: bool = False


class Card(BaseModel):
    """A data set of the catalog: where it is, under which licence, and its published folds.

    >>> from molmeta.assays.catalog import find_card
    >>> card = find_card("fsmol")
    >>> card.title, len(card.files)
    ('FS-Mol, 5,135 assays of ChEMBL 27 for few-shot learning', 2)

    Attributes:
        name: As `molmeta data` takes it.
        title: In a line.
        licence: Of the data.
        homepage: Its description.
        citation: What to cite.
        size: Of the files, in words.
        files: Those to fetch; none for a data set that molmeta brings along.
        columns: The content of its columns, by name.
        splits: Published folds: assay ids, or a range such as "0:9" of the assays in file
            order; or the name of a JSON file with them.
    """

    model_config = ConfigDict(frozen=True)
    name: str
    title: str
    licence: str
    homepage: str = ""
    citation: str = ""
    size: str = ""
    files: tuple[RemoteFile, ...] = ()
    columns: dict[str, str] = {}
    splits: dict[str, str | list[str]] | str = {}


def cards() -> dict[str, Card]:
    """Read all cards, by name.

    >>> sorted(cards())[:3]
    ['drug_mechanisms', 'fsmol', 'muv']
    """
    found = {}
    for path in sorted(share_path("datasets").glob("*/dataset.yaml")):
        card = Card.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
        found[card.name] = card
    return found


def find_card(name: str) -> Card:
    """Find a data set's card.

    >>> find_card("drug_mechanisms").licence
    'MIT'

    Raises:
        InputError: If there is none of that name.
    """
    known = cards()
    if name not in known:
        raise InputError.of(
            "data set",
            got=repr(name),
            expected=f"one of {', '.join(known)}",
            fix=did_you_mean(name, known),
        )
    return known[name]


def data_folder() -> Path:
    """Find the folder of fetched data: `$MOLMETA_DATA`, else `~/.cache/molmeta`."""
    return Path(os.environ.get("MOLMETA_DATA") or Path.home() / ".cache" / "molmeta")


def fetch(
    card: Card, folder: Path | str | None = None, *, progress: Callable[[int], None] | None = None
) -> Path:
    """Fetch a data set; what is there already is only checked.

    Args:
        card: The data set.
        folder: Where its files go; by default a folder of its name in `data_folder()`.
        progress: Called with the number of bytes that arrived since its last call.

    Returns:
        The folder, which `featurize_files` takes.

    Raises:
        InputError: If the data set has no files to fetch.
        DownloadError: If a file cannot be fetched or is not the one that was meant.
    """
    if not card.files:
        raise InputError.of(
            f"data set {card.name}", got="no files to fetch: molmeta brings it along"
        )
    folder = Path(folder) if folder is not None else data_folder() / card.name
    for file in card.files:
        path = download(file.url, folder / file.name, checksum=file.checksum, progress=progress)
        if file.unpack:
            _unpack(path, folder / path.stem)
    return folder


def _unpack(archive: Path, folder: Path) -> None:
    if folder.exists():
        return
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        with writing(folder), tarfile.open(archive) as tar:
            tar.extractall(partial, filter="data")  # refuses paths that lead elsewhere
        partial.replace(folder)
    except (tarfile.TarError, OSError, EOFError) as error:
        raise DownloadError(
            f"{archive} cannot be unpacked: {error}. Remove it and fetch it again."
        ) from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def published_splits(
    card: Card, assay_ids: Sequence[str], folder: Path | None = None
) -> dict[str, list[str]]:
    """List the folds that a data set is published with.

    >>> from molmeta.assays import drug_mechanisms
    >>> ids = drug_mechanisms()["assay"].unique().tolist()
    >>> folds = published_splits(find_card("drug_mechanisms"), ids)
    >>> {fold: len(chosen) for fold, chosen in folds.items()}
    {'train': 18, 'valid': 5, 'test': 7}

    Args:
        card: The data set.
        assay_ids: Its assays, in file order.
        folder: Where it was fetched to, for splits that are in a file.

    Raises:
        InputError: If it has no published splits.
    """
    if not card.splits:
        raise InputError.of(f"splits of {card.name}", got="none", expected="published folds")
    known, folds = set(assay_ids), {}
    splits: Mapping[str, str | list[str]]
    if isinstance(card.splits, str):
        splits = read_lists((folder or data_folder() / card.name) / card.splits)
    else:
        splits = card.splits
    for fold, given in splits.items():
        if isinstance(given, str):
            begin, _, end = given.partition(":")
            folds[fold] = list(assay_ids[int(begin) : int(end)])
        else:
            folds[fold] = [assay_id for assay_id in given if assay_id in known]
    return folds
