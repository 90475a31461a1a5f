// A ranking: its table, its search and its filters, as the page and the report have them.

import { TabulatorFull as Tabulator } from "../vendor/tabulator.js";
import { containing, picture, pictureLater } from "./chem.js";
import { $, count, later, make } from "./dom.js";

export const percent = (share) => `${Math.round(100 * share)} %`;
export const className = (active) => (active ? "active" : "inactive");

/** Ranked molecules; `why` is told by those who know. */
export class Ranked {
  /** Listens to the filters, and to others by their ids. */
  constructor(others = []) {
    this.rows = [];
    this.measured = [];
    this.matching = null; // numbers of rows that contain the structure asked for
    this.searches = 0;
    this.table = null;
    const refilter = later(150, () => this.filter());
    for (const id of ["search", "least", "familiar", "new", ...others]) $(id).addEventListener("input", refilter);
    $("least").addEventListener("input", ({ target }) => { $("least-shown").textContent = `${target.value} %`; });
    $("substructure").addEventListener("input", later(350, () => this.searchStructure()));
  }

  /** Makes the table, which may have columns before and behind its own. */
  build(before = [], behind = []) {
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
      columns: [...before, ...columns(this, narrow), ...behind].map((column) => ({ resizable: false, ...column })),
    });
    this.table.on("rowClick", (_, row) => this.why(row.getData()));
    this.table.on("dataFiltered", (_, rows) => this.tell(rows.length));
    return new Promise((resolve) => this.table.on("tableBuilt", resolve));
  }

  /** Draws a row's molecule. */
  picture(row, width, height) {
    return pictureLater(row.smiles, width, height);
  }

  passes(row) {
    const words = $("search").value.trim().toLowerCase();
    return !(($("new").checked && row.measured !== null)
      || ($("familiar").checked && row.in_domain === false)
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
}

/** Lists measured molecules that decide: their name, SMILES, class, similarity and, if known, weight. */
export function reasonList(reasons) {
  return make("ul", "reasons", ...reasons.map((one) => make("li", "",
    picture(one.smiles, 160, 100),
    make("div", "", make("strong", "", one.name), " ", make("span", `tag ${className(one.active)}`, className(one.active))),
    one.weight === null ? "" : make("div", "", `speaks ${one.weight >= 0 ? "for" : "against"}, ${percent(Math.abs(one.weight))} of the decision`),
    make("div", "unused", `similarity ${one.similarity.toFixed(2)}`))));
}

/** Says which colour of an atom means what. */
export function atomKey() {
  return [
    make("p", "", make("span", "key for"), " speaks for active"),
    make("p", "", make("span", "key against"), " speaks against"),
  ];
}

function columns(ranked, narrow) {
  const rank = (cell) => {
    const row = cell.getData();
    if (row.next !== null) return make("span", "tag next", `next ${row.next}`);
    return row.rank === null ? "" : String(row.rank);
  };
  const structure = (cell) => {
    const row = cell.getData();
    if (!narrow) return ranked.picture(row, 150, 86);
    return make("div", "", ranked.picture(row, 150, 70), make("span", "name one", row.name));
  };
  const name = (cell) => {
    const { name: called, smiles, measured: known } = cell.getData();
    const parts = make("div", "", make("span", "name", called), make("span", "smiles", smiles));
    if (known !== null) parts.append(make("span", `tag ${className(known)}`, `measured: ${className(known)}`));
    return parts;
  };
  const chance = (cell) => {
    const fill = make("i");
    fill.style.width = `${100 * cell.getValue()}%`;
    const { p_low: low, p_high: high } = cell.getData();
    const range = low === undefined ? "" : make("span", "note", ` ${Math.round(100 * low)}–${Math.round(100 * high)}`);
    return make("div", "", percent(cell.getValue()), range, make("div", "bar", fill));
  };
  const like = (cell) => {
    const { nearest, similarity } = cell.getData();
    const { name: called, active } = ranked.measured[nearest];
    return make("div", "", make("span", "", `${similarity.toFixed(2)} `), make("span", "note", `${called}, ${className(active)}`));
  };
  const familiar = (cell) => ({ true: "yes", false: "no" })[cell.getValue()] ?? "";
  return [
    { title: "Rank", field: "rank", width: narrow ? 74 : 82, formatter: rank, sorter: "number", sorterParams: { alignEmptyValues: "bottom" }, responsive: 0 },
    { title: "Structure", field: "smiles", ...(narrow ? { minWidth: 150 } : { width: 164 }), formatter: structure, headerSort: false, responsive: 0 },
    { title: "Name", field: "name", minWidth: 150, visible: !narrow, formatter: name, sorter: "alphanum", responsive: narrow ? 3 : 0 },
    { title: "Chance", field: "p_active", width: narrow ? 96 : 130, formatter: chance, sorter: "number", headerSortStartingDir: "desc", responsive: 0 },
    { title: "Most like", field: "similarity", width: 165, formatter: like, sorter: "number", headerSortStartingDir: "desc", responsive: 4 },
    { title: "Familiar", field: "in_domain", width: 104, formatter: familiar, sorter: "boolean", responsive: 5 },
    { title: "Next", field: "next", visible: false, sorter: "number", sorterParams: { alignEmptyValues: "bottom" } },
    { title: "", field: "id", width: 82, formatter: () => { const button = make("button", "quiet why", "Why?"); button.type = "button"; return button; }, headerSort: false, responsive: narrow ? 6 : 1 },
  ];
}
