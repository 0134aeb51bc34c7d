// What makes a page live: it is fetched again when the server says that something changed, and the parts that
// differ are put into place. Buttons answer without leaving the page. Without this file everything works too.

const page = document.getElementById("page");
const said = document.getElementById("said");
let saidTimer = 0;
const known = new WeakMap(); // what the server gave for a part the last time

/** Say something to whoever reads or listens. */
export function say(text) {
  said.textContent = text;
  clearTimeout(saidTimer);
  saidTimer = setTimeout(() => { said.textContent = ""; }, 12000);
}

/** Headers that a request of a script needs: who it is comes with the cookie, that it is ours with this. */
export function headers(more = {}) {
  const token = document.querySelector('meta[name="csrf-token"]');
  return { ...more, ...(token ? { "X-CSRF-Token": token.content } : {}) };
}

/** Put the parts of a fresh page into place, but for what somebody has the cursor in. */
function swap(fresh) {
  for (const part of document.querySelectorAll("[data-live]")) {
    const next = fresh.getElementById(part.id);
    if (!next || next.innerHTML === (known.get(part) ?? part.innerHTML)) continue;
    const typing = part.contains(document.activeElement) && document.activeElement.matches("input, textarea, select");
    if (typing) continue;
    known.set(part, next.innerHTML);
    keep(part, () => { part.replaceChildren(...next.childNodes); });
  }
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

let isAsking = false;
let isStale = false;

async function refresh() {
  if (isAsking) { isStale = true; return; }
  if (document.hidden) { isStale = true; return; }
  isAsking = true;
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" }, redirect: "manual" });
    if (answer.type === "opaqueredirect") { location.reload(); return; }
    if (answer.ok) swap(new DOMParser().parseFromString(await answer.text(), "text/html"));
  } catch {
    // The server is away: the stream says when it is back.
  } finally {
    isAsking = false;
    if (isStale && !document.hidden) { isStale = false; setTimeout(refresh, 1000); }
  }
}

function follow() {
  if (page.dataset.every) setInterval(refresh, Number(page.dataset.every) * 1000);
  if (!page.dataset.events) return;
  const stream = new EventSource(page.dataset.events);
  // What changed while the page was on its way is told by the first event already.
  stream.addEventListener("changed", (event) => {
    if (event.data !== page.dataset.revision) refresh();
    page.dataset.revision = "";
  });
  addEventListener("pagehide", () => stream.close());
}

document.addEventListener("visibilitychange", () => { if (!document.hidden && isStale) { isStale = false; refresh(); } });

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.matches("form[data-ask]")) return;
  event.preventDefault();
  const button = event.submitter;
  if (button) button.disabled = true;
  try {
    const answer = await fetch(form.action, {
      method: "POST", body: new URLSearchParams(new FormData(form)), headers: headers({ Accept: "application/json" }),
    });
    const told = await answer.json();
    say(told.message ?? told.error?.message ?? (answer.ok ? "done" : `refused (${answer.status})`));
    await refresh();
  } catch {
    say("The server does not answer; nothing is known of what became of it.");
  } finally {
    if (button) button.disabled = false;
  }
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
