"""Molecules as small inline SVG drawings."""

from __future__ import annotations

import re
from typing import Any

from markupsafe import Markup
from rdkit import Chem, rdBase
from rdkit.Chem.Draw import rdMolDraw2D

_SIZE = (160, 120)
_PATH = re.compile(r"<path [^>]*?d='(?P<line>[^']*)'(?P<style>[^>]*)>")


def draw(smiles: str) -> Markup:
    """A drawing in black, 160 × 120 and scalable; a note where the SMILES cannot be read."""
    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(smiles)
    if mol is None:
        return Markup('<span class="subtitle">not drawable</span>')
    drawer = rdMolDraw2D.MolDraw2DSVG(*_SIZE)
    options: Any = drawer.drawOptions()
    options.useBWAtomPalette()
    options.clearBackground = False
    options.maxFontSize = 14
    rdMolDraw2D.PrepareAndDrawMolecule(drawer, mol)
    drawer.FinishDrawing()
    return _slim(drawer.GetDrawingText(), smiles)


def _slim(drawing: str, smiles: str) -> Markup:
    """The drawing as two paths, all strokes and all filled shapes: a third of RDKit's text."""
    strokes: list[str] = []
    fills: list[str] = []
    for path in _PATH.finditer(drawing):
        line = re.sub(r"(\d+\.\d)\d+", r"\1", path["line"]).replace("\n", " ")
        (strokes if "fill:none" in path["style"] else fills).append(line)
    return Markup(
        '<svg viewBox="0 0 {} {}" role="img" aria-label="{}">'
        '<path d="{}" fill="none" stroke="#000"/><path d="{}"/></svg>'
    ).format(*_SIZE, smiles, "".join(strokes), "".join(fills))
