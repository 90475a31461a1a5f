"""The program, run in this process: importing torch anew for each run would take seconds."""

from __future__ import annotations

import io
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from unittest import mock

import pytest
from molmeta_cli.main import main


@dataclass
class Done:
    """How a run of the program ended."""

    returncode: int
    stdout: str
    stderr: str


def molmeta(*arguments: object) -> Done:
    """Run the program.

    An exception that the program does not turn into a message fails the test.
    """
    out, err = io.StringIO(), io.StringIO()
    with (
        mock.patch.object(sys, "argv", ["molmeta", *map(str, arguments)]),
        redirect_stdout(out),
        redirect_stderr(err),
        pytest.raises(SystemExit) as ended,
    ):
        main()
    return Done(int(ended.value.code or 0), out.getvalue(), err.getvalue())
