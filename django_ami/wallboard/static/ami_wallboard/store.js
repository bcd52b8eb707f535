/**
 * The live picture in the browser: of each server its objects, by kind and name.
 *
 * Objects are not changed but replaced, so that a view may compare. It knows no page and reads no
 * clock.
 */

/** For so long a call that has ended stays, with its outcome. */
export const ENDED_SECONDS = 10;

/** A JSON merge patch (RFC 7396). */
export function merged(target, patch) {
  if (patch === null || typeof patch !== "object" || Array.isArray(patch)) return patch;
  const made = target && typeof target === "object" && !Array.isArray(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete made[name];
    else made[name] = merged(made[name], value);
  }
  return made;
}

const split = (key) => {
  const at = key.indexOf(":");
  return [key.slice(0, at), key.slice(at + 1)];
};

class Server {
  fresh = false;
  heard = undefined;
  kinds = new Map();

  constructor(name) {
    this.name = name;
  }

  of(kind) {
    let objects = this.kinds.get(kind);
    if (!objects) this.kinds.set(kind, (objects = new Map()));
    return objects;
  }
}

export class Store {
  servers = new Map();
  #listeners = new Set();
  /** The calls that have ended: Map of server → Map of id → the Unix time at which each goes. */
  #leaving = new Map();

  /** Calls `listener(server, kind, name)` for each object that changed; returns how to stop it. */
  subscribe(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** An object, or undefined. */
  get(server, kind, name = "") {
    return this.servers.get(server)?.kinds.get(kind)?.get(name);
  }

  /** Each object of a kind: `[server, name, object]`. */
  *all(kind) {
    for (const { name: server, kinds } of this.servers.values()) {
      for (const [name, object] of kinds.get(kind) ?? []) yield [server, name, object];
    }
  }

  /** Takes a message of the stream; an unknown kind is nothing. */
  apply(kind, message) {
    if (kind === "whole") this.#whole(message);
    else if (kind === "change") this.#change(message);
    else if (kind === "fresh") this.#fresh(message);
  }

  /** The messages that make this picture once more, for another tab. */
  wholes(now) {
    return [...this.servers.values()].map(({ name, fresh, heard, kinds }) => ({
      server: name,
      now,
      fresh,
      heard,
      objects: Object.fromEntries(
        [...kinds].flatMap(([kind, objects]) =>
          [...objects].map(([id, object]) => [`${kind}:${id}`, object]),
        ),
      ),
    }));
  }

  /** Lets the calls go that ended long enough ago. */
  sweep(now) {
    for (const [server, calls] of this.#leaving) {
      for (const [id, until] of calls) {
        if (now < until) continue;
        calls.delete(id);
        this.#drop(server, "call", id);
      }
    }
  }

  #server(name) {
    let server = this.servers.get(name);
    if (!server) this.servers.set(name, (server = new Server(name)));
    return server;
  }

  #whole({ server: name, now, objects, ...heading }) {
    const server = this.#server(name);
    const known = new Set(Object.keys(objects));
    for (const [kind, held] of server.kinds) {
      for (const id of held.keys()) {
        if (!known.has(`${kind}:${id}`)) this.#remove(server, kind, id);
      }
    }
    for (const [key, object] of Object.entries(objects)) this.#set(server, key, object, now);
    this.#fresh({ server: name, ...heading });
  }

  #change({ server: name, now, objects = {}, patches = {} }) {
    const server = this.#server(name);
    if (server.fresh) server.heard = now;
    for (const [key, object] of Object.entries(objects)) {
      if (object === null) this.#remove(server, ...split(key));
      else this.#set(server, key, object, now);
    }
    for (const [key, patch] of Object.entries(patches)) {
      const [kind, id] = split(key);
      const before = server.of(kind).get(id);
      if (before !== undefined) this.#set(server, key, merged(before, patch), now);
    }
  }

  #fresh({ server: name, fresh, heard }) {
    const server = this.#server(name);
    server.heard = heard;
    if (server.fresh === fresh) return;
    server.fresh = fresh;
    this.#tell(name, "fresh", "");
    for (const [kind, objects] of server.kinds) {
      for (const id of objects.keys()) this.#tell(name, kind, id);
    }
  }

  #set(server, key, object, now) {
    const [kind, id] = split(key);
    const objects = server.of(kind);
    if (kind === "call" && object.ended !== undefined) {
      if (!this.#leave(server.name, id, objects.get(id), object, now)) return;
    }
    objects.set(id, object);
    this.#tell(server.name, kind, id);
  }

  /** Notes when an ended call goes; false if it is too old to be shown, or became another call. */
  #leave(server, id, before, object, now) {
    let calls = this.#leaving.get(server);
    if (!calls) this.#leaving.set(server, (calls = new Map()));
    const lived = before !== undefined && before.ended === undefined;
    const until = calls.get(id) ?? (lived ? now : object.ended) + ENDED_SECONDS;
    if (object.merged_into || until <= now) {
      calls.delete(id);
      this.#drop(server, "call", id);
      return false;
    }
    calls.set(id, until);
    return true;
  }

  #remove(server, kind, id) {
    if (kind === "call" && this.#leaving.get(server.name)?.has(id)) return;
    this.#drop(server.name, kind, id);
  }

  #drop(server, kind, id) {
    if (this.servers.get(server)?.kinds.get(kind)?.delete(id)) this.#tell(server, kind, id);
  }

  #tell(server, kind, name) {
    for (const listener of this.#listeners) listener(server, kind, name);
  }
}
