"""The page on the HTTP API names every endpoint, and its request is answered."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.docs.command import commands
from tests.web.conftest import ADDRESS


@pytest.fixture
def page(root: Path) -> str:
    return (root / "docs" / "howto" / "http_api.md").read_text(encoding="utf-8")


def test_every_endpoint_is_named(client: Any, page: str) -> None:
    described = client.get("/api/v1/openapi.json").json()["paths"]
    has = {f"{verb.upper()} {path}" for path, verbs in described.items() for verb in verbs}
    assert set(re.findall(r"\| `((?:GET|POST) [^`]+)` \|", page)) == has


def test_its_request_ranks(client: Any, page: str) -> None:
    (request,) = (command.words for command in commands(page) if command.program == "curl")
    headers = dict(word.split(": ") for word in request if re.match(r"[A-Z][\w-]+: ", word))
    assert headers["Authorization"] == "Bearer $MOLMETA_TOKEN"
    address = urlsplit(request[-1])
    assert f"{address.scheme}://{address.netloc}" == ADDRESS
    answer = client.post(address.path, content=request[request.index("-d") + 1], headers=headers)
    assert answer.status_code == 200, answer.text
    events = [json.loads(line) for line in answer.text.splitlines()]
    told = re.findall(r"^\| `(\w+)` \| (?!brings)", page, re.MULTILINE)
    assert [name for name in told if name in {event["event"] for event in events}] == told
    (ranked,) = (event for event in events if event["event"] == "ranked")
    assert ranked["first"] == 0
    assert all(molecule["p_active"] > 0 for molecule in ranked["molecules"])
    assert len(ranked["molecules"]) == 2
