"""The catalog against a local server: whole, interrupted, corrupted and absent files."""

from __future__ import annotations

import hashlib
import io
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from molmeta.assays import featurize_files
from molmeta.assays.catalog import Card, RemoteFile, cards, fetch, find_card, published_splits
from molmeta.assays.download import DownloadError, download
from molmeta.errors import InputError, MolmetaError
from tests.cli.test_full_disk import full_at

CONTENT = bytes(range(256)) * 4000
MD5 = "md5:" + hashlib.md5(CONTENT).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """Serves `server.files`; sends at most `server.limit` bytes of an answer, then hangs up."""

    server: Server

    def do_GET(self) -> None:
        self.server.ranges.append(self.headers.get("Range"))
        content = self.server.files.get(self.path)
        if content is None:
            self.send_error(404)
            return
        begin = int((self.headers.get("Range") or "bytes=0-")[6:-1])
        if begin >= len(content):
            self.send_error(416)
            return
        begin = begin if self.server.resumes else 0
        self.send_response(206 if begin else 200)
        self.send_header("Content-Length", str(len(content) - begin))
        self.end_headers()
        self.wfile.write(content[begin:][: self.server.limit])

    def log_message(self, *arguments: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {"/data.bin": CONTENT}
        self.ranges: list[str | None] = []
        self.limit = 1 << 30
        self.resumes = True

    def url(self, path: str = "/data.bin") -> str:
        return f"http://127.0.0.1:{self.server_port}{path}"


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def test_whole_file_is_fetched_once(server: Server, tmp_path: Path) -> None:
    received: list[int] = []
    for _ in range(2):
        path = download(server.url(), tmp_path / "a" / "f", checksum=MD5, progress=received.append)
    assert path.read_bytes() == CONTENT
    assert sum(received) == len(CONTENT)
    assert len(server.ranges) == 1
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("resumes", [True, False])
def test_interrupted_download_goes_on(server: Server, tmp_path: Path, resumes: bool) -> None:
    server.limit, server.resumes = 300_000, resumes
    with pytest.raises(DownloadError, match=r"broke off after 300,000 of 1,024,000.*kept"):
        download(server.url(), tmp_path / "f", checksum=MD5)
    assert not (tmp_path / "f").exists()
    server.limit = 1 << 30
    assert download(server.url(), tmp_path / "f", checksum=MD5).read_bytes() == CONTENT
    assert server.ranges == [None, "bytes=300000-"]


def test_download_that_broke_off_after_the_last_byte(server: Server, tmp_path: Path) -> None:
    (tmp_path / "f.part").write_bytes(CONTENT)
    assert download(server.url(), tmp_path / "f", checksum=MD5).read_bytes() == CONTENT


def test_corrupted_file_is_refused_and_fetched_anew(server: Server, tmp_path: Path) -> None:
    server.files["/data.bin"] = CONTENT[:-1] + b"x"
    with pytest.raises(DownloadError, match=r"got md5 .*; expected .*Fetch it again"):
        download(server.url(), tmp_path / "f", checksum=MD5)
    assert list(tmp_path.iterdir()) == []
    server.files["/data.bin"] = CONTENT
    assert download(server.url(), tmp_path / "f", checksum=MD5).read_bytes() == CONTENT


def test_a_file_of_the_user_is_checked_but_left_alone(server: Server, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"mine")
    with pytest.raises(DownloadError, match="Remove the file"):
        download(server.url(), tmp_path / "f", checksum=MD5)
    assert (tmp_path / "f").read_bytes() == b"mine"
    assert server.ranges == []


def test_missing_and_unreachable(server: Server, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=r"404.*put the file at"):
        download(server.url("/nothing"), tmp_path / "f")
    with pytest.raises(DownloadError, match="cannot be fetched"):
        download("http://127.0.0.1:9/f", tmp_path / "f")
    assert list(tmp_path.iterdir()) == []


def archive_of(names: str) -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        for name in names:
            text = f"smiles,active\nCCO,1\n{'C' * ord(name)},0\n".encode()
            info = tarfile.TarInfo(f"folder/{name}.csv")
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text))
    return archive.getvalue()


def test_a_full_disk(server: Server, tmp_path: Path) -> None:
    """What came of a file is kept; of an archive that is half unpacked, nothing."""
    with full_at(300_000), pytest.raises(MolmetaError, match=r"f\.part: could not be written"):
        download(server.url(), tmp_path / "f", checksum=MD5)
    assert download(server.url(), tmp_path / "f", checksum=MD5).read_bytes() == CONTENT
    server.files = {"/x.tgz": archive_of("A")}
    file = {"url": server.url("/x.tgz"), "name": "x.tgz", "unpack": True}
    card = Card(name="x", title="X", licence="none", files=(RemoteFile.model_validate(file),))
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "x.tgz").write_bytes(server.files["/x.tgz"])
    with full_at(20), pytest.raises(MolmetaError, match=r"x/x: could not be written"):
        fetch(card, tmp_path / "x")
    assert [path.name for path in (tmp_path / "x").iterdir()] == ["x.tgz"]
    assert (fetch(card, tmp_path / "x") / "x" / "folder" / "A.csv").exists()


def test_a_folder_that_cannot_be_made(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="a place that cannot be written to"):
        download(server.url(), tmp_path / "file" / "f")


def test_data_set_is_fetched_unpacked_and_featurized(server: Server, tmp_path: Path) -> None:
    server.files = {"/x.tgz": archive_of("ABC"), "/l.json": b'{"train": ["A"], "test": ["C"]}'}
    files = [
        {"url": server.url("/x.tgz"), "name": "x.tgz", "unpack": True},
        {"url": server.url("/l.json"), "name": "fsmol-0.json"},
    ]
    card = Card(
        name="x",
        title="X",
        licence="none",
        files=tuple(map(RemoteFile.model_validate, files)),
        splits="fsmol-0.json",
    )
    for _ in range(2):
        folder = fetch(card, tmp_path / "x")
    store = featurize_files([folder], None)
    assert store.assay_ids == ["A", "C"]
    assert published_splits(card, store.assay_ids, folder) == {"train": ["A"], "test": ["C"]}


def test_archive_that_leads_elsewhere_is_refused(server: Server, tmp_path: Path) -> None:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("../outside"))
    server.files = {"/x.tar": archive.getvalue()}
    file = {"url": server.url("/x.tar"), "name": "x.tar", "unpack": True}
    with pytest.raises(DownloadError, match="cannot be unpacked"):
        fetch(
            Card(name="x", title="X", licence="none", files=(RemoteFile.model_validate(file),)),
            tmp_path / "x",
        )
    assert [path.name for path in tmp_path.rglob("*")] == ["x", "x.tar"]


def test_cards() -> None:
    known = cards()
    assert {"fsmol", "tox21", "sider", "muv", "toxcast", "drug_mechanisms"} <= set(known)
    for card in known.values():
        assert card.title
        assert card.licence
        assert card.columns
    assert published_splits(known["tox21"], [f"a{i}" for i in range(12)])["test"] == (
        ["a9", "a10", "a11"]
    )
    with pytest.raises(InputError, match="Did you mean 'tox21'"):
        find_card("tox12")
    with pytest.raises(InputError, match="brings it along"):
        fetch(known["drug_mechanisms"])


@pytest.mark.shared_data
def test_checksum_of_sider(shared_data: Path, tmp_path: Path) -> None:
    (file,) = find_card("sider").files
    url = (shared_data / "moleculenet" / "sider.csv.gz").as_uri()
    assert download(url, tmp_path / file.name, checksum=file.checksum).exists()
