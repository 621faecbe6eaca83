// Keeps #state up to date with the server. Without this script the same pages, links and forms
// work, with a page load each time.
"use strict";

const pause = document.getElementById("pause");
const watching = document.getElementById("watching");
const state = document.getElementById("state");
let source = null;
let paused = false;
let waiting = null; // drawn once the reader's pointer and focus allow it

function key(node) { return node.nodeType === Node.ELEMENT_NODE ? node.dataset.key : undefined; }

// morph changes from into to, and leaves equal nodes untouched, so that focus, selection and
// typed text are kept. A row with another key is another row, and is replaced.
function morph(from, to) {
  for (const { name } of [...from.attributes]) {
    if (!to.hasAttribute(name) && name !== "open") from.removeAttribute(name);
  }
  for (const { name, value } of to.attributes) {
    if (from.getAttribute(name) !== value) from.setAttribute(name, value);
  }
  const wanted = [...to.childNodes];
  const present = [...from.childNodes];
  wanted.forEach((want, i) => {
    const have = present[i];
    if (!have) from.append(want);
    else if (have.nodeName !== want.nodeName || key(have) !== key(want)) have.replaceWith(want);
    else if (have.nodeType !== Node.ELEMENT_NODE) { if (have.data !== want.data) have.data = want.data; }
    else morph(have, want);
  });
  present.slice(wanted.length).forEach((node) => node.remove());
}

// busy reports whether the reader is about to act, so that no row moves under the pointer.
function busy() {
  return state.querySelector("button:hover, button:focus, summary:hover, select:hover, input:focus, select:focus, textarea:focus, details[open]") !== null;
}

function draw() {
  if (waiting === null || busy()) return;
  const drawn = document.createElement("template");
  drawn.innerHTML = waiting;
  waiting = null;
  const next = drawn.content.querySelector("#state");
  if (next) morph(state, next);
}

function tell(text) { if (watching.textContent !== text) watching.textContent = text; }

function connect() {
  disconnect();
  source = new EventSource(location.href);
  source.onopen = () => tell("Updates by itself");
  source.onerror = ({ target }) => {
    tell(target.readyState === EventSource.CLOSED ? "Updates have ended: load the page again" : "Connection lost, trying again");
  };
  source.onmessage = (event) => {
    waiting = event.data;
    draw();
  };
  source.addEventListener("gone", (event) => {
    disconnect();
    tell(event.data);
  });
}

function disconnect() {
  if (source) source.close();
  source = null;
}

function toggle() {
  paused = !paused;
  pause.setAttribute("aria-pressed", String(paused));
  if (paused) { disconnect(); tell("Paused"); } else connect();
}

if (pause && state) {
  pause.hidden = watching.hidden = false;
  pause.addEventListener("click", toggle);
  setInterval(draw, 500);
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) disconnect(); else if (!paused) connect();
  });
  connect();
}
