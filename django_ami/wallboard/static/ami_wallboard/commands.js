/** Commands of a visitor: sent to the server, with an answer or one line that says why not. */

/** What `{% ami_assets %}` tells the scripts: addresses, the CSRF token, words. */
export const config = (() => {
  const node = document.getElementById("ami-calls");
  return node ? JSON.parse(node.textContent) : { urls: {}, csrf: {}, strings: {} };
})();

/** The words of the scripts, in the language of the page. */
export const strings = config.strings;

/** A text with `%(name)s` in it, and the values for them. */
export const filled = (text, values) =>
  String(text ?? "").replace(/%\((\w+)\)s/g, (_, name) => values[name] ?? "");

/** Marks a click: the server answers a second request of it with the call of the first. */
export function clickId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The address of a command on a call. */
export const addressOf = (name, call, server) => {
  const url = config.urls[name].replace("CALL", encodeURIComponent(call));
  return server ? `${url}?server=${encodeURIComponent(server)}` : url;
};

/** A command was not carried out; `message` is one line for people. */
export class Refusal extends Error {
  constructor(message, status, retrySeconds) {
    super(message);
    this.status = status;
    this.retrySeconds = retrySeconds;
  }
}

/** The answer to a POST of these words. Throws a Refusal. */
export const post = (url, words, token = config.csrf.token) =>
  ask(url, {
    method: "POST",
    body: new URLSearchParams(words),
    headers: { Accept: "application/json", [config.csrf.header ?? "X-CSRFToken"]: token },
  });

/** The answer to a GET. Throws a Refusal. */
export const get = (url, signal) => ask(url, { headers: { Accept: "application/json" }, signal });

async function ask(url, options) {
  let response;
  try {
    response = await fetch(url, { credentials: "same-origin", cache: "no-store", ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refusal(strings.unreachable, 0);
  }
  const isJson = response.headers.get("Content-Type")?.startsWith("application/json");
  const told = isJson ? await response.json() : {};
  if (response.ok && isJson) return told;
  const why = told.error ?? (response.status === 403 ? strings.reload : filled(strings.failed, { status: response.status }));
  throw new Refusal(why, response.status, Number(response.headers.get("Retry-After")) || undefined);
}
