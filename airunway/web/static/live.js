// What makes a page live: it is fetched again when the server says that something changed, and the parts that
// differ are put into place. Buttons answer without leaving the page. Without this file everything works too.

const page = document.getElementById("page");
const said = document.getElementById("said");
const outdated = document.getElementById("outdated");
const MINUTE = 60000; // ages grow, and an outage of the cluster is no change of anything
const AGAIN = 5000; // until a stream that the server refused is asked for again
let saidTimer = 0;
let asOf = new Date();
const known = new WeakMap(); // what the server gave for a part the last time

/** Say something to whoever reads or listens. */
export function say(text) {
  said.textContent = text;
  clearTimeout(saidTimer);
  saidTimer = setTimeout(() => { said.textContent = ""; }, 12000);
}

const parsed = (text) => new DOMParser().parseFromString(text, "text/html");
const formToken = (of) => of.querySelector('meta[name="csrf-token"]');
const userOf = (of) => of.getElementById("user")?.textContent;

function headers(more) {
  const token = formToken(document);
  return { ...more, ...(token ? { "X-CSRF-Token": token.content } : {}) };
}

/** Whether the same person has signed in anew meanwhile, in another tab: then the new session is this page's. */
async function isRenewed() {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" }, redirect: "manual" });
  if (!answer.ok) return false;
  const fresh = parsed(await answer.text());
  const [mine, theirs] = [formToken(document), formToken(fresh)];
  if (!mine || !theirs || mine.content === theirs.content || userOf(fresh) !== userOf(document)) return false;
  mine.content = theirs.content;
  return true;
}

/** A request of the page's own: who it is comes with the cookie, that it is ours with a token. */
export async function ask(path, options, more = {}) {
  const send = () => fetch(path, { method: "POST", ...options, headers: headers(more) });
  const answer = await send();
  return answer.status === 403 && (await isRenewed()) ? send() : answer;
}

/** What an answer says, for a person. */
export async function wordsOf(answer) {
  const told = await answer.json().catch(() => null);
  if (answer.headers.has("X-Airunway-Auth-Error")) return "You are signed out. Sign in in another tab, then do this again.";
  return told?.message ?? told?.error?.message ?? (answer.ok ? "done" : `refused (${answer.status})`);
}

const isTyping = (part) => part.contains(document.activeElement) && document.activeElement.matches("input, textarea, select");

/** Put the parts of a fresh page into place, but for what somebody has the cursor in. */
function swap(fresh) {
  const next = fresh.getElementById("page");
  if (next.dataset.shape !== page.dataset.shape && !isTyping(page) && !document.querySelector("#talk > li")) {
    reshape(fresh, next);
    return;
  }
  for (const part of document.querySelectorAll("[data-live]")) {
    const newer = fresh.getElementById(part.id);
    if (!newer || newer.innerHTML === (known.get(part) ?? part.innerHTML) || isTyping(part)) continue;
    known.set(part, newer.innerHTML);
    keep(part, () => { part.replaceChildren(...newer.childNodes); });
  }
}

/** It has become another page: its deployment serves by now, or is gone. */
function reshape(fresh, next) {
  const isInside = page.contains(document.activeElement);
  page.replaceChildren(...next.childNodes);
  page.dataset.shape = next.dataset.shape ?? "";
  document.title = fresh.title;
  if (!next.dataset.events) { delete page.dataset.events; deafen(); }
  if (isInside) page.focus({ preventScroll: true });
  document.dispatchEvent(new Event("reshaped"));
}

/** Do something to a part and leave open what was open, and the cursor where it was. */
function keep(part, change) {
  const open = [...part.querySelectorAll("details")].map((entry) => entry.open);
  const links = [...part.querySelectorAll("a, button")];
  const place = links.indexOf(document.activeElement);
  change();
  const after = [...part.querySelectorAll("details")];
  if (after.length === open.length) after.forEach((entry, index) => { entry.open = open[index]; });
  if (place >= 0) part.querySelectorAll("a, button")[place]?.focus({ preventScroll: true });
}

