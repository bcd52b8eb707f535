/** Writes into the page only what is another text or value than before. */

/** The children of a row or tile by the name in their `data-f`. */
export const fields = (node) =>
  Object.fromEntries([...node.querySelectorAll("[data-f]")].map((field) => [field.dataset.f, field]));

/** A copy of the one element of a template. */
export const copy = (id) => document.importNode(document.getElementById(id).content.firstElementChild, true);

export function put(node, text) {
  const shown = node.firstChild;
  if (!shown) node.append(text);
  else if (shown.data !== text) shown.data = text;
}

/** Sets an attribute; undefined and false take it away. */
export function set(node, name, value) {
  if (value === undefined || value === false) {
    if (node.hasAttribute(name)) node.removeAttribute(name);
  } else if (node.getAttribute(name) !== String(value)) {
    node.setAttribute(name, value);
  }
}

/** Sets a property of CSS, by the object model: a strict Content-Security-Policy allows that. */
export function style(node, name, value) {
  if (node.style.getPropertyValue(name) !== String(value)) node.style.setProperty(name, value);
}

/** Puts a node before another one; where the browser can, it keeps its focus. */
export function move(parent, node, before) {
  if (parent.moveBefore && node.parentNode === parent) parent.moveBefore(node, before);
  else parent.insertBefore(node, before);
}
