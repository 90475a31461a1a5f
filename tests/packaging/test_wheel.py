"""The wheel, installed elsewhere, works from outside the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def wheel(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, root],
        check=True,
        capture_output=True,
    )
    (built,) = folder.glob("*.whl")
    return built


def test_wheel_holds_the_two_packages_and_what_they_share(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"molmeta", "molmeta_cli"}
    assert "molmeta/_share/configs/default.yaml" in names
    assert "molmeta/_share/datasets/drug_mechanisms/drugs.csv" in names
    assert "molmeta/py.typed" in names


def test_installed_program_runs_outside_the_checkout(wheel: Path, tmp_path: Path) -> None:
    """Its dependencies come from this environment; the package itself only from the wheel."""
    home = tmp_path / "environment"
    venv.create(home, with_pip=False)
    (site,) = home.glob("lib/python*/site-packages")
    zipfile.ZipFile(wheel).extractall(site)
    dependencies = [path for path in sys.path if path.endswith("site-packages")]
    # Below the wheel in the order of search, and without the editable install's own finder.
    (site / "dependencies.pth").write_text("\n".join(dependencies))
    command: list[str | Path] = [
        home / "bin" / "python",
        "-m",
        "molmeta_cli",
        "example",
        "-o",
        tmp_path / "example",
    ]
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "example" / "train.csv").exists()
    where = subprocess.run(
        [home / "bin" / "python", "-c", "import molmeta; print(molmeta.__file__)"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert str(site) in where.stdout


def test_help_is_quick_to_come_by(root: Path) -> None:
    """`--help` imports neither torch nor RDKit nor pandas."""
    code = (
        "import sys\nfrom molmeta_cli.main import app\n"
        "try:\n    app(['--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'torch', 'torch_geometric', 'rdkit', 'pandas', 'numpy'} & set(sys.modules)\n"
        "sys.exit(f'imported: {heavy}' if heavy else 0)\n"
    )
    environment = {**os.environ, "PYTHONPATH": f"{root}:{root / 'cli'}"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
