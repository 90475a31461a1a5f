// SDF for chemistry programs: a molecule a record, its figures as properties.

import { molfile } from "./chem.js";
import { inert } from "./csv.js";

/** Writes a value on one line that neither runs as a formula nor ends the record. */
function line(value) {
  const text = inert(String(value ?? "").replace(/\s+/g, " ").trim());
  return /^(>|\$\$\$\$)/.test(text) ? `'${text}` : text;
}

/** Writes a record; values that are blank are left out. */
export function record(smiles, name, header, values) {
  const [, ...structure] = molfile(smiles).trimEnd().split("\n");
  const lines = [line(name).slice(0, 80), ...structure];
  header.forEach((key, i) => {
    const text = line(values[i]);
    if (text) lines.push(`>  <${key.replace(/[<>\s]+/g, " ").trim() || "_"}>`, text, "");
  });
  return [...lines, "$$$$", ""].join("\n");
}
