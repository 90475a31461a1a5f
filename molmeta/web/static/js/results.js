// The ranking: its table, filters, export, and the next batch.

import { TabulatorFull as Tabulator } from "../vendor/tabulator.js";
import { explain, suggest } from "./api.js";
import { containing, picture, pictureOf } from "./chem.js";
import { save, write } from "./csv.js";
import { $, count, later, make, say, worded } from "./dom.js";

const MOST_CANDIDATES = 2000;
const ADDED = ["p_active", "score", "status", "reason", "nearest_support", "nearest_similarity", "in_domain", "already_measured", "next"];

const percent = (share) => `${Math.round(100 * share)} %`;
const className = (active) => (active ? "active" : "inactive");

/** The ranking of one library. */
export class Results {
  constructor() {
    this.rows = [];
    this.unread = [];
    this.matching = null; // numbers of rows that contain the structure asked for
    this.searches = 0;
    this.table = null;
    const refilter = later(150, () => this.filter());
    for (const id of ["search", "least", "familiar", "new", "batch-only"]) $(id).addEventListener("input", refilter);
    $("least").addEventListener("input", ({ target }) => { $("least-shown").textContent = `${target.value} %`; });
    $("substructure").addEventListener("input", later(350, () => this.searchStructure()));
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

  build() {
    const narrow = matchMedia("(max-width: 52rem)").matches;
    this.table = new Tabulator("#table", {
      data: this.rows,
      height: Math.min(640, 46 + 96 * Math.max(2, this.rows.length)),
      rowHeight: 96,
      layout: "fitColumns",
      responsiveLayout: "hide",
      selectableRows: false,
      headerSortElement: (column, direction) => (direction === "none" ? "" : direction === "asc" ? "▲" : "▼"),
      placeholder: "No molecule passes the filters.",
      columns: columns(this, narrow),
    });
    this.table.on("rowClick", (_, row) => this.why(row.getData()));
    this.table.on("dataFiltered", (_, rows) => this.tell(rows.length));
    return new Promise((resolve) => this.table.on("tableBuilt", resolve));
  }

  passes(row) {
    const words = $("search").value.trim().toLowerCase();
    return !(($("new").checked && row.measured !== null)
      || ($("familiar").checked && row.in_domain === false)
      || ($("batch-only").checked && row.next === null)
      || 100 * row.p_active < Number($("least").value)
      || (this.matching && !this.matching.has(row.id))
      || (words && ![row.name, row.smiles, ...row.cells].some((text) => text.toLowerCase().includes(words))));
  }

  filter() {
    if (this.table) this.table.setFilter((row) => this.passes(row));
  }

  tell(n) {
    const all = this.rows.length;
    $("count").textContent = n === all ? `${count(n, "molecule")}` : `${n.toLocaleString("en")} of ${count(all, "molecule")}`;
  }

  async searchStructure() {
    const pattern = $("substructure").value.trim();
    const search = (this.searches += 1);
    const isStale = () => search !== this.searches;
    $("filter-problem").hidden = true;
    this.matching = null;
    if (pattern) {
      try {
        const found = await containing(pattern, this.rows.map((row) => row.smiles), isStale);
        if (found === null) return;
        const ids = this.rows.map((row) => row.id);
        this.matching = new Set([...found].map((at) => ids[at]));
      } catch {
        $("filter-problem").hidden = false;
        $("filter-problem").textContent = `“${pattern}” is no structure: write it as SMILES.`;
      }
    }
    this.filter();
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
    if (found.is_shaded) {
      words.append(
        make("p", "", make("span", "key for"), " speaks for active"),
        make("p", "", make("span", "key against"), " speaks against"),
      );
    }
    if (row.in_domain === false) words.append(make("p", "", "The model has seen little chemistry like this: trust it less."));
    words.append(make("p", "unused", row.smiles));
    const named = new Map(this.measured.map((one) => [one.smiles, one.name]));
    const reasons = found.reasons.map((one) => make("li", "",
      picture(one.smiles, 160, 100),
      make("div", "", make("strong", "", named.get(one.smiles) ?? ""), " ", make("span", `tag ${className(one.active)}`, className(one.active))),
      make("div", "", `speaks ${one.weight >= 0 ? "for" : "against"}, ${percent(Math.abs(one.weight))} of the decision`),
      make("div", "unused", `similarity ${one.similarity.toFixed(2)}`)));
    return [
      make("div", "big", pictureOf(found.drawing, row.smiles), words),
      make("h3", "", "The measured molecules that decide"),
      make("ul", "reasons", ...reasons),
    ];
  }
}

function plain(warning) {
  const text = worded(warning.replace(/leave-one-out ranks/g, "predicting each of your molecules from the others ranks them"));
  return text.endsWith(".") ? text : `${text}.`;
}

function columns(results, narrow) {
  const rank = (cell) => {
    const row = cell.getData();
    if (row.next !== null) return make("span", "tag next", `next ${row.next}`);
    return row.rank === null ? "" : String(row.rank);
  };
  const structure = (cell) => {
    if (!narrow) return picture(cell.getValue(), 150, 86);
    return make("div", "", picture(cell.getValue(), 150, 70), make("span", "name one", cell.getData().name));
  };
  const name = (cell) => {
    const { name: called, smiles, measured } = cell.getData();
    const parts = make("div", "", make("span", "name", called), make("span", "smiles", smiles));
    if (measured !== null) parts.append(make("span", `tag ${className(measured)}`, `measured: ${className(measured)}`));
    return parts;
  };
  const chance = (cell) => {
    const fill = make("i");
    fill.style.width = `${100 * cell.getValue()}%`;
    return make("div", "", percent(cell.getValue()), make("div", "bar", fill));
  };
  const like = (cell) => {
    const { nearest, similarity } = cell.getData();
    const { name: called, active } = results.measured[nearest];
    return make("div", "", make("span", "", `${similarity.toFixed(2)} `), make("span", "note", `${called}, ${className(active)}`));
  };
  const familiar = (cell) => ({ true: "yes", false: "no" })[cell.getValue()] ?? "";
  const every = [
    { title: "Rank", field: "rank", width: narrow ? 74 : 88, formatter: rank, sorter: "number", sorterParams: { alignEmptyValues: "bottom" }, responsive: 0 },
    { title: "Structure", field: "smiles", ...(narrow ? { minWidth: 150 } : { width: 176 }), formatter: structure, headerSort: false, responsive: 0 },
    { title: "Name", field: "name", minWidth: 160, visible: !narrow, formatter: name, sorter: "alphanum", responsive: narrow ? 3 : 0 },
    { title: "Chance", field: "p_active", width: narrow ? 96 : 130, formatter: chance, sorter: "number", headerSortStartingDir: "desc", responsive: 0 },
    { title: "Most like", field: "similarity", width: 190, formatter: like, sorter: "number", headerSortStartingDir: "desc", responsive: 4 },
    { title: "Familiar", field: "in_domain", width: 110, formatter: familiar, sorter: "boolean", responsive: 5 },
    { title: "Next", field: "next", visible: false, sorter: "number", sorterParams: { alignEmptyValues: "bottom" } },
    { title: "", field: "id", width: 84, formatter: () => { const button = make("button", "quiet why", "Why?"); button.type = "button"; return button; }, headerSort: false, responsive: narrow ? 6 : 1 },
  ];
  return every.map((column) => ({ resizable: false, ...column }));
}
