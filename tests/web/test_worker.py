"""The process that works: steps in order, errors, cancelling, time limits, the queue."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from molmeta.errors import InputError, MolmetaError
from molmeta.web.worker import Busy, TimeUp, Worker


@pytest.fixture(autouse=True)
def jobs_can_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent))


def with_worker(
    act: Callable[[Worker], Awaitable[Any]], seconds: float = 60.0, **limits: int
) -> Any:
    async def run() -> Any:
        worker = Worker("jobs", seconds=seconds, **({"most_waiting": 3} | limits))
        try:
            return await act(worker)
        finally:
            await worker.stop()

    return asyncio.run(run())


def test_steps_come_in_order_and_jobs_take_turns() -> None:
    async def act(worker: Worker) -> list[list[int]]:
        begun = [worker.start("count", n=3), worker.start("count", n=2)]
        assert [job.before for job in begun] == [0, 1]
        return [[step async for step in job.steps()] for job in begun]

    assert with_worker(act) == [[0, 1, 2], [0, 1]]


def test_errors_keep_their_parts_and_tell_nothing_of_this_machine() -> None:
    async def act(worker: Worker) -> int:
        with pytest.raises(InputError, match="a table; got nothing") as refused:
            await worker.answer("refuse")
        assert refused.value.parts["expected"] == "something"
        with pytest.raises(MolmetaError, match="something went wrong") as failed:
            await worker.answer("fail")
        assert "secret" not in str(failed.value)
        return await worker.answer("double", number=21)

    assert with_worker(act) == 42


def test_a_cancelled_job_ends_and_the_process_stays() -> None:
    async def act(worker: Worker) -> bool:
        await worker.answer("double", number=1)
        before = worker._process
        job = worker.start("count", n=1000, seconds=0.02)
        async for _ in job.steps():
            break
        waits = worker.start("count", n=1000, seconds=1.0)
        waits.cancel()
        job.cancel()
        start = time.monotonic()
        assert await worker.answer("double", number=2) == 4
        assert time.monotonic() - start < 4
        return worker._process is before

    assert with_worker(act)


def test_a_job_that_hangs_is_killed_and_the_next_one_done() -> None:
    async def act(worker: Worker) -> int:
        with pytest.raises(TimeUp, match="longer than 0 seconds"):
            await worker.answer("hang")
        worker.seconds = 60.0
        return await worker.answer("double", number=4)

    assert with_worker(act, seconds=0.4) == 8


def test_a_process_that_dies_is_started_again() -> None:
    async def act(worker: Worker) -> int:
        await worker.answer("double", number=1)
        assert worker._process is not None
        worker._process.kill()
        worker._process.join()
        return await worker.answer("double", number=5)

    assert with_worker(act) == 10


def test_too_many_are_refused() -> None:
    async def act(worker: Worker) -> None:
        held = [worker.start("count", n=3) for _ in range(2)]
        with pytest.raises(Busy, match="Try again"):
            worker.start("count", n=3)
        assert [[step async for step in job.steps()] for job in held] == [[0, 1, 2]] * 2
        assert worker.n_waiting == 0

    with_worker(act, most_waiting=1)


@pytest.mark.skipif(sys.platform == "win32", reason="needs limits of POSIX")
def test_what_grows_too_large_is_refused() -> None:
    async def act(worker: Worker) -> int:
        with pytest.raises(MolmetaError):
            await worker.answer("grow", n_bytes=8_000_000_000)
        return await worker.answer("grow", n_bytes=1000)

    assert with_worker(act, most_memory=4_000_000_000) == 1000


def test_temporary_files_go_with_the_process() -> None:
    async def act(worker: Worker) -> Path:
        steps = worker.start("leave").steps()
        file = Path(await anext(steps))
        assert file.read_bytes() == b"secret"
        with pytest.raises(TimeUp):
            await anext(steps)
        return file

    file = with_worker(act, seconds=2.0)
    assert not file.parent.exists()


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="needs POSIX signals")
def test_where_the_server_is_killed_nothing_stays(tmp_path: Path) -> None:
    code = (
        "import asyncio, os\n"
        "from molmeta.web.worker import Worker\n"
        "async def act():\n"
        "    worker = Worker('jobs', seconds=60, most_waiting=1)\n"
        "    await worker.answer('double', number=1)\n"
        "    print(worker._process.pid, worker._folder.name, flush=True)\n"
        "    os.kill(os.getpid(), 9)\n"
        "asyncio.run(act())\n"
    )
    script = tmp_path / "server.py"
    script.write_text(f"if __name__ == '__main__':\n    exec({code!r})\n")
    path = os.pathsep.join(entry for entry in sys.path if entry)
    done = subprocess.run(
        [sys.executable, script], env=os.environ | {"PYTHONPATH": path},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    number, folder = done.stdout.split()
    end = time.monotonic() + 20
    while time.monotonic() < end and Path(folder).exists():
        time.sleep(0.1)
    assert not Path(folder).exists()
    while time.monotonic() < end and Path(f"/proc/{number}").exists():
        time.sleep(0.1)
    assert not Path(f"/proc/{number}").exists()
