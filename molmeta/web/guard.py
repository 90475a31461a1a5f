"""Checks of each request before it is answered: host, origin, token, size; as ASGI.

A page of another site can send requests to this machine, and a name of the web can be made to
point to it. Neither gets an answer.
"""

import asyncio
import ipaddress
import secrets
import socket
from collections import OrderedDict
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from molmeta.web.settings import Settings

API = "/api/"
COOKIE = "molmeta"
TOKEN_HEADER = "X-Molmeta-Token"

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data: blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Pages:
    """The tokens of the pages that are open; the oldest gives way.

    >>> pages = Pages(most=1)
    >>> first, second = pages.open(), pages.open()
    >>> pages.holds(first), pages.holds(second)
    (False, True)
    """

    def __init__(self, most: int, server_token: str | None = None) -> None:
        """Hold so many at most, for whoever knows the server's token, if it has one."""
        self._most, self._server_token = most, server_token
        self._tokens: OrderedDict[str, None] = OrderedDict()

    def open(self) -> str:
        """Give a new page its token."""
        token = secrets.token_urlsafe(24)
        self._tokens[token] = None
        while len(self._tokens) > self._most:
            self._tokens.popitem(last=False)
        return token

    def holds(self, token: str) -> bool:
        """Return whether it is an open page's."""
        return token in self._tokens

    def is_server_token(self, given: str) -> bool:
        """Return whether this is the server's token, in a time that does not depend on it."""
        token = self._server_token
        return token is not None and secrets.compare_digest(given.encode(), token.encode())

    def may_open(self, request: Request) -> bool:
        """Return whether a page may be opened: with the cookie that the token gave, if any."""
        return self._server_token is None or self.holds(request.cookies.get(COOKIE, ""))


class Guard:
    """Refuses what does not come from the server's own page or the holder of its token."""

    def __init__(self, app: ASGIApp, settings: Settings, pages: Pages) -> None:
        """Stand before an application."""
        self._app, self._settings, self._pages = app, settings, pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        refusal = self._refusal(scope)
        if refusal is not None:
            await refusal(scope, receive, send_guarded)
            return
        await self._app(scope, self._in_time(receive), send_guarded)

    def _refusal(self, scope: Scope) -> JSONResponse | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if not self._is_own(host):
            return _refuse(403, "requests are answered under this server's own address alone")
        is_api = scope["path"].startswith(API)
        is_followed_link = headers.get("sec-fetch-mode") == "navigate" and not is_api
        if _is_foreign(headers, host) and not is_followed_link:
            return _refuse(403, "requests from other web pages are not answered")
        if is_api and not self._may_ask(headers):
            return _refuse(
                401, f"the page's session has ended, or {TOKEN_HEADER} is missing. Reload the page."
            )
        return self._size_refusal(scope["method"], headers)

    def _size_refusal(self, method: str, headers: Headers) -> JSONResponse | None:
        most, length = self._settings.limits.most_bytes, headers.get("content-length")
        if method in ("GET", "HEAD"):
            return None
        if length is None or not length.isdecimal():
            return _refuse(411, "the request does not say its size (Content-Length)")
        if int(length) > most:
            return _refuse(
                413,
                f"the request has {int(length) / 1e6:,.1f} MB; {most / 1e6:,.0f} MB at most are "
                "read here. Send fewer molecules, or use `molmeta predict`.",
            )
        return None

    def _is_own(self, host: str) -> bool:
        """Return whether a Host header names this server, and not a name that was bent to it."""
        name = urlsplit(f"//{host}").hostname or ""
        if name == "localhost":
            return True
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            own = (self._settings.host.casefold(), socket.gethostname().casefold())
            return not self._settings.is_local and name in own
        return address.is_loopback or not self._settings.is_local

    def _may_ask(self, headers: Headers) -> bool:
        given = headers.get("authorization", "").removeprefix("Bearer ")
        return self._pages.is_server_token(given) or self._pages.holds(
            headers.get(TOKEN_HEADER.lower(), "")
        )

    def _in_time(self, receive: Receive) -> Receive:
        """Receive a request's pieces, and take it for gone where one does not come in time."""
        is_whole = False

        async def receive_in_time() -> Message:
            nonlocal is_whole
            limit = None if is_whole else self._settings.limits.body_seconds
            try:
                message = await asyncio.wait_for(receive(), limit)
            except TimeoutError:
                return {"type": "http.disconnect"}
            is_whole |= not message.get("more_body", False)
            return message

        return receive_in_time


def _is_foreign(headers: Headers, host: str) -> bool:
    """Return whether a page of another origin sends the request."""
    origin = headers.get("origin")
    foreign = origin is not None and urlsplit(origin).netloc != host
    return foreign or headers.get("sec-fetch-site") in ("cross-site", "same-site")


def _refuse(status: int, message: str) -> JSONResponse:
    return JSONResponse({"message": message}, status)
