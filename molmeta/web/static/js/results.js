// The ranking of a library, with its export and the next batch.

import { explain, suggest } from "./api.js";
import { pictureOf } from "./chem.js";
import { save, write } from "./csv.js";
import { $, count, make, say, worded } from "./dom.js";
import { Ranked, atomKey, className, percent, reasonList } from "./ranked.js";

const MOST_CANDIDATES = 2000;
const ADDED = ["p_active", "score", "status", "reason", "nearest_support", "nearest_similarity", "in_domain", "already_measured", "next"];

/** The ranking of one library. */
export class Results extends Ranked {
  constructor() {
    super(["batch-only"]);
    this.unread = [];
    $("download").addEventListener("click", () => this.download());
    $("batch").addEventListener("submit", (event) => { event.preventDefault(); this.nextBatch(); });
  }

  /** Begins a ranking: what is known, and the rows to be ranked. */
  begin(question, measured, library, columns) {
    Object.assign(this, { question, measured, library, columns, rows: [], unread: [], matching: null });
    this.table?.destroy();
    this.table = null;
    $("results").hidden = true;
    for (const id of ["search", "substructure"]) $(id).value = "";
    $("batch-only").checked = false;
    $("batch-only-choice").hidden = $("filter-problem").hidden = true;
  }

  /** Takes ranked molecules as they come. */
  add(first, molecules) {
    molecules.forEach((one, i) => {
      const given = this.library[first + i];
      const row = { ...one, id: first + i, smiles: given.smiles, name: given.name, cells: given.cells, next: null };
      if (one.reason) this.unread.push(row);
      else this.rows.push(row);
    });
  }

  /** Shows all of them, the likeliest first. */
  async finish(warnings) {
    this.rows.sort((one, other) => other.score - one.score);
    let rank = 0;
    for (const row of this.rows) row.rank = row.measured === null ? (rank += 1) : null;
    $("results").hidden = false;
    const likely = this.rows.filter((row) => row.measured === null && row.p_active >= 0.5).length;
    $("summary").textContent = `${count(rank, "new molecule")} ranked by ${count(this.measured.length, "measured one")}; `
      + `${likely.toLocaleString("en")} of them more likely active than not.`;
    $("warnings").replaceChildren(...warnings.map((text) => make("p", "warning", plain(text))));
    this.showUnread();
    await this.build();
    this.filter();
  }

  showUnread() {
    $("unread").hidden = !this.unread.length;
    $("unread").querySelector("summary").textContent = `${count(this.unread.length, "row")} could not be read`;
    const lines = this.unread.slice(0, 100).map((row) => make("li", "", `${row.name}: ${row.reason}`));
    $("unread").querySelector("ul").replaceChildren(...lines);
  }

  passes(row) {
    return super.passes(row) && !($("batch-only").checked && row.next === null);
  }

  async nextBatch() {
    const candidates = this.rows.filter((row) => row.measured === null && this.passes({ ...row, next: 0 }));
    const strategy = $("strategy").value;
    const order = strategy === "uncertain" ? (row) => Math.abs(row.score) : (row) => -row.score;
    const some = [...candidates].sort((one, other) => order(one) - order(other)).slice(0, MOST_CANDIDATES);
    if (!some.length) return;
    const content = { molecules: some.map(({ smiles, score }) => ({ smiles, score })), n: Number($("batch-size").value), strategy };
    const button = $("batch").querySelector("button");
    button.disabled = true;
    $("count").textContent = "Choosing …";
    try {
      const { positions } = await suggest(content);
      for (const row of this.rows) row.next = null;
      positions.forEach((at, i) => { some[at].next = i + 1; });
      $("batch-only-choice").hidden = false;
      $("batch-only").checked = true;
      await this.table.replaceData(this.rows);
      this.table.setSort("next", "asc");
      this.filter();
    } catch (error) {
      say($("count"), worded(error.message), "problem");
    } finally {
      button.disabled = false;
    }
  }

  download() {
    const shown = this.table.getRows("active").map((row) => row.getData());
    const rows = shown.length === this.rows.filter((row) => row.measured === null || !$("new").checked).length
      ? [...shown, ...this.unread] : shown;
    const own = this.columns.map((name) => (name === "rank" || ADDED.includes(name) ? `${name} (yours)` : name));
    const text = write(["rank", ...own, ...ADDED], rows.map((row) => [row.rank, ...row.cells, ...this.added(row)]));
    save(text, "ranked.csv");
  }

  added(row) {
    if (row.reason) return [null, null, "rejected", row.reason, null, null, null, null, null];
    return [
      row.p_active, row.score, "ok", "", this.measured[row.nearest].smiles, row.similarity, row.in_domain,
      row.measured === null ? "" : className(row.measured), row.next,
    ];
  }

  async why(row) {
    const body = $("why-body");
    $("why-title").textContent = row.name;
    body.replaceChildren(make("p", "status", "Looking …"));
    if (!$("why").open) $("why").showModal();
    const asked = (this.asked = row.id);
    try {
      const found = await explain({ ...this.question, smiles: row.smiles });
      if (asked === this.asked) body.replaceChildren(...this.explained(row, found));
    } catch (error) {
      if (asked === this.asked) body.replaceChildren(make("p", "problem", worded(error.message)));
    }
  }

  explained(row, found) {
    const words = make("div", "", make("p", "", `Chance of being active: ${percent(row.p_active)}`));
    if (found.is_shaded) words.append(...atomKey());
    if (row.in_domain === false) words.append(make("p", "", "The model has seen little chemistry like this: trust it less."));
    words.append(make("p", "unused", row.smiles));
    const named = new Map(this.measured.map((one) => [one.smiles, one.name]));
    const reasons = found.reasons.map((one) => ({ ...one, name: named.get(one.smiles) ?? "" }));
    return [
      make("div", "big", pictureOf(found.drawing, row.smiles), words),
      make("h3", "", "The measured molecules that decide"),
      reasonList(reasons),
    ];
  }
}

function plain(warning) {
  const text = worded(warning.replace(/leave-one-out ranks/g, "predicting each of your molecules from the others ranks them"));
  return text.endsWith(".") ? text : `${text}.`;
}
