// Structures: drawings and substructure search, by OpenChemLib.

import { CanvasEditor, Molecule, SSSearcher } from "../vendor/openchemlib.js";

const drawings = new Map();
const OPTIONS = { autoCrop: true, autoCropMargin: 6, suppressChiralText: true, suppressCIPParity: true, suppressESR: true };

function asImage(svg) {
  return `data:image/svg+xml,${encodeURIComponent(svg)}`;
}

function drawn(smiles, width, height) {
  const key = `${width} ${height} ${smiles}`;
  if (!drawings.has(key)) {
    if (drawings.size > 3000) drawings.clear();
    let image = "";
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
    show(target);
  }
}, { rootMargin: "300px" });

function show(image) {
  const source = drawn(image.alt, image.width, image.height);
  if (source) image.src = source;
}

/** Gives a picture of a molecule; it is drawn when it comes into view. */
export function picture(smiles, width, height) {
  const image = new Image(width, height);
  image.alt = smiles;
  seen.observe(image);
  return image;
}

/** Gives a picture from SVG text that the server drew. */
export function pictureOf(svg, smiles) {
  const image = new Image(320, 240);
  image.alt = smiles;
  image.src = asImage(svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" '));
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
