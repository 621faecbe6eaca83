// Keeps #state up to date with the server, by morph of morph.js, and sends forms without leaving
// the page.
// Without this script the same forms and links work, with a page load each time.
"use strict";

const pause = document.getElementById("pause");
const watching = document.getElementById("watching");
let source = null;
let paused = false;

function draw(html) {
  const drawn = document.createElement("template");
  drawn.innerHTML = html;
  morph(document.getElementById("state"), drawn.content.firstElementChild);
}

// connect follows the stream until it is paused, or for one state only.
function connect(once) {
  disconnect();
  source = new EventSource(location.href);
  source.onopen = tell;
  source.onerror = ({ target }) => {
    watching.textContent = target.readyState === EventSource.CLOSED ? "This no longer exists" : "Connection lost, trying again";
  };
  source.onmessage = (event) => {
    draw(event.data);
    if (once) disconnect();
  };
  source.addEventListener("gone", () => {
    disconnect();
    watching.textContent = "This no longer exists";
  });
}

function tell() { watching.textContent = paused ? "Paused" : "Updates by itself"; }

function disconnect() {
  if (source) source.close();
  source = null;
}

function toggle() {
  paused = !paused;
  pause.setAttribute("aria-pressed", String(paused));
  tell();
  document.documentElement.classList.toggle("paused", paused);
  if (paused) disconnect(); else connect(false);
}

async function send(event) {
  const form = event.target;
  if (!form.matches("[data-quiet]")) return;
  event.preventDefault();
  const body = new URLSearchParams(new FormData(form, event.submitter));
  try {
    const answer = await fetch(form.getAttribute("action"), { method: "POST", body, redirect: "manual" });
    if (answer.type !== "opaqueredirect") throw new Error(answer.statusText); // the expected answer is a redirect to the page
    if (paused) connect(true);
  } catch {
    watching.textContent = "Failed: the demo does not answer";
  }
}

if (pause) {
  pause.hidden = watching.hidden = false;
  pause.addEventListener("click", toggle);
  document.addEventListener("submit", send);
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) disconnect(); else if (!paused) connect(false);
  });
  connect(false);
}
