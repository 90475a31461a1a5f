// Elements of the page.

export const $ = (id) => document.getElementById(id);

/** Makes an element with a class, and text or children; text is never taken for markup. */
export function make(tag, name = "", ...children) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  element.append(...children);
  return element;
}

/** Says something in a status line. */
export function say(element, text, kind = "") {
  element.textContent = text;
  element.classList.toggle("problem", kind === "problem");
  element.classList.toggle("good", kind === "good");
}

/** Fills a list of choices; the first one leaves it to the program. */
export function choices(select, names, chosen = "") {
  select.replaceChildren(new Option("found automatically", ""), ...names.map((name) => new Option(name)));
  select.value = names.includes(chosen) ? chosen : "";
}

/** Waits until nothing has happened for a while. */
export function later(milliseconds, action) {
  let timer;
  return (...given) => {
    clearTimeout(timer);
    timer = setTimeout(() => action(...given), milliseconds);
  };
}

/** Says a number of things: 1 molecule, 2 molecules. */
export function count(n, noun) {
  return `${n.toLocaleString("en")} ${noun}${n === 1 ? "" : "s"}`;
}

// The options of the program, as this page calls them.
const FIELDS = {
  "--smiles-column": "“Structures”", "--label-column": "“Active or inactive”", "--value-column": "“Measured value”",
  "--units": "“Unit”", "--threshold": "“Active from”", "--direction": "“Active values are”", "--assay": "“Assay”",
};

/** Words a refusal for the page. */
export function worded(message) {
  const text = message.replace(/--[a-z-]+/g, (flag) => FIELDS[flag] ?? flag);
  return text.charAt(0).toUpperCase() + text.slice(1);
}
