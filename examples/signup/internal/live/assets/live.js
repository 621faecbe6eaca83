// Keeps #state as the server draws it, and sends forms without leaving the page.
// Without this script the same forms and links work, a page at a time.
"use strict";

const pause = document.getElementById("pause");
const watching = document.getElementById("watching");
let source = null;
let paused = false;

// morph turns from into to, and touches nothing that is the same already: focus,
// selection and what was typed stay.
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

// connect listens until it is paused, or for one state only.
function connect(once) {
  disconnect();
  source = new EventSource(location.href);
  source.onopen = tell;
  source.onerror = ({ target }) => {
    watching.textContent = target.readyState === EventSource.CLOSED ? "Not there any more" : "Not connected, tries again";
  };
  source.onmessage = (event) => {
    draw(event.data);
    if (once) disconnect();
  };
  source.addEventListener("gone", () => {
    disconnect();
    watching.textContent = "Not there any more";
  });
}

function tell() { watching.textContent = paused ? "Stands still" : "Updates by itself"; }

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
    if (answer.type !== "opaqueredirect") throw new Error(answer.statusText); // it leads back to the page
    if (paused) connect(true);
  } catch {
    watching.textContent = "Not done: the demo does not answer";
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
