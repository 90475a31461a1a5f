"""Modules joined into one script: they run as the browser would have loaded them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from molmeta.reporting.script import STATIC, join_modules


def test_modules_stand_behind_what_they_import(tmp_path: Path) -> None:
    (tmp_path / "b.js").write_text("export const two = 2;\nexport function $() { return two; }\n")
    (tmp_path / "c.js").write_text(
        'var a=3,b="</script><!--";export{a as three,b as end};\n// v1\n'
    )
    (tmp_path / "a.js").write_text(
        'import { two, $ as twice } from "./b.js";\nimport { end, three } from "./c.js";\n'
        "console.log(two, twice(), three, end.length);\n"
    )
    script = join_modules(tmp_path / "a.js")
    assert "</script" not in script
    assert "<!--" not in script
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node")
    (tmp_path / "joined.mjs").write_text(script)
    done = subprocess.run([node, tmp_path / "joined.mjs"], capture_output=True, check=True)
    assert done.stdout == b"2 2 3 13\n"


def test_nothing_is_left_to_import_or_export() -> None:
    lines = join_modules(STATIC / "js" / "report.js").splitlines()
    assert not [line[:80] for line in lines if line.startswith(("import ", "export "))]
