// The two tables that the user gives: how they come in, and how they were understood.

import { read, Refused } from "./api.js";
import { pictureLater } from "./chem.js";
import { $, choices, count, later, make, say, worded } from "./dom.js";

const SHOWN = 200; // rows
const LONG = 5_000; // characters
const TOO_LONG_TO_SHOW = 500_000;
const NAMES = ["name", "id", "compound", "title", "molecule", "compound_id", "molecule_id", "cas", "code"];

/** One of the two tables: `what` is "measured" or "library". */
export class Given {
  constructor(what, limits, changed) {
    this.what = what;
    this.limits = limits;
    this.changed = changed;
    this.source = null; // { file, name }
    this.answer = null;
    this.drawn = []; // { smiles, active }
    this.form = $(`${what}-form`);
    this.text = $(`${what}-text`);
    this.request = null;
    const readText = later(500, () => this.readText());
    this.text.addEventListener("input", readText);
    this.text.addEventListener("paste", (event) => this.pasteLong(event));
    $(`${what}-file`).addEventListener("change", ({ target }) => {
      if (target.files.length) this.readFile(target.files[0]);
      target.value = "";
    });
    this.form.addEventListener("change", () => this.read());
    this.form.addEventListener("submit", (event) => { event.preventDefault(); this.read(); });
    this.takeDrops($(what));
  }

  takeDrops(card) {
    card.addEventListener("dragover", (event) => { event.preventDefault(); card.classList.add("over"); });
    card.addEventListener("dragleave", () => card.classList.remove("over"));
    card.addEventListener("drop", (event) => {
      event.preventDefault();
      card.classList.remove("over");
      if (event.dataTransfer.files.length) this.readFile(event.dataTransfer.files[0]);
    });
  }

  /** Takes a long paste itself: a browser needs seconds for a thousand lines, and hangs for a million. */
  pasteLong(event) {
    const text = event.clipboardData.getData("text/plain");
    if (text.length < LONG) return;
    event.preventDefault();
    const { value, selectionStart: start, selectionEnd: end } = this.text;
    const all = value.slice(0, start) + text + value.slice(end);
    if (all.length < TOO_LONG_TO_SHOW) {
      this.paste(all);
      return;
    }
    this.text.value = "";
    this.text.placeholder = `${all.split("\n", 4).map((line) => line.slice(0, 80)).join("\n")}\n…`;
    this.take({ file: new Blob([all]), name: this.pastedName });
  }

  get pastedName() {
    return this.what === "measured" ? "pasted molecules.txt" : "pasted library.txt";
  }

  paste(text) {
    this.text.value = text;
    return this.readText();
  }

  readText() {
    const text = this.text.value;
    if (!text.trim()) return this.forget();
    return this.take({ file: new Blob([text]), name: this.pastedName });
  }

  readFile(file) {
    this.text.value = "";
    this.text.placeholder = `${file.name}\n\nPaste here to replace it.`;
    return this.take({ file, name: file.name });
  }

  take(source) {
    this.source = source;
    this.form.reset();
    return this.read();
  }

  forget() {
    this.source = this.answer = null;
    this.request?.abort();
    say($(`${this.what}-status`), "");
    this.show();
  }

  addDrawn(molecule) {
    this.drawn.push(molecule);
    this.show();
  }

  async read() {
    if (!this.source) return;
    this.request?.abort();
    const request = (this.request = new AbortController());
    const status = $(`${this.what}-status`);
    const { file, name } = this.source;
    this.answer = null;
    this.changed();
    if (file.size > this.limits.most_bytes - 10_000) {
      const most = Math.round(this.limits.most_bytes / 1e6);
      say(status, `${name} has ${(file.size / 1e6).toFixed(1)} MB; ${most} MB at most are read here.`, "problem");
      this.show();
      return;
    }
    say(status, "Reading …");
    try {
      this.answer = await read(this.what, file, name, this.columns(), request.signal);
      this.offer(this.answer.columns, []);
      this.show();
    } catch (error) {
      if (error.name === "AbortError") return;
      if (!(error instanceof Refused)) throw error;
      this.offer(error.told.columns ?? [], error.told.assays ?? []);
      this.show();
      say(status, worded(error.message), "problem");
      $(`${this.what}-understood`).hidden = !error.told.columns?.length;
      $(`${this.what}-columns`).open = true;
    }
  }

