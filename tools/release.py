"""Cut a release: version, changelog, wheel and sdist, each checked in an environment of its own.

    python tools/release.py cut 0.2.0     # writes the version and dates the changelog
    python tools/release.py check dist    # tries wheel and sdist, writes dist/sbom.json

`make release VERSION=0.2.0` does both. Nothing is uploaded, and nothing is committed.
"""

from __future__ import annotations

import datetime
import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PLACES = {
    "molmeta/__init__.py": r'(__version__ = ")[^"]+(")',
    "CITATION.cff": r"(?m)^(version: )\S+()$",
}
"""Where the version stands."""

TORCH = "torch==2.13.0"
"""What is installed first and exactly, as in the README: a range pulls CUDA packages."""

_LIST = """
import importlib.metadata as metadata, json, re

def address(one):
    return "pkg:pypi/" + re.sub("[-_.]+", "-", one.name).lower() + "@" + one.version

def licence(about):
    told = about.get("License-Expression") or (about.get("License") or "").partition("\\n")[0]
    classes = [one.rpartition(" :: ")[2] for one in about.get_all("Classifier") or ()
               if one.startswith("License ::")]
    return told or ", ".join(classes)

parts = {one.metadata["Name"]: one for one in metadata.distributions()}
print(json.dumps([
    {"type": "library", "name": name, "version": one.version, "purl": address(one),
     "licenses": [{"license": {"name": licence(one.metadata)}}] if licence(one.metadata) else []}
    for name, one in sorted(parts.items()) if name != "pip"]))
"""


def cut(version: str) -> None:
    """Write the version where it stands, and make the changelog's open section that version's."""
    if not re.fullmatch(r"\d+\.\d+\.\d+", version):
        sys.exit(f"version: got {version!r}, expected three numbers such as 0.2.0")
    changelog = ROOT / "CHANGELOG.md"
    text = changelog.read_text(encoding="utf-8")
    if not re.search(r"## \[Unreleased\]\n+### ", text):
        sys.exit("CHANGELOG.md: there is nothing under [Unreleased]")
    dated = f"## [Unreleased]\n\n## [{version}] - {datetime.date.today().isoformat()}\n"
    changelog.write_text(text.replace("## [Unreleased]\n", dated, 1), encoding="utf-8")
    for name, pattern in PLACES.items():
        file = ROOT / name
        new, n = re.subn(pattern, rf"\g<1>{version}\g<2>", file.read_text(encoding="utf-8"))
        if n != 1:
            sys.exit(f"{name}: the version stands {n} times, expected once")
        file.write_text(new, encoding="utf-8")


def check(dist: Path) -> None:
    """Install the wheel and use it; unpack the sdist and run its tests; list what was installed."""
    (wheel,), (sdist,) = dist.glob("*.whl"), dist.glob("*.tar.gz")
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        python = environment(home / "wheel", f"{wheel}[web]")
        program = python.with_name("molmeta")
        run(program, "example", "-o", "example", cwd=home)
        example = ["--support", "example/support.csv", "--input", "example/library.csv"]
        run(program, "predict", *example, "-o", "ranked.csv", cwd=home)
        write_sbom(python, dist / "sbom.json")
        with tarfile.open(sdist) as packed:
            packed.extractall(home, filter="data")
        (source,) = home.glob("molmeta-*")
        python = environment(home / "sdist", f"{source}[dev]")
        run(python, "-m", "pytest", "-q", cwd=source)
    print(f"{wheel.name} and {sdist.name} are good; {dist / 'sbom.json'} lists what they bring")


def environment(folder: Path, what: str) -> Path:
    """Make an environment with torch and `what` installed; give its Python."""
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    for one in (TORCH, what):
        run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", one)
    return python


def write_sbom(python: Path, file: Path) -> None:
    """Write what is installed beside `python`, as a CycloneDX list of components."""
    listed = subprocess.run([python, "-c", _LIST], check=True, capture_output=True, text=True)
    bom = {"bomFormat": "CycloneDX", "specVersion": "1.5", "components": json.loads(listed.stdout)}
    file.write_text(json.dumps(bom, indent=1), encoding="utf-8")


def run(*command: object, cwd: Path | None = None) -> None:
    """Run a command outside of the checkout's own packages; stop where it fails."""
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    words = [str(word) for word in command]
    print("$", *words, flush=True)
    subprocess.run(words, check=True, cwd=cwd, env=clean)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["cut", version]:
            cut(version)
        case ["check", dist]:
            check(Path(dist).resolve())
        case _:
            sys.exit(__doc__)
