"""Worker processes that can be killed, for a function over pieces of rows; results in order.

RDKit can hang or crash on a molecule, so that a stock pool will not do. Each worker has one piece
at a time; where it dies or takes too long, the piece is halved and tried again, until the row that
is to blame stands alone.
"""

import multiprocessing
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from types import ModuleType
from typing import Generic, TypeVar

from molmeta.errors import MolmetaError

Result = TypeVar("Result")

SHORTEST = 8
"""The least share of the time limit that a piece is given: an eighth, even for a single row."""

PATIENCE = 20
"""Time limits by the clock after which a worker is given up that does not compute at all."""

READ_AHEAD = 4
"""Pieces a worker that may be under way before the oldest is done; this bounds memory."""


class WorkerError(MolmetaError):
    """Worker processes cannot be started."""


def map_in_order(
    function: Callable[[Sequence[object]], Result],
    pieces: Iterable[Sequence[object]],
    *,
    workers: int,
    time_limit: float,
    give_up: Callable[[object, str], Result],
) -> Iterator[list[Result]]:
    """Apply a function to each piece of rows in worker processes.

    Args:
        function: Must be importable in a new process.
        pieces: Rows; read only a little ahead of what is yielded.
        workers: The number of processes.
        time_limit: Seconds of the processor's time (elsewhere than on Linux, by the clock) for a
            piece; for a part of it in proportion, down to an eighth.
        give_up: The result for a row on which the function hangs or crashes, and the reason.

    Yields:
        For each piece its result, or, where it had to be halved, those of its parts in order.

    Raises:
        WorkerError: If no process can be started.
        Exception: What the function raises.
    """
    pool = _Pool(function, workers, time_limit, give_up)
    try:
        for piece in pieces:
            pool.add(piece)
            while pool.is_full():
                pool.step()
                yield from pool.finished()
        while pool.under_way:
            pool.step()
            yield from pool.finished()
    finally:
        pool.stop()


@dataclass(slots=True)
class _Part:
    """Some rows of a piece, from `start` on."""

    piece: int
    start: int
    rows: Sequence[object]
    seconds: float


@dataclass(slots=True)
class _UnderWay(Generic[Result]):
    """A piece at work: the number of parts that are not done, and the results of the others."""

    n_missing: int = 1
    results: list[tuple[int, Result]] = field(default_factory=list)


class _Worker(Generic[Result]):
    """A process; ready once it has said so, idle when it has no part."""

    def __init__(self, function: Callable[[Sequence[object]], Result]) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, function), daemon=True)
        _start(self._process)
        theirs.close()  # or its death would not be seen as the end of the stream
        self.is_ready = False
        self.part: _Part | None = None
        self.deadline = float("inf")
        self._begun = self._used = 0.0

    def give(self, part: _Part) -> None:
        self.part = part
        self._begun, self._used = time.monotonic(), self._seconds_used()
        self.deadline = self._begun + part.seconds
        with suppress(BrokenPipeError, ConnectionResetError):  # its death is heard of next
            self.connection.send(part.rows)

    def is_late(self) -> bool:
        """Return whether time is up; where other programs had the processor, it is made longer."""
        now = time.monotonic()
        if self.part is None or now <= self.deadline:
            return False
        left = self.part.seconds - (self._seconds_used() - self._used)
        if left <= 0 or now > self._begun + PATIENCE * self.part.seconds:
            return True
        self.deadline = now + left
        return False

    def _seconds_used(self) -> float:
        """Count the seconds that it has computed so far."""
        if sys.platform != "linux" or self._process.pid is None:
            return time.monotonic()
        with suppress(OSError):  # it has ended, which is heard of next
            return time.clock_gettime(~self._process.pid << 3 | 2)  # as glibc's clock_getcpuclockid
        return self._used

    def stop(self) -> None:
        self.connection.close()
        self._process.kill()
        self._process.join()


