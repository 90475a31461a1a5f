// The report: the ranking that its file holds, to sort, search, filter, explain, export and print.

import { picture, pictureOf } from "./chem.js";
import { save, write } from "./csv.js";
import { $, count, make, say } from "./dom.js";
import { Ranked, atomKey, className, percent, reasonList } from "./ranked.js";
import { record } from "./sdf.js";

const MOST_PRINTED = 100;
const MOST_GROUPS = 100;
const PROPERTIES = { mw: "Molecular weight", clogp: "cLogP", tpsa: "Polar surface (Å²)" };
const FIGURES = [
  "p_active", "p_low", "p_high", "score", "predicted_value", "predicted_lower", "predicted_upper",
  "nearest_similarity", "in_domain", "already_measured", "measured_value", "mw", "clogp", "tpsa", "alerts", "scaffold_group",
];

const shown = (value, digits) => (value === null ? "" : value.toFixed(digits));
const chance = (row) => `${percent(row.p_active)} (${Math.round(100 * row.p_low)}–${Math.round(100 * row.p_high)} %)`;
const predicted = (row) => `${shown(row.value, 2)} (${shown(row.value_low, 2)} to ${shown(row.value_high, 2)})`;

/** The ranking of the file. */
class Report extends Ranked {
  constructor(held) {
    super([...Object.keys(PROPERTIES).map((name) => `most-${name}`), "no-alerts", "certain", "group", "one-each"]);
    this.held = held;
    this.measured = held.measured;
    this.rows = held.rows.map((row, id) => ({ ...row, id, next: null }));
    this.chosen = new Set();
    const met = new Set();
    for (const row of this.rows) {
      row.leads = row.group === null || !met.has(row.group); // the best of its scaffold group
      met.add(row.group);
    }
    $("copy").addEventListener("click", () => this.copy(this.taken().map((row) => row.smiles)));
    $("csv").addEventListener("click", () => this.saveCsv());
    $("sdf").addEventListener("click", () => this.saveSdf());
    $("unchoose").addEventListener("click", () => { this.chosen.clear(); this.table.redraw(true); this.tellTaken(); });
    $("group").addEventListener("input", () => this.showGroup());
    addEventListener("beforeprint", () => this.print());
  }

  async open() {
    this.offer();
    const value = this.rows.some((row) => row.value !== null);
    const number = (title, field, digits, width, responsive, more = {}) => ({
      title, field, width, formatter: (cell) => shown(cell.getValue(), digits), sorter: "number", responsive, ...more,
    });
    const narrow = matchMedia("(max-width: 52rem)").matches;
    const values = number("Value", "value", 2, 96, narrow ? 7 : 0, { headerSortStartingDir: "desc", formatter: valueCell });
    await this.build(
      [{ title: "", field: "chosen", width: 44, headerSort: false, responsive: narrow ? 8 : 0, formatter: (cell) => this.tick(cell.getData()) }],
      [...(value ? [values] : []), number("MW", "mw", 0, 66, 7), number("cLogP", "clogp", 1, 80, 8), number("TPSA", "tpsa", 0, 74, 9), number("Group", "group", 0, 80, 10)],
    );
    this.filter();
    document.body.dataset.ready = "yes";
  }

  /** Draws a row's molecule, its atoms coloured where they are known: what comes first is there at once. */
  picture(row, width, height) {
    const drawing = this.held.drawings[row.id];
    return drawing ? pictureOf(drawing, row.smiles, width, height) : super.picture(row, width, height);
  }

  /** Shows the filters for which the rows have something to filter. */
  offer() {
    const has = (name) => this.rows.some((row) => row[name] !== null && row[name] !== undefined);
    for (const name of Object.keys(PROPERTIES)) $(`most-${name}`).parentElement.hidden = !has(name);
    $("no-alerts").parentElement.hidden = !has("alerts");
    $("certain").parentElement.hidden = !has("possible");
    $("familiar").parentElement.hidden = !has("in_domain");
    $("new").parentElement.hidden = !has("measured");
    const sizes = new Map();
    for (const { group } of this.rows) if (group !== null) sizes.set(group, (sizes.get(group) ?? 0) + 1);
    const several = [...sizes].filter(([, n]) => n > 1).slice(0, MOST_GROUPS);
    $("group").append(...several.map(([group, n]) => new Option(`Group ${group}: ${count(n, "molecule")}`, group)));
  }

  passes(row) {
    const above = (name) => {
      const most = $(`most-${name}`).value;
      return most !== "" && row[name] !== null && row[name] > Number(most);
    };
    return super.passes(row) && !(Object.keys(PROPERTIES).some(above)
      || ($("no-alerts").checked && row.alerts)
      || ($("certain").checked && row.possible !== "active")
      || ($("one-each").checked && !row.leads)
      || ($("group").value && row.group !== Number($("group").value)));
  }

  showGroup() {
    const core = this.held.groups[Number($("group").value) - 1];
    $("core").replaceChildren(...(core ? [picture(core, 150, 86)] : []));
  }

  tick(row) {
    const box = make("input");
    box.type = "checkbox";
    box.checked = this.chosen.has(row.id);
    box.ariaLabel = `Choose ${row.name}`;
    box.addEventListener("input", () => {
      if (box.checked) this.chosen.add(row.id); else this.chosen.delete(row.id);
      this.tellTaken();
    });
    const label = make("label", "choose", box);
    label.addEventListener("click", (event) => event.stopPropagation());
    return label;
  }

  tell(n) {
    super.tell(n);
    this.tellTaken();
  }

