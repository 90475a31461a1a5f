"""`molmeta serve`: a page on this machine to rank molecules without a command."""

import importlib.util
import socket
from contextlib import suppress
from typing import Annotated

import typer

from molmeta_cli.console import say


def serve(
    model: Annotated[
        list[str] | None,
        typer.Option("--model", "-m", help="A model to choose from; may be repeated."),
    ] = None,
    host: Annotated[
        str, typer.Option(help="Address; one that others reach needs --token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port.")] = 8765,
    token: Annotated[
        str | None, typer.Option(envvar="MOLMETA_TOKEN", help="Answer only who knows this.")
    ] = None,
    open_browser: Annotated[
        bool, typer.Option("--open/--no-open", help="Open the page in the browser.")
    ] = False,
) -> None:
    """Open a page: paste measured molecules, rank a library, see why, download."""
    from molmeta.errors import InputError

    if importlib.util.find_spec("fastapi") is None or importlib.util.find_spec("uvicorn") is None:
        raise InputError.of(
            "molmeta serve",
            got="an installation without the page's packages",
            expected="molmeta with its extra 'web'",
            fix="Install them: pip install 'molmeta[web]'",
        )
    import uvicorn

    from molmeta.web.app import create_app
    from molmeta.web.settings import Settings, name_models

    settings = Settings(host=host, port=port, token=token, models=name_models(model or ["default"]))
    listener = _listen(host, port)
    shown = f"[{host}]" if ":" in host else host
    address = f"http://{shown}:{port}/" + (f"?token={token}" if token else "")
    say(f"molmeta's page: {address}\nStop it with Ctrl-C; nothing is kept.")
    if open_browser:
        typer.launch(address)
    config = uvicorn.Config(
        create_app(settings),
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=2,
    )
    with suppress(KeyboardInterrupt):  # uvicorn has ended by then
        uvicorn.Server(config).run(sockets=[listener])


def _listen(host: str, port: int) -> socket.socket:
    """Take the address before it is printed.

    Raises:
        InputError: If it cannot be had.
    """
    from molmeta.errors import InputError

    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise InputError.of(
            f"address {host}, port {port}",
            got=error.strerror or str(error),
            expected="a free port of this machine",
            fix="Is molmeta running already? Choose another port with --port.",
        ) from None
    return listener
