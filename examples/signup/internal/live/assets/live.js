// Keeps #state up to date with the server, and sends forms without leaving the page.
// Without this script the same forms and links work, with a page load each time.
"use strict";

const pause = document.getElementById("pause");
const watching = document.getElementById("watching");
let source = null;
let paused = false;

// morph changes from into to, and leaves equal nodes untouched, so that focus, selection
// and typed text are kept.
function morph(from, to) {
  for (const { name } of [...from.attributes]) {
    if (!to.hasAttribute(name)) from.removeAttribute(name);
  }
  for (const { name, value } of to.attributes) {
    if (from.getAttribute(name) !== value) from.setAttribute(name, value);
  }
  const wanted = [...to.childNodes];
  const present = [...from.childNodes];
  wanted.forEach((want, i) => {
    const have = present[i];
    if (!have) from.append(want);
    else if (have.nodeName !== want.nodeName) have.replaceWith(want);
    else if (have.nodeType !== Node.ELEMENT_NODE) { if (have.data !== want.data) have.data = want.data; }
    else morph(have, want);
  });
  present.slice(wanted.length).forEach((node) => node.remove());
}

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
