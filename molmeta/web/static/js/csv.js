// CSV for spreadsheets: cells are quoted, and what would run as a formula is kept from it.

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;

/** Keeps a text from being taken for a formula, by an apostrophe before it. */
export function inert(value) {
  const text = value === null || value === undefined ? "" : String(value);
  return /^\s*[=+\-@\t\r]/.test(text) && !NUMBER.test(text.trim()) ? `'${text}` : text;
}

/** Writes one cell. */
export function cell(value) {
  const text = inert(value);
  return /[",\r\n;\t]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Writes a table with its header. */
export function write(header, rows) {
  return [header, ...rows].map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n";
}

/** Lets the user save a text as a file. */
export function save(text, name, type = "text/csv") {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(type === "text/csv" ? ["\ufeff", text] : [text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
