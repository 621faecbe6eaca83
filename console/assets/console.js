// Keeps #state up to date with the server, by morph of morph.js. Without this script the same
// pages, links and forms work, with a page load each time.
"use strict";

const pause = document.getElementById("pause");
const watching = document.getElementById("watching");
const state = document.getElementById("state");
let source = null;
let paused = false;
let waiting = null; // drawn once the reader's pointer and focus allow it

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
