"""Files and folders: the shipped configs and data sets, atomic writes, journals, cores."""

import errno
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from molmeta.errors import InputError, MolmetaError

T = TypeVar("T")
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
_PACKAGE = Path(__file__).resolve().parent


def share_path(name: str) -> Path:
    """Find the folder `name` ("configs", "datasets") of the installed package or the checkout.

    >>> (share_path("configs") / "default.yaml").exists()
    True

    Raises:
        FileNotFoundError: If the installation lacks it (a broken package).
    """
    for candidate in (_PACKAGE / "_share" / name, _PACKAGE.parent / name):
        if candidate.is_dir():
            return candidate
    raise FileNotFoundError(f"molmeta's own folder {name!r} is missing from this installation")


@contextmanager
def write_atomically(path: Path | str) -> Iterator[Path]:
    """Yield a temporary file beside `path` that becomes `path` on success, and vanishes otherwise.

    >>> with write_atomically("scores.csv") as file:
    ...     _ = file.write_text("smiles,score")
    >>> Path("scores.csv").read_text()
    'smiles,score'

    Raises:
        InputError: If the folder of `path` cannot be made or `path` is a folder.
    """
    path = Path(path).resolve()  # a link stays, and what it points to is written
    if path.suffix == ".parquet":
        check_name(path)
    if path.exists() and not path.is_file():
        got = "a folder" if path.is_dir() else "a device or pipe"
        raise InputError.of(f"output {path}", got=got, expected="a file name")
    with making(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        # The suffix stays last, for writers that choose their format by it.
        handle, name = tempfile.mkstemp(
            dir=path.parent, prefix=f".{path.stem[:40]}-", suffix=path.suffix
        )
    os.close(handle)
    temporary = Path(name)
    try:
        with writing(path):
            yield temporary
            temporary.chmod(0o666 & ~_umask())  # mkstemp makes files private
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def check_outputs(outputs: Iterable[Path | None], read: Iterable[Path] = ()) -> None:
    """Refuse to write a file twice, or over one that is read, before any work is done.

    Standard output (`-`) is no file.

    >>> check_outputs([Path("ranked.csv"), None, Path("ranked.html")], [Path("library.csv")])

    Args:
        outputs: What is written; None for what is not asked for.
        read: What is read.

    Raises:
        InputError: If two of the outputs are one file, or one of them is read.
    """
    written, read = [p for p in outputs if p is not None and str(p) != "-"], list(read)
    for i, path in enumerate(written):
        if any(_is_same(path, other) for other in read):
            got = "a file that is read as well"
        elif any(_is_same(path, other) for other in written[:i]):
            got = "the same name for two outputs"
        else:
            continue
        raise InputError.of(f"output {path}", got=got, expected="another name")


def _is_same(one: Path, other: Path) -> bool:
    both = one.exists() and other.exists()
    return one.samefile(other) if both else one.resolve() == other.resolve()


def write_json(path: Path, content: object) -> None:
    """Write content that JSON can hold to a file, whole or not at all."""
    with write_atomically(path) as file:
        file.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def read_if_there(file: Path, read: Callable[[Path], T], what: str, expected: str) -> T | None:
    """Read a file that a model's folder may lack; None if it does.

    Raises:
        InputError: If what `read` makes of it fails, since the file is damaged.
    """
    if not file.is_file():
        return None
    try:
        return read(file)
    except (OSError, ValueError, EOFError, KeyError, TypeError, AttributeError) as error:
        raise InputError.of(
            f"{what} {file}",
            got=f"something that cannot be used ({error})",
            expected=expected,
            fix="Copy the model again, or remove this file.",
        ) from None


@contextmanager
def replace_folder(path: Path | str, mark: str = "store.json") -> Iterator[Path]:
    """Yield a temporary folder beside `path` that becomes `path` on success, else vanishes.

    An existing folder at `path` is replaced only if it was written by molmeta (it holds the file
    `mark`); anything else is left alone.

    Raises:
        InputError: If `path` exists and is not such a folder.
    """
    path = Path(path).resolve()
    check_name(path)
    if path == Path.cwd():
        raise InputError.of(
            f"output folder {path}", got="the folder you are in", expected="another one"
        )
    if path.exists() and not (path / mark).is_file() and (path.is_file() or any(path.iterdir())):
        raise InputError.of(
            f"output folder {path}",
            got="something that molmeta did not write",
            expected="a new or empty folder",
            fix="Name another folder or remove this one.",
        )
    with making(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        workplace = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name[:40]}-"))
    try:
        temporary = workplace / "new"
        temporary.mkdir()
        with writing(path):
            yield temporary
            if path.exists():  # the old one is only deleted once the new one stands
                path.replace(workplace / "old")
            temporary.replace(path)
    finally:
        shutil.rmtree(workplace, ignore_errors=True)


def check_name(path: Path) -> None:
    """Refuse a path that Arrow cannot open.

    Raises:
        InputError: If the path holds bytes that are not UTF-8.
    """
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise InputError.of(
            f"output {str(path)!a}",
            got="a name that is not UTF-8",
            expected="another one, of its folders too",
        ) from None


class Journal:
    """Records by key, in memory and, given a file, on disk, one JSON line each.

    A line that was cut short by a kill is ignored, and overwritten by the next one.

    >>> journal = Journal(Path("journal.jsonl"))
    >>> journal.add({"first": {"score": 0.2}})
    >>> Journal(Path("journal.jsonl"))["first"]
    {'score': 0.2}

    Args:
        file: Made, in a folder that is there, or appended to; None keeps records in memory alone.

    Raises:
        InputError: If it cannot be made.
    """

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._records: dict[str, Any] = {}
        if file is not None:
            if not file.exists():
                with making(file):
                    file.touch()
            self._read(file)

    def _read(self, file: Path) -> None:
        whole = 0
        with file.open("rb") as lines:
            for line in lines:
                try:
                    key, record = json.loads(line)
                except ValueError:
                    break
                if not line.endswith(b"\n"):
                    break
                self._records[key] = record
                whole += len(line)
        if whole < file.stat().st_size:
            os.truncate(file, whole)

    def __iter__(self) -> Iterator[str]:
        return iter(self._records)

    def __contains__(self, key: str) -> bool:
        return key in self._records

    def __getitem__(self, key: str) -> Any:
        return self._records[key]

    def add(self, records: Mapping[str, Any]) -> None:
        """Keep records under their keys."""
        self._records.update(records)
        if self._file is not None:
            with writing(self._file), self._file.open("r+", encoding="utf-8") as lines:
                lines.seek(0, os.SEEK_END)  # a journal that is gone is not begun anew
                lines.writelines(json.dumps(item) + "\n" for item in records.items())


class _NotWritten(MolmetaError):
    """An output could not be written, for the reason `why`."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(
            f"output {path}: could not be written ({why}). What was not written whole is not "
            "there; mend that and give the same call again, or name another place."
        )
        self.why = why


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Say which output could not be written, where its disk is full or its folder is gone.

    Raises:
        MolmetaError: If the disk, a quota or the largest size of a file is reached, the disk has
            become read-only, or the folder of `path` is not there any more.
    """
    try:
        yield
    except _NotWritten as error:  # of a part of it, in its temporary place
        raise _NotWritten(path, error.why) from None
    except OSError as error:
        if not path.parent.is_dir():
            raise _NotWritten(path, "its folder is gone") from None
        # numpy says how much it wrote, and no number.
        if error.errno not in _NO_ROOM and "requested and" not in str(error):
            raise
        raise _NotWritten(path, os.strerror(error.errno or errno.ENOSPC)) from None


@contextmanager
def making(path: Path) -> Iterator[None]:
    """Turn what the system says of an output that cannot be made into an InputError.

    Raises:
        InputError: If it cannot be made.
    """
    try:
        yield
    except OSError as error:
        raise InputError.of(
            f"output {path}",
            got=f"a place that cannot be written to ({error.strerror})",
            fix="Name another one.",
        ) from None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def n_cores() -> int:
    """Count the cores that this process may use.

    >>> n_cores() >= 1
    True
    """
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
