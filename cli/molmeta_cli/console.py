"""Messages and progress, on standard error so that `-o -` can pipe."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress


def say(message: str) -> None:
    """Print a message for the user."""
    print(message, file=sys.stderr, flush=True)


def show_table(names: Sequence[str], rows: Sequence[Sequence[str]], cut: str) -> None:
    """Print a table of text; the column `cut` is shortened so that its rows fit the terminal."""
    shown = [["".join(c if c.isprintable() else "?" for c in cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(names, *shown, strict=True)]
    at = names.index(cut)
    others = sum(widths) - widths[at] + 2 * (len(names) - 1)
    widths[at] = min(widths[at], max(10, shutil.get_terminal_size().columns - others))
    for row in [names, *shown]:
        cells = (
            cell if len(cell) <= width else f"{cell[: width - 1]}…"
            for cell, width in zip(row, widths, strict=True)
        )
        say("  ".join(map(str.ljust, cells, widths)).rstrip())


@contextmanager
def counter(
    what: str, total: Callable[[], int] | None = None, every: float = 2.0
) -> Iterator[Callable[[int], None]]:
    """Give a progress callback, told of each few more that are done.

    A terminal shows a bar, with the time that is left where the total is known; other places get
    a line every few seconds.

    Args:
        what: What is counted.
        total: Counts all that there are; called for a terminal alone.
        every: Seconds between lines.
    """
    console = _terminal()
    if console is not None:
        with _bar(console) as bar:
            task = bar.add_task(what, total=None if total is None else total())
            yield lambda n_more: bar.advance(task, n_more)
        return
    started = last = time.monotonic()
    n_done = 0

    def show(n_more: int) -> None:
        nonlocal last, n_done
        n_done += n_more
        now = time.monotonic()
        if now - last >= every:
            last = now
            say(f"  {n_done:,} {what}, {n_done / (now - started):,.0f}/s")

    yield show


@contextmanager
def fraction(what: str) -> Iterator[Callable[[int, int], None]]:
    """Give a progress callback, told how many of all are done; it shows them as `counter` does."""
    console = _terminal()
    if console is not None:
        with _bar(console) as bar:
            task = bar.add_task(what, total=None)
            yield lambda n_done, n_all: bar.update(task, completed=n_done, total=n_all)
        return
    started = last = time.monotonic()

    def show(n_done: int, n_all: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= 5 or n_done == n_all:
            last = now
            left = (now - started) * (n_all - n_done) / max(n_done, 1)
            say(f"  {n_done}/{n_all} {what}, {left / 60:.1f} min left")

    yield show


def _terminal() -> Console | None:
    """Give the terminal behind standard error, if it can draw a bar."""
    if not sys.stderr.isatty():
        return None
    from rich.console import Console

    console = Console(stderr=True)
    return None if console.is_dumb_terminal else console


def _bar(console: Console) -> Progress:
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )
