// The live plan: what is typed is planned by the server a moment later; fields and text follow each other.

import { ask, say, wordsOf } from "./live.js";

const form = document.getElementById("deploy");
const plan = document.getElementById("plan");
const mark = Math.random().toString(36).slice(2); // which page this is: of what is typed on it only the last is planned
const PAUSE = 150; // milliseconds without a letter
const JSON_PLEASE = { Accept: "application/json" };
let timer = 0;
let asked = 0;
let typed = "yaml"; // which side was typed on since the other one followed
let letters = 0;
let leaving = new AbortController(); // ends the request that is outdated by the next letter

function filled(more) {
  const body = new URLSearchParams(new FormData(form));
  for (const [name, value] of Object.entries({ edited: typed, ...more })) body.set(name, value);
  return body;
}

async function planAgain() {
  const [mine, edited, seen] = [++asked, typed, letters];
  clearTimeout(timer);
  leaving.abort();
  leaving = new AbortController();
  plan.classList.add("busy");
  const body = filled({ page: mark, editing: form.dataset.editing });
  try {
    const answer = await ask("/deploy/plan", { body, signal: leaving.signal }, JSON_PLEASE);
    if (mine !== asked) return; // something else was typed meanwhile
    if (!answer.ok) { say(await wordsOf(answer)); return; }
    const told = await answer.json();
    if (seen !== letters) return;
    plan.replaceChildren(...new DOMParser().parseFromString(told.html, "text/html").body.childNodes);
    may(told.whyNot);
    if (edited === "fields") form.elements.yaml.value = told.yaml;
    else if (told.fields) fill(told.fields);
    typed = "yaml"; // it has everything now
  } catch {
    if (mine === asked) say("The server does not answer; the plan is an old one.");
  } finally {
    if (mine === asked) plan.classList.remove("busy");
  }
}

/** Another namespace may be one where it can be created, or where not; and what cannot be read can be nowhere. */
function may(whyNot) {
  document.getElementById("why-not").textContent = whyNot;
  form.querySelector("button.main").disabled = whyNot !== "";
}

function fill(fields) {
  for (const [name, value] of Object.entries(fields)) {
    const field = form.elements[name];
    if (!field || field === document.activeElement) continue;
    if (field.tagName === "SELECT" && ![...field.options].some((option) => option.value === value)) field.add(new Option(value, value));
    field.value = value;
  }
}

/** Create or save; a refusal stays on the page, with everything that was typed. */
async function send(button) {
  button.disabled = true;
  const refusal = document.getElementById("refusal");
  try {
    const answer = await ask(form.getAttribute("action"), { body: filled({ action: button.value }) }, JSON_PLEASE);
    if (answer.ok) { location.assign((await answer.json()).location); return; }
    refusal.querySelector("span").textContent = await wordsOf(answer);
    refusal.hidden = false;
    refusal.scrollIntoView();
  } catch {
    say("The server does not answer; nothing is known of what became of it.");
  }
  button.disabled = false;
}

form.addEventListener("input", (event) => {
  clearTimeout(timer);
  letters += 1;
  typed = event.target.name === "yaml" ? "yaml" : "fields";
  timer = setTimeout(planAgain, PAUSE);
});

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (event.submitter?.classList.contains("main")) send(event.submitter);
  else planAgain();
});