/** What is seen is no longer how it is; empty: it is. */
function old(why) {
  if (!why) asOf = new Date();
  outdated.textContent = why && `This page is as of ${asOf.toLocaleTimeString()}: ${why}`;
}

let isAsking = false;
let isStale = false;

async function refresh() {
  if (!page.dataset.events && !page.dataset.every) return;
  if (isAsking || document.hidden) { isStale = true; return; }
  isAsking = true;
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" }, redirect: "manual" });
    if (answer.type === "opaqueredirect") { location.reload(); return; }
    const fresh = parsed(await answer.text());
    const isGone = answer.status === 404 && page.dataset.shape;
    if (answer.ok || isGone) swap(fresh);
    old(answer.ok || isGone ? "" : fresh.querySelector(".verdict")?.textContent ?? `the server answers ${answer.status}`);
  } catch {
    old("the server does not answer.");
  } finally {
    isAsking = false;
    if (isStale && !document.hidden) { isStale = false; setTimeout(refresh, 1000); }
  }
}

let stream = null;

/** Hear of changes while the page is seen: a browser has six connections to a server, for all its tabs. */
function listen() {
  if (stream || document.hidden || !page.dataset.events) return;
  stream = new EventSource(page.dataset.events);
  // What changed while the page was on its way is told by the first event already.
  stream.addEventListener("changed", (event) => {
    if (event.data !== page.dataset.revision) refresh();
    page.dataset.revision = "";
  });
  stream.addEventListener("error", () => {
    refresh();
    if (stream?.readyState !== EventSource.CLOSED) return; // the browser asks again by itself
    deafen();
    setTimeout(listen, AGAIN);
  });
}

function deafen() {
  stream?.close();
  stream = null;
}

function follow() {
  const every = Number(page.dataset.every) * 1000 || (page.dataset.events ? MINUTE : 0);
  if (every) setInterval(refresh, every);
  listen();
  addEventListener("pageshow", listen);
  addEventListener("pagehide", deafen);
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) { deafen(); return; }
    listen();
    if (isStale) { isStale = false; refresh(); }
  });
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.matches("form[data-ask]")) return;
  event.preventDefault();
  const button = event.submitter;
  if (button) button.disabled = true;
  try {
    const answer = await ask(form.action, { body: new URLSearchParams(new FormData(form)) }, { Accept: "application/json" });
    say(await wordsOf(answer));
    await refresh();
  } catch {
    say("The server does not answer; nothing is known of what became of it.");
  } finally {
    if (button) button.disabled = false;
  }
});

// What leads to another page is sent once, however often it is clicked.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("form[data-once]")) return;
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "yes";
  setTimeout(() => { delete form.dataset.sent; }, AGAIN);
});

const signIn = document.querySelector("form[data-signin]");
if (signIn) {
  const fragment = new URLSearchParams(location.hash.slice(1));
  const given = fragment.get("token");
  if (given) {
    history.replaceState(null, "", location.pathname + location.search);
    signIn.elements.token.value = given;
  }
  signIn.addEventListener("submit", async (event) => {
    event.preventDefault();
    const refusal = document.getElementById("refusal");
    refusal.hidden = true;
    const answer = await fetch(signIn.action, {
      method: "POST", body: JSON.stringify({ token: signIn.elements.token.value }), headers: { "Content-Type": "application/json" },
    }).catch(() => null);
    if (answer?.ok) {
      const next = signIn.elements.next.value;
      location.assign(/^\/(?![/\\])/.test(next) ? next : "/");
      return;
    }
    const told = await answer?.json().catch(() => null);
    refusal.textContent = told?.error?.message ?? "The server does not answer.";
    refusal.hidden = false;
    signIn.elements.token.focus();
  });
  if (given) signIn.requestSubmit();
}

follow();
