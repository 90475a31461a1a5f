"""Drawings of molecules, as small inline SVG."""

import re
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup
from rdkit import Chem, rdBase
from rdkit.Chem.Draw import rdMolDraw2D

_SIZE = (160, 120)
_DISC, _FAINT = 7, 0.08  # radius of an atom's shade; what is too faint to be drawn
_PATH = re.compile(r"<path [^>]*?d='(?P<line>[^']*)'(?P<style>[^>]*)>")


def draw(smiles: str, *, shades: Sequence[float] = ()) -> Markup:
    """Draw a molecule in black, 160 × 120 and scalable; a note where it cannot be read.

    >>> draw("CCO")[:4], draw("C(")
    (Markup('<svg'), Markup('<span class="subtitle">not drawable</span>'))

    Args:
        smiles: The molecule.
        shades: A number for each atom, from −1, a dark orange disc behind it, to 1, a dark blue
            one; none by default.
    """
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
    discs = Markup("").join(
        Markup('<circle cx="{:.1f}" cy="{:.1f}" r="{}" fill="{}" fill-opacity="{:.2f}"/>').format(
            drawer.GetDrawCoords(atom).x,
            drawer.GetDrawCoords(atom).y,
            _DISC,
            "#0072b2" if shade > 0 else "#e69f00",
            min(abs(shade), 1) * 0.75,
        )
        for atom, shade in enumerate(shades)
        if abs(shade) > _FAINT
    )
    return _slim(drawer.GetDrawingText(), smiles, discs)


def _slim(drawing: str, smiles: str, below: Markup) -> Markup:
    """Reduce a drawing to two paths, all strokes and all filled shapes: a third of its text."""
    strokes: list[str] = []
    fills: list[str] = []
    for path in _PATH.finditer(drawing):
        line = re.sub(r"(\d+\.\d)\d+", r"\1", path["line"]).replace("\n", " ")
        (strokes if "fill:none" in path["style"] else fills).append(line)
    return Markup(
        '<svg viewBox="0 0 {} {}" role="img" aria-label="{}">'
        '{}<path d="{}" fill="none" stroke="#000"/><path d="{}"/></svg>'
    ).format(
        *_SIZE,
        smiles,
        below,
        "".join(strokes),
        "".join(fills),
    )
