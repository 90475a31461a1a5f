// The page: measured molecules and a library in, a ranking out.

import { about, example, rank, warm } from "./api.js";
import { drawnSmiles, openEditor } from "./chem.js";
import { $, count, say, worded } from "./dom.js";
import { Results } from "./results.js";
import { Given } from "./tables.js";

const limits = await about();
const results = new Results();
const measured = new Given("measured", limits, changed);
const library = new Given("library", limits, changed);
let running = null;
let isWarm = false;

function known() {
  return measured.molecules().filter((one) => one.used && one.active !== null);
}

/** Lets the button say whether the ranking can begin, and what is missing. */
function changed() {
  if (running) return;
  const support = known();
  const active = support.filter((one) => one.active).length;
  const hasBoth = active > 0 && active < support.length;
  const isReady = hasBoth && library.molecules().length > 0;
  $("rank").disabled = !isReady;
  let missing = "";
  if (support.length && !hasBoth) missing = `All measured molecules are ${active ? "active" : "inactive"}; one of the other kind is needed.`;
  else if (hasBoth && !isReady && !library.source) missing = "Now the library.";
  say($("rank-status"), missing);
  if (hasBoth && !isWarm) {
    isWarm = true;
    warm(true).catch(() => { isWarm = false; });
  }
}

async function start() {
  const support = known();
  const molecules = library.molecules();
  const columns = library.answer?.columns ?? [];
  const question = { model: $("model").value, measured: support.map(({ smiles, active, value = null }) => ({ smiles, active, value })), prevalence: measured.answer?.prevalence ?? null };
  const stop = (running = new AbortController());
  results.begin(question, support, molecules, columns);
  busy(true);
  try {
    await follow(rank({ ...question, molecules: molecules.map((one) => one.smiles) }, stop.signal));
  } catch (error) {
    if (error.name === "AbortError" || stop.signal.aborted) say($("rank-status"), "Cancelled.");
    else say($("rank-status"), worded(error.message), "problem");
  } finally {
    running = null;
    busy(false);
  }
}

async function follow(events) {
  let warnings = [];
  let since = 0;
  for await (const event of events) {
    if (event.event === "waiting") say($("rank-status"), `Waiting for ${count(event.before, "other ranking")} …`);
    if (event.event === "learning") say($("rank-status"), "Learning from your molecules … (the first time takes longest)");
    if (event.event === "learned") {
      ({ warnings } = event);
      since = performance.now();
      say($("rank-status"), `Ranking ${count(event.total, "molecule")} …`);
    }
    if (event.event === "ranked") {
      results.add(event.first, event.molecules);
      $("progress").value = event.done / event.total;
      const left = ((performance.now() - since) / 1000) * (event.total / event.done - 1);
      say($("rank-status"), `${event.done.toLocaleString("en")} of ${count(event.total, "molecule")}${left > 2 ? `, about ${Math.ceil(left)} s left` : ""}`);
    }
    if (event.event === "error") throw new Error(event.message);
    if (event.event === "finished") {
      await results.finish(warnings);
      say($("rank-status"), `Done in ${event.seconds.toFixed(0)} s.`);
      $("results").scrollIntoView({ behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
    }
  }
}

function busy(is) {
  $("rank").disabled = is;
  $("cancel").hidden = $("progress").hidden = !is;
  $("progress").value = 0;
}

$("rank").addEventListener("click", start);
$("cancel").addEventListener("click", () => running?.abort());
$("example").addEventListener("click", async () => {
  const tables = await example();
  await Promise.all([measured.paste(tables.measured), library.paste(tables.library)]);
});
$("draw").addEventListener("click", () => {
  say($("drawing-status"), "");
  $("drawing").showModal();
  openEditor($("editor"));
});
for (const button of $("drawing").querySelectorAll("[data-add]")) {
  button.addEventListener("click", () => {
    const smiles = drawnSmiles();
    if (!smiles) return say($("drawing-status"), "Draw a molecule first.", "problem");
    if (button.dataset.add === "library") library.addDrawn({ smiles });
    else measured.addDrawn({ smiles, active: button.dataset.add === "active" });
    $("drawing").close();
  });
}
for (const button of document.querySelectorAll("dialog .close")) {
  button.addEventListener("click", () => button.closest("dialog").close());
}
if (matchMedia("(max-width: 52rem)").matches) {
  for (const rows of document.querySelectorAll("#measured-rows, #library-rows")) rows.open = false;
}
$("model").replaceChildren(...limits.models.map((name) => new Option(name)));
$("model-choice").hidden = limits.models.length < 2;
document.body.dataset.ready = "yes";
warm(false).catch(() => {}); // what is wrong will be said when it matters