class _Pool(Generic[Result]):
    def __init__(
        self,
        function: Callable[[Sequence[object]], Result],
        size: int,
        time_limit: float,
        give_up: Callable[[object, str], Result],
    ) -> None:
        self._function = function
        self._size = size
        self._time_limit = time_limit
        self._give_up = give_up
        self._workers: list[_Worker[Result]] = []
        self._waiting: deque[_Part] = deque()
        self._n_added = 0
        self.under_way: dict[int, _UnderWay[Result]] = {}  # in order; what is yielded leaves

    def add(self, rows: Sequence[object]) -> None:
        self.under_way[self._n_added] = _UnderWay()
        self._waiting.append(_Part(self._n_added, 0, rows, self._time_limit))
        self._n_added += 1

    def is_full(self) -> bool:
        return len(self._waiting) >= self._size or len(self.under_way) >= READ_AHEAD * self._size

    def finished(self) -> Iterator[list[Result]]:
        """Yield the results of pieces that are complete, up to the first that is not."""
        while self.under_way:
            number, piece = next(iter(self.under_way.items()))
            if piece.n_missing:
                return
            del self.under_way[number]
            yield [result for _, result in sorted(piece.results, key=lambda pair: pair[0])]

    def step(self) -> None:
        """Hand out parts, then wait for an answer, a death or a deadline."""
        self._hand_out()
        nearest = min(worker.deadline for worker in self._workers)
        patience = None if nearest == float("inf") else max(0.0, nearest - time.monotonic())
        heard = wait([worker.connection for worker in self._workers], patience)
        for worker in list(self._workers):
            if worker.connection in heard:
                self._hear(worker)
            elif worker.is_late():
                self._replace(worker, "RDKit took too long over it")

    def stop(self) -> None:
        for worker in self._workers:
            worker.stop()

    def _hand_out(self) -> None:
        idle = [worker for worker in self._workers if worker.is_ready and worker.part is None]
        for worker in idle[: len(self._waiting)]:
            worker.give(self._waiting.popleft())
        n_starting = sum(not worker.is_ready for worker in self._workers)
        n_wanted = min(len(self._waiting) - n_starting, self._size - len(self._workers))
        self._workers += [_Worker(self._function) for _ in range(n_wanted)]

    def _hear(self, worker: _Worker[Result]) -> None:
        try:
            answer = worker.connection.recv()
        except (EOFError, ConnectionResetError):
            self._replace(worker, "RDKit crashed on it")
            return
        if isinstance(answer, Exception):
            raise answer
        if worker.part is not None:
            self._keep(worker.part, answer)
        worker.is_ready, worker.part, worker.deadline = True, None, float("inf")

    def _keep(self, part: _Part, result: Result) -> None:
        piece = self.under_way[part.piece]
        piece.results.append((part.start, result))
        piece.n_missing -= 1

    def _replace(self, worker: _Worker[Result], reason: str) -> None:
        worker.stop()
        self._workers.remove(worker)
        part = worker.part
        if part is None:
            if not worker.is_ready:
                raise WorkerError(
                    "worker processes cannot start (why, they say above); use workers=1"
                )
            return
        if len(part.rows) == 1:
            self._keep(part, self._give_up(part.rows[0], reason))
            return
        half = len(part.rows) // 2
        seconds = max(part.seconds / 2, self._time_limit / SHORTEST)
        left = _Part(part.piece, part.start, part.rows[:half], seconds)
        right = _Part(part.piece, part.start + half, part.rows[half:], seconds)
        self._waiting.extendleft([right, left])
        self.under_way[part.piece].n_missing += 1


def _start(process: SpawnProcess) -> None:
    """Start a process that runs nothing of the program's own file, and that Ctrl-C spares.

    It needs nothing of that file; so it is spared its imports, and the file needs no
    `if __name__ == "__main__"`. On Ctrl-C the parent ends its workers itself.
    """
    resource_tracker.ensure_running()  # which else would lift the mask
    main = sys.modules["__main__"]
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        process.start()
    finally:
        sys.modules["__main__"] = main
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _serve(connection: Connection, function: Callable[[Sequence[object]], object]) -> None:
    """Serve pieces until the other side closes."""
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):
        connection.send(None)
        while True:
            rows = connection.recv()
            try:
                answer = function(rows)
            except Exception as error:  # noqa: BLE001 - the parent raises it
                answer = error
            connection.send(answer)
