"""Jobs for the worker's tests."""

import tempfile
import time
from collections.abc import Iterator

from molmeta.errors import InputError


def count(n: int, seconds: float = 0.0) -> Iterator[int]:
    for i in range(n):
        time.sleep(seconds)
        yield i


def double(number: int) -> int:
    return 2 * number


def refuse() -> None:
    raise InputError.of("a table", got="nothing", expected="something")


def fail() -> None:
    raise RuntimeError("/home/me/secret.csv")


def leave() -> Iterator[str]:
    with tempfile.NamedTemporaryFile(delete=False) as file:
        file.write(b"secret")
    yield file.name
    hang()


def grow(n_bytes: int) -> int:
    return len(bytearray(n_bytes))


def hang() -> None:
    while True:
        pass
