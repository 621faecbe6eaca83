"use strict";

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
