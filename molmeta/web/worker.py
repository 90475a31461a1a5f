"""A process that does one job at a time, tells its steps, and can be cancelled or killed."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import logging
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any

from molmeta.errors import MolmetaError

GRACE = 5.0
"""Seconds in which a cancelled job must end before its process is killed."""

_POLL = 0.1  # seconds; how long a cancelled job goes unnoticed
Message = tuple[str, Any]
_log = logging.getLogger(__name__)


class Busy(MolmetaError):
    """Too many jobs wait."""


class TimeUp(MolmetaError):
    """A job took longer than it may."""


class Worker:
    """A process for the jobs of one module, started when the first job comes.

    Its temporary files lie in a folder of its own, which goes with it.

    A job is a function of that module: what it returns is passed on, or each thing it yields.
    """

    def __init__(
        self, module: str, *, seconds: float, most_waiting: int, most_memory: int | None = None
    ) -> None:
        """Take the module's name, and the limits.

        Args:
            module: Holds the jobs.
            seconds: A job may take, after which its process is killed.
            most_waiting: Jobs may wait.
            most_memory: Bytes of addresses that the process may use, where the system can tell it.
        """
        self.seconds, self.most_waiting, self.most_memory = seconds, most_waiting, most_memory
        self.n_waiting = 0
        self._module = module
        self._turn = asyncio.Lock()
        self._process: SpawnProcess | None = None
        self._pipe: Connection | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._number = 0

    def start(self, job: str, **arguments: Any) -> Job:
        """Begin a job, or let it wait for those before it.

        Raises:
            Busy: If too many wait already.
        """
        if self.n_waiting > self.most_waiting:
            raise Busy(
                f"{self.n_waiting} jobs are under way or waiting, which is the most. "
                "Try again in a minute."
            )
        self.n_waiting += 1
        begun = Job(before=self.n_waiting - 1)
        begun.task = task = asyncio.create_task(self._do(begun, job, arguments))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return begun

    async def answer(self, job: str, **arguments: Any) -> Any:
        """Give what a job returns.

        Raises:
            MolmetaError: If it fails; InputError if that is the user's doing.
        """
        begun = self.start(job, **arguments)
        try:
            return [step async for step in begun.steps()][-1]
        finally:
            begun.cancel()

    async def stop(self) -> None:
        """End the process, whatever it does."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._kill()

    async def _do(self, begun: Job, job: str, arguments: dict[str, Any]) -> None:
        """Wait for the turn, have the job done, and pass on what comes back."""
        try:
            async with self._turn:
                begun.is_running = True
                await self._converse(begun, job, arguments)
        except (MolmetaError, OSError, EOFError) as error:
            self._kill()
            if not isinstance(error, MolmetaError):
                error = MolmetaError("the process that computes has ended; try again")
            begun.put("error", error)
        except asyncio.CancelledError:
            if begun.is_running:
                self._kill()
            raise
        finally:
            self.n_waiting -= 1
            begun.put("end", None)

    async def _converse(self, begun: Job, job: str, arguments: dict[str, Any]) -> None:
        """Send a job to the process and receive its steps until it ends.

        Raises:
            TimeUp: If it takes too long.
        """
        pipe = await asyncio.to_thread(self._ready)
        self._number += 1
        pipe.send((self._number, job, arguments))
        end, told = time.monotonic() + self.seconds, False
        while True:
            if await asyncio.to_thread(pipe.poll, _POLL):
                kind, content = await asyncio.to_thread(pipe.recv)
                if kind == "end":
                    return
                begun.put(kind, content)
            if begun.is_cancelled and not told:
                pipe.send((self._number, None, {}))
                told, end = True, min(end, time.monotonic() + GRACE)
            if time.monotonic() > end:
                raise TimeUp(
                    f"this took longer than {self.seconds:,.0f} seconds, which is the limit. "
                    "Send fewer molecules."
                )

    def _ready(self) -> Connection:
        """Give the pipe to the process, which is started if it is not there."""
        if self._process is None or self._pipe is None or not self._process.is_alive():
            self._kill()
            context = multiprocessing.get_context("spawn")
            self._pipe, other = context.Pipe()
            self._folder = tempfile.TemporaryDirectory(
                prefix="molmeta-serve-", ignore_cleanup_errors=True
            )
            arguments = (other, self._module, self._folder.name, self.most_memory)
            self._process = context.Process(target=_work, args=arguments)
            self._process.start()
            other.close()
        return self._pipe

    def _kill(self) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                if hasattr(os, "killpg") and self._process.pid:  # its own processes too
                    os.killpg(self._process.pid, 9)
            self._process.kill()
            self._process.join()
        if self._pipe is not None:
            self._pipe.close()
        if self._folder is not None:
            self._folder.cleanup()
        self._process = self._pipe = self._folder = None


class Job:
    """A job under way: its steps as they come.

    Attributes:
        before: How many jobs were before it when it began.
        is_running: Whether its turn has come.
        is_cancelled: Whether nobody waits for it any more.
        task: What sees to it.
    """

    def __init__(self, before: int) -> None:
        """Begin with no step."""
        self.before = before
        self.is_running = self.is_cancelled = False
        self.task: asyncio.Task[None] | None = None
        self._messages: asyncio.Queue[Message] = asyncio.Queue()

    def cancel(self) -> None:
        """Say that nobody waits for it any more."""
        self.is_cancelled = True
        if self.task is not None and not self.is_running:
            self.task.cancel()

    def put(self, kind: str, content: Any) -> None:
        """Add a step, an error or the end."""
        self._messages.put_nowait((kind, content))

    async def steps(self) -> AsyncIterator[Any]:
        """Give what the job returns, or each thing it yields.

        Raises:
            MolmetaError: What it raises; InputError if that is the user's doing.
        """
        while True:
            kind, content = await self._messages.get()
            if kind == "end":
                return
            if kind == "error":
                raise content
            yield content


def _work(pipe: Connection, module: str, folder: str, most_memory: int | None) -> None:
    """Do jobs until the other end of the pipe closes, as it does when the server is killed."""
    if most_memory is not None and sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (most_memory, most_memory))
    tempfile.tempdir = folder
    if hasattr(os, "setpgrp"):
        os.setpgrp()  # Ctrl-C in the terminal is the server's to answer
    with contextlib.suppress(EOFError, OSError, KeyboardInterrupt):
        while True:
            number, job, arguments = pipe.recv()
            if job is not None:  # else it asks to cancel what has ended
                _do_job(pipe, number, module, job, arguments)
    shutil.rmtree(folder, ignore_errors=True)


def _do_job(
    pipe: Connection, number: int, module: str, job: str, arguments: dict[str, Any]
) -> None:
    try:
        answer = getattr(importlib.import_module(module), job)(**arguments)
        for step in answer if isinstance(answer, Iterator) else [answer]:
            pipe.send(("step", step))
            if pipe.poll() and pipe.recv()[0] == number:  # nobody waits any more
                break
    except MolmetaError as error:
        pipe.send(("error", error))
    except Exception:  # noqa: BLE001  whatever it is, the server goes on
        _log.exception("a job failed")
        pipe.send(("error", MolmetaError("something went wrong; the server's log says what")))
    pipe.send(("end", None))
