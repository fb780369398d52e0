// Keeps an open page up to date: the server says that something changed, and the parts marked `data-live` are read anew.
// Without this script the page is the same, as old as its last loading.
"use strict";

const note = document.getElementById("live");

function say(words) {
  note.hidden = false;
  if (note.textContent !== words) note.textContent = words;
}

// Commands: a button beside each that copies it.
function offerCopies(root) {
  if (!navigator.clipboard) return;
  for (const code of root.querySelectorAll("[data-paste]")) {
    if (code.nextElementSibling?.classList.contains("copy")) continue;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "copy";
    button.setAttribute("aria-label", `Copy ${code.textContent}`);
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = "copied";
      setTimeout(() => { button.textContent = "copy"; }, 1500);
    });
    code.after(button);
  }
}

// The graph: of a box that is pointed at, or has the focus, its own arrows stand out.
function pick(event) {
  const name = event.target.closest?.(".graph [data-box]")?.dataset.box;
  for (const graph of document.querySelectorAll(".graph")) {
    let mine = 0;
    for (const arrow of graph.querySelectorAll(".arrow[data-from]")) {
      const is = name !== undefined && (arrow.dataset.from === name || arrow.dataset.to === name);
      arrow.classList.toggle("on", is);
      mine += is;
    }
    graph.classList.toggle("picked", mine > 0);
  }
}
for (const kind of ["pointerover", "focusin"]) document.addEventListener(kind, pick);

// What the reader did to a part stays: opened details, the place scrolled to, the focus.
function replace(old, fresh) {
  const opened = [...old.querySelectorAll("details[open][id]")].map((each) => each.id);
  const scrolled = [...old.querySelectorAll(".graph, .log")].map((each) => [each.scrollLeft, each.scrollTop]);
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  const focusable = "a, button, summary, [tabindex]";
  const at = focused ? [...old.querySelectorAll(focusable)].indexOf(focused) : -1;
  const href = focused?.getAttribute("href");
  old.replaceChildren(...fresh.childNodes);
  for (const id of opened) document.getElementById(id)?.setAttribute("open", "");
  [...old.querySelectorAll(".graph, .log")].forEach((each, index) => {
    if (scrolled[index]) each.scrollTo(...scrolled[index]);
  });
  offerCopies(old);
  if (at >= 0) {
    const all = [...old.querySelectorAll(focusable)];
    (all.find((each) => href && each.getAttribute("href") === href) ?? all[at])?.focus({ preventScroll: true });
  }
}

let reading = false;
let again = false;

async function renew() {
  if (reading) { again = true; return; }
  reading = true;
  try {
    const answer = await fetch(location.href, { headers: { accept: "text/html" } });
    if (!answer.ok) throw new Error(String(answer.status));
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of document.querySelectorAll("[data-live][id]")) {
      const other = fresh.getElementById(part.id);
      if (other && other.innerHTML !== shown.get(part.id)) {
        shown.set(part.id, other.innerHTML);
        replace(part, other);
      }
    }
    say(`Live. Last change seen at ${new Date().toLocaleTimeString()}.`);
  } catch {
    say("Could not be read anew. Reload the page.");
  } finally {
    reading = false;
    if (again) { again = false; renew(); }
  }
}

const shown = new Map();
for (const part of document.querySelectorAll("[data-live][id]")) shown.set(part.id, part.innerHTML);
offerCopies(document);

if (document.querySelector("[data-live]")) {
  const { of, version } = document.body.dataset;
  let stream;
  const listen = (since) => {
    stream = new EventSource(`/live?of=${encodeURIComponent(of)}&since=${since}`);
    stream.addEventListener("open", () => say("Live."));
    stream.addEventListener("changed", renew);
    stream.addEventListener("error", () => {
      const refused = stream.readyState === EventSource.CLOSED;  // else the browser tries again by itself
      say(`Not live: the server ${refused ? "is busy" : "does not answer"}. Trying again.`);
      if (refused) setTimeout(() => listen(0), 30_000);
    });
  };
  listen(version);
  // A page that is kept for going back to must not hold a connection.
  addEventListener("pagehide", () => stream.close());
  addEventListener("pageshow", (event) => { if (event.persisted) { listen(0); renew(); } });
}