  /** What the user chose of the columns. */
  columns() {
    const chosen = Object.fromEntries([...new FormData(this.form)].filter(([, value]) => value.trim()));
    if (chosen.threshold && chosen.threshold !== "median") {
      const number = Number(chosen.threshold.replace(",", "."));
      chosen.threshold = Number.isFinite(number) ? number : chosen.threshold;
    }
    return chosen;
  }

  offer(columns, assays) {
    for (const select of this.form.querySelectorAll("select")) {
      if (select.name.endsWith("_column")) choices(select, columns, select.value);
    }
    const assay = this.form.elements.assay;
    if (assay && assays.length > 1) choices(assay, assays, assay.value);
    if (assay) assay.parentElement.hidden = assay.options.length < 3;
  }

  show() {
    const { answer, what } = this;
    $(`${what}-understood`).hidden = !answer && !this.drawn.length;
    $(`${what}-columns`).hidden = !this.source || Boolean(answer?.learnt_by);
    if (what === "measured") {
      $("measured-notes").replaceChildren(...(answer?.notes ?? []).map((note) => make("li", "", sentence(note))));
    }
    const rows = this.molecules();
    const body = $(`${what}-rows`).querySelector("tbody");
    body.replaceChildren(...rows.slice(0, SHOWN).map((row) => this.row(row)));
    if (rows.length > SHOWN) {
      const cell = make("td", "unused", `and ${count(rows.length - SHOWN, "more row")}`);
      cell.colSpan = this.what === "measured" ? 3 : 2;
      body.append(make("tr", "", cell));
    }
    $(`${what}-rows`).hidden = !rows.length;
    if (answer || this.drawn.length) say($(`${what}-status`), this.summary(rows), "good");
    this.changed();
  }

  /** All rows: { smiles, name, cells, active, used, reason }. */
  molecules() {
    const { answer } = this;
    const at = answer ? nameColumn(answer) : -1;
    const smiles = answer?.smiles ?? answer?.molecules.map((one) => one.smiles) ?? [];
    const rows = smiles.map((one, i) => ({
      active: null, used: true, reason: "", ...answer.molecules?.[i],
      smiles: one, name: (at >= 0 && answer.rows[i][at]) || `row ${i + 1}`, cells: answer.rows[i],
    }));
    const drawn = this.drawn.map((one, i) => ({
      active: null, used: true, reason: "", ...one, name: `drawn ${i + 1}`, cells: (answer?.columns ?? []).map(() => ""),
    }));
    return [...rows, ...drawn];
  }

  row(one) {
    const cells = [make("td", "", pictureLater(one.smiles, 96, 60)), make("td", "", one.name)];
    if (this.what === "measured") {
      const read = one.used
        ? make("span", `tag ${one.active ? "active" : "inactive"}`, one.active ? "active" : "inactive")
        : make("span", "unused", `not used: ${one.reason || "no value"}`);
      const at = (this.answer?.columns ?? []).indexOf(this.valueColumn());
      const value = make("span", "value", at >= 0 ? one.cells[at] : "");
      cells.push(make("td", "", value, read));
    }
    return make("tr", "", ...cells);
  }

  /** The column that the notes say the values are from. */
  valueColumn() {
    return /values from '(.+?)'(?: in |,|$)/.exec((this.answer?.notes ?? []).join("\n"))?.[1];
  }

  summary(rows) {
    const used = rows.filter((one) => one.used);
    if (this.what === "library") return `${count(rows.length, "molecule")} to rank`;
    const active = used.filter((one) => one.active).length;
    const left = rows.length - used.length;
    return `${count(used.length, "molecule")}: ${active} active, ${used.length - active} inactive`
      + (left ? `; ${count(left, "row")} not used` : "");
  }
}

/** The column that names molecules: of a known name, else the first that is not the structures. */
export function nameColumn({ columns, smiles_column: smiles, rows, molecules }) {
  const lower = columns.map((name) => name.trim().toLowerCase());
  const known = NAMES.map((name) => lower.indexOf(name)).find((at) => at >= 0);
  if (known !== undefined) return known;
  return columns.findIndex((name, i) => name !== smiles && rows[0]?.[i] !== molecules?.[0]?.smiles
    && rows.some((row) => /[a-z]/i.test(row[i])));
}

function sentence(note) {
  return note.charAt(0).toUpperCase() + note.slice(1);
}
