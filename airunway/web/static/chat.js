// Chat with a model that serves, and the tiles of its metrics.

import { ask, wordsOf } from "./live.js";

let talk = [];

function add(words, kind) {
  const line = document.createElement("li");
  line.className = kind;
  line.textContent = words;
  document.getElementById("talk").append(line);
  return line;
}

/** The words in one line of the stream. */
function wordsIn(line) {
  if (!line.startsWith("data:")) return "";
  const data = line.slice(5).trim();
  if (data === "[DONE]") return "";
  try { return JSON.parse(data).choices?.[0]?.delta?.content ?? ""; } catch { return ""; }
}

async function send(chat, text) {
  if (!document.querySelector("#talk > li")) talk = []; // the page has become another one meanwhile
  const asked = [...talk, { role: "user", content: text }];
  add(text, "me");
  const line = add("…", "model");
  try {
    const answer = await ask(chat.dataset.chat, { body: JSON.stringify({ messages: asked }) }, { "Content-Type": "application/json" });
    if (!answer.ok) { line.textContent = await wordsOf(answer); return; }
    const words = await read(answer, line);
    if (words) talk = [...asked, { role: "assistant", content: words }];
    else line.textContent = "(it answered nothing)";
  } catch {
    line.textContent += " (the answer broke off)";
  }
}

/** Show an answer while it comes. */
async function read(answer, line) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  let words = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return words;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    words += lines.map(wordsIn).join("");
    if (words) line.textContent = words;
  }
}

document.addEventListener("submit", async (event) => {
  const chat = event.target;
  if (chat.id !== "chat") return;
  event.preventDefault();
  const field = document.getElementById("say");
  const button = chat.querySelector("button");
  const text = field.value.trim();
  if (!text) return;
  field.value = "";
  button.disabled = true;
  await send(chat, text);
  button.disabled = false;
  field.focus();
});

const TILES = [
  ["vllm:num_requests_running", "requests running", (value) => value],
  ["vllm:num_requests_waiting", "requests waiting", (value) => value],
  ["vllm:gpu_cache_usage_perc", "of the KV cache in use", (value) => `${Math.round(value * 100)} %`],
  ["vllm:prompt_tokens_total", "prompt tokens", (value) => value],
  ["vllm:generation_tokens_total", "tokens generated", (value) => value],
  ["llamacpp:requests_processing", "requests running", (value) => value],
  ["llamacpp:requests_deferred", "requests waiting", (value) => value],
  ["llamacpp:tokens_predicted_total", "tokens generated", (value) => value],
];

function tile(value, label) {
  const box = document.createElement("div");
  const number = document.createElement("b");
  box.className = "tile";
  number.textContent = value;
  box.append(number, ` ${label}`);
  return box;
}

async function measure(place) {
  const answer = await fetch(place.dataset.metrics).catch(() => null);
  const told = await answer?.json().catch(() => null);
  const sums = new Map();
  for (const metric of told?.metrics ?? []) sums.set(metric.name, (sums.get(metric.name) ?? 0) + Number(metric.value));
  const tiles = TILES.filter(([name]) => sums.has(name)).map(([name, label, show]) => tile(show(sums.get(name)), label));
  const note = document.createElement("p");
  note.className = "note";
  note.textContent = told?.error?.message ?? told?.error ?? told?.message ?? "It tells no metrics that are known here.";
  place.className = tiles.length ? "tiles" : "";
  place.replaceChildren(...(tiles.length ? tiles : [note]));
}

/** The page may have become one with metrics, or one without. */
function measureAgain() {
  const place = document.querySelector("[data-metrics]");
  if (place && !document.hidden) measure(place);
}

measureAgain();
document.addEventListener("reshaped", measureAgain);
setInterval(measureAgain, 15000);
