"""Whom the server answers: its own page under its own address, with a token, within limits."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="the extra 'web' is not installed")

from fastapi.testclient import TestClient

from molmeta.errors import InputError
from molmeta.web.app import create_app
from molmeta.web.guard import Guard, Pages
from molmeta.web.settings import Limits, Settings, name_models

ADDRESS = "http://127.0.0.1:8765"
TOKEN = "correct-horse-battery"


def stranger(settings: Settings | None = None, address: str = ADDRESS) -> TestClient:
    return TestClient(create_app(settings), base_url=address)


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:8765", "", "10.1.2.3"])
def test_another_host_name_is_not_answered(client: TestClient, host: str) -> None:
    for path in ("/", "/api/v1/about", "/static/page.css"):
        assert client.get(path, headers={"Host": host}).status_code == 403


@pytest.mark.parametrize("host", ["127.0.0.1:8765", "localhost:8765", "[::1]:8765"])
def test_its_own_names_are_answered(client: TestClient, host: str) -> None:
    assert client.get("/api/v1/about", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:9999"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_other_pages_are_not_answered(client: TestClient, headers: dict[str, str]) -> None:
    for path in ("/api/v1/about", "/", "/static/page.css"):
        answer = client.get(path, headers=headers)
        assert answer.status_code == 403
        assert "access-control-allow-origin" not in answer.headers
    assert client.get("/api/v1/about", headers={"Origin": ADDRESS}).status_code == 200


def test_a_link_on_another_page_may_be_followed(client: TestClient) -> None:
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert client.get("/", headers=headers).status_code == 200
    assert client.get("/api/v1/about", headers=headers).status_code == 403


def test_without_the_pages_token_there_is_no_answer(client: TestClient) -> None:
    for token in ("", "wrong"):
        answer = client.get("/api/v1/about", headers={"X-Molmeta-Token": token})
        assert answer.status_code == 401
        assert "Reload the page" in answer.json()["message"]
    assert client.get("/api/v1/openapi.json", headers={"X-Molmeta-Token": ""}).status_code == 401


def test_each_page_has_a_token_and_the_oldest_gives_way() -> None:
    pages = Pages(most=2)
    first, second, third = (pages.open() for _ in range(3))
    assert [pages.holds(one) for one in (first, second, third, "")] == [False, True, True, False]


def test_the_policy_allows_neither_other_servers_nor_inline_code(client: TestClient) -> None:
    for path in ("/", "/api/v1/about", "/static/js/page.js", "/nothing"):
        headers = client.get(path).headers
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
    page = client.get("/").text
    assert "style=" not in page
    assert "<script>" not in page
    assert " on" + "click" not in page


@pytest.mark.parametrize(
    "path", ["/static/../app.py", "/static/%2e%2e/app.py", "/static//etc/passwd"]
)
def test_no_other_file_is_given(client: TestClient, path: str) -> None:
    assert client.get(path).status_code in (404, 405)


def test_a_large_request_is_refused_before_it_is_read(client: TestClient) -> None:
    answer = client.post("/api/v1/rank", content=b"", headers={"Content-Length": "200000000"})
    assert answer.status_code == 413
    assert "20 MB at most" in answer.json()["message"]
    pieces = iter([b"{", b"}"])  # of no stated size
    assert client.post("/api/v1/rank", content=pieces).status_code == 411


def test_another_address_needs_a_token() -> None:
    with pytest.raises(InputError, match=r"--host 0\.0\.0\.0; got an address that other machines"):
        Settings(host="0.0.0.0")
    with pytest.raises(InputError, match="at least 8"):
        Settings(token="short")
    assert not Settings(host="0.0.0.0", token=TOKEN).is_local
    assert Settings(host="localhost").is_local


def test_with_a_token_the_page_opens_by_it_alone() -> None:
    there = "http://192.168.7.7:8765"
    client = stranger(Settings(host="0.0.0.0", token=TOKEN), there)
    assert client.get("/").status_code == 401
    assert client.get("/?token=wrong").status_code == 401
    assert client.get("/api/v1/about").status_code == 401
    opened = client.get(f"/?token={TOKEN}")
    assert opened.status_code == 200
    assert TOKEN not in opened.text
    assert str(opened.url) == f"{there}/"
    cookie = opened.history[0].headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert client.get("/").status_code == 200
    assert client.get("/api/v1/about").status_code == 401  # a cookie alone asks for nothing
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    assert client.get("/api/v1/about", headers=bearer).status_code == 200
    assert client.get("/", headers={"Host": "evil.example"}).status_code == 403


def test_a_request_that_does_not_come_is_dropped() -> None:
    received: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        received.append(await receive())

    async def never() -> Any:
        await asyncio.sleep(60)

    async def unheard(message: Any) -> None:
        received.append(message)

    settings = Settings(limits=Limits(body_seconds=0.05))
    scope = {
        "type": "http", "method": "POST", "path": "/x",
        "headers": [(b"host", b"127.0.0.1"), (b"content-length", b"9")],
    }  # fmt: skip
    asyncio.run(Guard(app, settings, Pages(1))(scope, never, unheard))
    assert received == [{"type": "http.disconnect"}]


def test_models_have_names_without_their_folders(tmp_path: Any) -> None:
    (tmp_path / "first").mkdir()
    named = name_models(["default", str(tmp_path / "first")])
    assert list(named) == ["default", "first"]
    with pytest.raises(InputError, match="second model of that name"):
        name_models(["default", "default"])
