"""Downloads that resume where they broke off, are checked, and appear whole or not at all."""

import hashlib
import http.client
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import molmeta
from molmeta.errors import MolmetaError
from molmeta.resources import making, writing

_CHUNK = 1 << 18
_TIMEOUT = 60  # seconds without a byte


class DownloadError(MolmetaError):
    """A file could not be fetched, or what was fetched is not the file that was meant."""


def download(
    url: str,
    path: Path,
    *,
    checksum: str | None = None,
    progress: Callable[[int], None] | None = None,
) -> Path:
    """Fetch a file, unless it is there already.

    What arrives goes to `<path>.part`; a later call goes on from there.

    Args:
        url: An http, https or file address.
        path: Where the file goes.
        checksum: "md5:…" or "sha256:…" of the whole file.
        progress: Called with the number of bytes that arrived since its last call.

    Raises:
        InputError: If nothing can be written there.
        DownloadError: If the server cannot be reached, breaks off, or sends another file.
    """
    if path.exists():
        _verify(path, path, url, checksum)
        return path
    with making(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    try:
        _receive(url, part, progress)
    except (OSError, http.client.HTTPException) as error:
        kept = f"; {part.stat().st_size:,} bytes are kept" if part.exists() else ""
        raise DownloadError(
            f"{url} cannot be fetched: {error}{kept}. Try again later, or put the file at {path}."
        ) from None
    _verify(part, path, url, checksum)
    return part.replace(path)


def _receive(url: str, part: Path, progress: Callable[[int], None] | None) -> None:
    """Append to `part` what is missing of the file."""
    n_have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"User-Agent": f"molmeta/{molmeta.__version__}"})
    if n_have:
        request.add_header("Range", f"bytes={n_have}-")
    try:
        response = urllib.request.urlopen(request, timeout=_TIMEOUT)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code != 416 or not n_have:  # 416: there is nothing beyond what we have
            raise
        return
    with response:
        resumed = n_have and response.status == 206
        expected = response.headers.get("Content-Length")
        n_received = 0
        with making(part):
            file = part.open("ab" if resumed else "wb")
        with writing(part), file:
            while block := response.read(_CHUNK):
                n_received += file.write(block)
                if progress is not None:
                    progress(len(block))
    if expected is not None and n_received < int(expected):
        raise OSError(f"the connection broke off after {n_received:,} of {int(expected):,} bytes")


def _verify(file: Path, path: Path, url: str, checksum: str | None) -> None:
    if checksum is None:
        return
    algorithm, _, expected = checksum.partition(":")
    with file.open("rb") as stream:
        got = hashlib.file_digest(stream, algorithm).hexdigest()
    if got == expected:
        return
    if file != path:  # a spoilt part cannot be continued; a user's own file is left alone
        file.unlink()
    raise DownloadError(
        f"{path} from {url}; got {algorithm} {got}; expected {expected}. "
        + ("Fetch it again." if file != path else "Remove the file and fetch it again.")
    )
