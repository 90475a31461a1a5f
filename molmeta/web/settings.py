"""The settings of a server: where it listens, its models and its limits."""

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from molmeta.errors import InputError
from molmeta.resources import n_cores

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Limits:
    """Limits on how much is taken, and for how long.

    Attributes:
        most_bytes: Of one request.
        most_measured: Measured molecules, rows.
        most_library: Molecules of a library, rows.
        read_seconds: For reading a table.
        read_memory: Bytes of addresses for reading, against archives that unpack to far more.
        rank_seconds: For a ranking.
        body_seconds: Between two pieces of a request.
        most_waiting: Rankings that wait while one runs.
        most_pages: Pages that are open at once; the oldest gives way.
    """

    most_bytes: int = 20_000_000
    most_measured: int = 1_000
    most_library: int = 50_000
    read_seconds: float = 60.0
    read_memory: int = 6_000_000_000
    rank_seconds: float = 900.0
    body_seconds: float = 30.0
    most_waiting: int = 4
    most_pages: int = 256


@dataclass(frozen=True)
class Settings:
    """A server.

    >>> Settings().is_local, Settings(host="0.0.0.0", token="a-long-password").is_local
    (True, False)

    Attributes:
        host: The address it listens on.
        port: The port.
        token: Without it nobody is answered; None: this machine's users need none.
        models: The models to choose from: a run folder or a shipped model's name, by the name
            that the page shows.
        limits: How much is taken.
        workers: Processes that read molecules.

    Raises:
        InputError: If the address is not this machine's own and there is no token.
    """

    host: str = LOOPBACK
    port: int = 8765
    token: str | None = None
    models: Mapping[str, str] = field(default_factory=lambda: {"default": "default"})
    limits: Limits = Limits()
    workers: int = field(default_factory=n_cores)

    def __post_init__(self) -> None:
        if self.token is not None and len(self.token) < 8:
            raise InputError.of(
                "--token", got=f"{len(self.token)} characters", expected="at least 8"
            )
        if self.token is None and not self.is_local:
            raise InputError.of(
                f"--host {self.host}",
                got="an address that other machines reach, without a token",
                expected=f"--token, or the address {LOOPBACK}",
                fix="Choose a token of at least 8 characters: --token.",
            )

    @property
    def is_local(self) -> bool:
        """Return whether only this machine can reach it."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def name_models(models: Sequence[str]) -> dict[str, str]:
    """Name models for the page: by the last part of a run folder's path.

    >>> name_models(["default", "runs/first"])
    {'default': 'default', 'first': 'runs/first'}

    Raises:
        InputError: If two of them have one name.
    """
    named: dict[str, str] = {}
    for model in models:
        name = Path(model).resolve().name or model
        if name in named:
            raise InputError.of(
                f"--model {model}", got="a second model of that name", expected="different names"
            )
        named[name] = model
    return named
