// Requests to this page's own server: one function an endpoint.

const TOKEN = document.querySelector('meta[name="token"]').content;

/** What the server refuses, with what it said. */
export class Refused extends Error {
  constructor(told, status) {
    super(told.message ?? `the server answered ${status}`);
    this.told = told;
    this.status = status;
  }
}

async function ask(path, options = {}) {
  let answer;
  try {
    answer = await fetch(`api/v1/${path}`, {
      ...options,
      headers: { "X-Molmeta-Token": TOKEN, ...options.headers },
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused({ message: "molmeta does not answer. Is it still running?" }, 0);
  }
  if (!answer.ok) throw new Refused(await answer.json().catch(() => ({})), answer.status);
  return answer;
}

function json(content, signal) {
  const headers = { "Content-Type": "application/json" };
  return { method: "POST", headers, body: JSON.stringify(content), signal };
}

export const about = async () => (await ask("about")).json();
export const example = async () => (await ask("example")).json();
export const warm = async (model) => ask(`warm?model=${model}`, { method: "POST", body: "" });
export const explain = async (content, signal) => (await ask("explain", json(content, signal))).json();
export const suggest = async (content) => (await ask("suggest", json(content))).json();

/** Reads a table: `what` is "measured" or "library". */
export async function read(what, file, name, columns, signal) {
  const body = new FormData();
  body.append("file", file, name);
  body.append("columns", JSON.stringify(columns));
  return (await ask(what, { method: "POST", body, signal })).json();
}

/** Gives the events of a ranking as they come; aborting the signal cancels it. */
export async function* rank(content, signal) {
  const answer = await ask("rank", json(content, signal));
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    for (const line of lines) yield JSON.parse(line);
  }
}
