// The live plan: what is typed is planned by the server a moment later; fields and text follow each other.

import { headers, say } from "./live.js";

const form = document.getElementById("deploy");
const plan = document.getElementById("plan");
const mark = Math.random().toString(36).slice(2); // which page this is: of what is typed on it only the last is planned
const PAUSE = 150; // milliseconds without a letter
let timer = 0;
let asked = 0;
let leaving = new AbortController(); // ends the request that is outdated by the next letter

async function planAgain(edited) {
  const mine = ++asked;
  leaving.abort();
  leaving = new AbortController();
  plan.classList.add("busy");
  const body = new URLSearchParams(new FormData(form));
  body.set("edited", edited);
  body.set("page", mark);
  body.set("editing", form.dataset.editing);
  try {
    const answer = await fetch("/deploy/plan", {
      method: "POST", body, headers: headers({ Accept: "application/json" }), signal: leaving.signal,
    });
    if (mine !== asked) return; // something else was typed meanwhile
    const told = await answer.json();
    if (!answer.ok) { say(told.message ?? told.error?.message ?? "It could not be planned."); return; }
    plan.replaceChildren(...new DOMParser().parseFromString(told.html, "text/html").body.childNodes);
    may(told.whyNot);
    if (edited === "fields") form.elements.yaml.value = told.yaml;
    else if (told.fields) fill(told.fields);
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

form.addEventListener("input", (event) => {
  clearTimeout(timer);
  const edited = event.target.name === "yaml" ? "yaml" : "fields";
  timer = setTimeout(() => planAgain(edited), PAUSE);
});
