"""A release: the version stands everywhere, the changelog is dated, and the sdist is whole."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from types import ModuleType

import pytest

import molmeta


@pytest.fixture
def release(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """tools/release.py, on a copy of the files that it writes."""
    spec = importlib.util.spec_from_file_location("release", root / "tools" / "release.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name in (*module.PLACES, "CHANGELOG.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(root / name, tmp_path / name)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    return module


def test_a_release_has_its_version_and_its_date_everywhere(
    release: ModuleType, tmp_path: Path
) -> None:
    changelog = tmp_path / "CHANGELOG.md"  # whose open section is empty right after a release
    text = changelog.read_text(encoding="utf-8")
    text = text.replace("## [Unreleased]\n", "## [Unreleased]\n\n### Added\n\n- A thing.\n", 1)
    changelog.write_text(text, encoding="utf-8")
    release.cut("7.8.9")
    assert '\n__version__ = "7.8.9"\n' in (tmp_path / "molmeta" / "__init__.py").read_text()
    assert "\nversion: 7.8.9\n" in (tmp_path / "CITATION.cff").read_text()
    text = changelog.read_text(encoding="utf-8")
    assert re.search(r"## \[Unreleased\]\n\n## \[7\.8\.9\] - \d{4}-\d\d-\d\d\n\n### ", text)
    with pytest.raises(SystemExit, match="nothing under"):
        release.cut("7.9.0")


def test_a_version_is_three_numbers(release: ModuleType) -> None:
    with pytest.raises(SystemExit, match="three numbers"):
        release.cut("v7")


def test_citations_name_this_version(root: Path) -> None:
    assert f"\nversion: {molmeta.__version__}\n" in (root / "CITATION.cff").read_text()


@pytest.mark.parametrize("name", ["Makefile", "README.md", "docs/quickstart.md", "Dockerfile"])
def test_one_torch_is_named_everywhere(release: ModuleType, root: Path, name: str) -> None:
    named = re.findall(r"install\b.* (torch\S*)", (root / name).read_text(encoding="utf-8"))
    assert {*named} == {release.TORCH}


def test_the_parts_of_an_environment_are_listed_with_their_licences(
    release: ModuleType, tmp_path: Path
) -> None:
    release.write_sbom(Path(sys.executable), tmp_path / "sbom.json")
    text = (tmp_path / "sbom.json").read_text(encoding="utf-8")
    parts = {part["name"]: part for part in json.loads(text)["components"]}
    rdkit = parts["rdkit"]
    assert rdkit["purl"] == f"pkg:pypi/rdkit@{rdkit['version']}"
    assert rdkit["licenses"][0]["license"]["name"]
    scikit_learn = parts["scikit-learn"]
    assert scikit_learn["purl"].startswith("pkg:pypi/scikit-learn@")


def test_the_sdist_holds_what_its_tests_read(root: Path, tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "build", "--sdist", "--no-isolation", "--outdir", tmp_path, root],
        check=True,
        capture_output=True,
    )
    (sdist,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(sdist) as packed:
        names = {name.partition("/")[2] for name in packed.getnames()}
    for needed in (
        "CONTRIBUTING.md", "CITATION.cff", "Makefile", ".pre-commit-config.yaml", "docs/measure.py",
        "docs/_static/idea.svg",
        "docs/tutorials/train.md", "research/README.md", "benchmarks/meta.py", "tools/release.py",
        "tests/models/run_of_version_0_1/model.safetensors", "configs/graph.yaml",
    ):  # fmt: skip
        assert needed in names
    assert not [name for name in names if "_build" in name or "/generated/" in name]
