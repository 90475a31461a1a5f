"""What the workers do in tests: a module with few imports, since each worker imports it anew."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence


def shout(rows: Sequence[object]) -> list[str]:
    """Answer in capitals; some rows are bad for it."""
    for row in rows:
        while row == "hang":
            pass
        if row == "starve":
            time.sleep(2)
        if row == "crash":
            os.kill(os.getpid(), signal.SIGKILL)
        if row == "bug":
            raise KeyError("a bug")
    return [str(row).upper() for row in rows]
