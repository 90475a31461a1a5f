"""Worker processes do not outlive the program."""

from __future__ import annotations

import subprocess
import sys

_PROGRAM = """
import multiprocessing, time
from concurrent.futures import ProcessPoolExecutor

from molmeta.evaluation.workers import end_with_parent

spawn = multiprocessing.get_context("spawn")
with ProcessPoolExecutor(1, mp_context=spawn, initializer=end_with_parent) as pool:
    pool.submit(abs, -1).result()
    print("works", flush=True)
    time.sleep(600)
"""


def test_workers_end_with_a_program_that_is_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", _PROGRAM], stdout=subprocess.PIPE) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == b"works\n"
        program.kill()
        # Its end comes when the last process that can write to it has ended.
        program.communicate(timeout=30)