  /** Gives the rows that are copied and downloaded: the chosen ones, else all that are shown. */
  taken() {
    const rows = this.table.getRows("active").map((row) => row.getData());
    return this.chosen.size ? rows.filter((row) => this.chosen.has(row.id)) : rows;
  }

  tellTaken() {
    const n = this.chosen.size ? this.taken().length : 0;
    $("unchoose").hidden = !this.chosen.size;
    say($("taken"), this.chosen.size ? `The ${count(n, "chosen molecule")} shown:` : "All shown:");
  }

  async copy(smiles) {
    const text = smiles.join("\n");
    try {
      await navigator.clipboard.writeText(text);
    } catch { // an older browser, or one that does not trust a file
      const area = make("textarea");
      area.value = text;
      ($("why").open ? $("why") : document.body).append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
    say($("taken"), `${smiles.length.toLocaleString("en")} SMILES copied.`);
  }

  header() {
    return [...FIGURES, ...this.held.columns];
  }

  figures(row) {
    return [
      row.p_active, row.p_low, row.p_high, row.score, row.value, row.value_low, row.value_high,
      row.similarity, row.in_domain, row.measured === null ? "" : className(row.measured), row.known_value,
      row.mw, row.clogp, row.tpsa, row.alerts, row.group, ...row.cells,
    ];
  }

  saveCsv() {
    const rows = this.taken().map((row) => [row.rank, row.name, row.smiles, this.measured[row.nearest].name, ...this.figures(row)]);
    save(write(["rank", "name", "smiles", "nearest_measured", ...this.header()], rows), "selection.csv");
  }

  saveSdf() {
    const header = ["rank", "smiles", "nearest_measured", ...this.header()];
    const records = this.taken().map((row) => record(row.smiles, row.name, header,
      [row.rank, row.smiles, this.measured[row.nearest].name, ...this.figures(row)]));
    save(records.join(""), "selection.sdf", "chemical/x-mdl-sdfile");
  }

  why(row) {
    const words = make("div", "", make("p", "", `Chance of being active: ${chance(row)}`));
    if (row.value !== null) words.append(make("p", "", `Predicted value: ${predicted(row)}`));
    if (row.measured !== null) words.append(make("p", "", `Measured: ${className(row.measured)} ${shown(row.known_value, 2)}`));
    const drawing = this.held.drawings[row.id];
    if (drawing) words.append(...atomKey());
    if (row.in_domain === false) words.append(make("p", "", "The model has seen little chemistry like this: trust it less."));
    const facts = Object.entries(PROPERTIES).filter(([name]) => row[name] !== null).map(([name, title]) => `${title} ${row[name]}`);
    if (facts.length) words.append(make("p", "", facts.join(" · ")));
    if (row.alerts) words.append(make("p", "", `Alerts: ${row.alerts}`));
    if (row.possible) words.append(make("p", "", `Possible classes: ${row.possible}`));
    const own = row.cells.map((text, i) => (text ? make("p", "unused", `${this.held.columns[i]}: ${text}`) : ""));
    const button = make("button", "quiet", "Copy SMILES");
    button.type = "button";
    button.addEventListener("click", () => this.copy([row.smiles]));
    words.append(...own, make("p", "unused", row.smiles), button);
    const reasons = row.reasons.map(([at, weight, similarity]) => ({ ...this.measured[at], weight, similarity }));
    const title = this.held.weighs ? "The measured molecules that decide" : "The measured molecules most like it";
    $("why-title").textContent = row.name;
    $("why-body").replaceChildren(
      make("div", "big", drawing ? pictureOf(drawing, row.smiles) : picture(row.smiles, 320, 240), words),
      make("h3", "", title),
      reasonList(reasons),
    );
    $("why").showModal();
  }

  printed(row) {
    const drawing = this.held.drawings[row.id];
    return drawing ? pictureOf(drawing, row.smiles, 132, 92) : picture(row.smiles, 132, 92);
  }

  /** Lays out for paper what the table shows now, in its order. */
  print() {
    const rows = this.table.getRows("active").map((row) => row.getData());
    const value = rows.some((row) => row.value !== null);
    const head = ["Rank", "Structure", "Name", "Chance", ...(value ? ["Value"] : []), "Most like", "Familiar"];
    const cells = (row) => [
      row.rank ?? "measured", this.printed(row), make("div", "", make("strong", "", row.name), make("div", "unused", row.smiles)), chance(row),
      ...(value ? [row.value === null ? "" : predicted(row)] : []),
      `${this.measured[row.nearest].name} (${row.similarity.toFixed(2)})`, { true: "yes", false: "no" }[row.in_domain] ?? "",
    ];
    const some = rows.slice(0, MOST_PRINTED);
    $("paper").replaceChildren(
      make("p", "caption", some.length < rows.length ? `The first ${some.length} of ${count(rows.length, "molecule")} shown on the screen.` : count(rows.length, "molecule")),
      make("table", "", make("thead", "", make("tr", "", ...head.map((text) => make("th", "", text)))),
        make("tbody", "", ...some.map((row) => make("tr", "", ...cells(row).map((one, i) => make("td", head[i] === "Value" ? "value" : "", one)))))),
    );
  }
}

function valueCell(cell) {
  const row = cell.getData();
  if (row.value === null) return "";
  return make("div", "", shown(row.value, 2), make("div", "note", `${shown(row.value_low, 1)}–${shown(row.value_high, 1)}`));
}

for (const button of document.querySelectorAll("dialog .close")) {
  button.addEventListener("click", () => button.closest("dialog").close());
}
new Report(JSON.parse($("held").textContent)).open();
