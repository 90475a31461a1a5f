// Structures: drawings and substructure search, by OpenChemLib.

import { CanvasEditor, Molecule, SSSearcher } from "../vendor/openchemlib.js";

const EMPTY = asImage("<svg/>");
const drawings = new Map();
const OPTIONS = { autoCrop: true, autoCropMargin: 2, suppressChiralText: true, suppressCIPParity: true, suppressESR: true };

function asImage(svg) {
  const named = svg.includes("xmlns=") ? svg : svg.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"');
  return `data:image/svg+xml,${encodeURIComponent(named)}`;
}

function drawn(smiles, width, height) {
  const key = `${width} ${height} ${smiles}`;
  if (!drawings.has(key)) {
    if (drawings.size > 3000) drawings.clear();
    let image = EMPTY;
    try {
      image = asImage(Molecule.fromSmiles(smiles).toSVG(width, height, "m", OPTIONS));
    } catch { /* what cannot be drawn is left blank */ }
    drawings.set(key, image);
  }
  return drawings.get(key);
}

const seen = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting) continue;
    seen.unobserve(target);
    // One at a time, so that the page answers in between.
    setTimeout(() => { target.src = drawn(target.alt, target.width, target.height); });
  }
}, { rootMargin: "300px" });

/** Gives a picture of a molecule. */
export function picture(smiles, width, height) {
  const image = new Image(width, height);
  image.alt = smiles;
  image.src = drawn(smiles, width, height);
  return image;
}

/** Gives a picture of a molecule that is drawn when it comes into view, for long lists. */
export function pictureLater(smiles, width, height) {
  const image = new Image(width, height);
  image.alt = smiles;
  image.src = EMPTY;
  seen.observe(image);
  return image;
}

/** Gives a picture from SVG text that molmeta drew. */
export function pictureOf(svg, smiles, width = 320, height = 240) {
  const image = new Image(width, height);
  image.alt = smiles;
  image.src = asImage(svg);
  return image;
}

/** Gives the numbers of the molecules that contain a structure; the browser stays responsive. */
export async function containing(pattern, smiles, isStale) {
  const fragment = Molecule.fromSmiles(pattern);
  fragment.setFragment(true);
  const searcher = new SSSearcher();
  searcher.setFragment(fragment);
  const found = new Set();
  for (let i = 0; i < smiles.length; i += 1) {
    if (i % 200 === 199) await new Promise((resolve) => setTimeout(resolve));
    if (isStale()) return null;
    try {
      searcher.setMolecule(Molecule.fromSmiles(smiles[i], { noCoordinates: true, noStereo: true }));
      if (searcher.isFragmentInMolecule()) found.add(i);
    } catch { /* it does not parse here */ }
  }
  return found;
}

/** Gives a molecule as a molfile with coordinates; one without atoms where it does not parse here. */
export function molfile(smiles) {
  try {
    return Molecule.fromSmiles(smiles).toMolfile();
  } catch {
    return new Molecule(0, 0).toMolfile();
  }
}

let editor = null;

/** Opens the editor in an element, empty. */
export function openEditor(element) {
  editor ??= new CanvasEditor(element, { initialMode: "molecule" });
  editor.clearAll();
}

/** Gives the drawn molecule as SMILES, "" if there is none. */
export function drawnSmiles() {
  return editor && editor.getMolecule().getAllAtoms() ? editor.getMolecule().toIsomericSmiles() : "";
}
