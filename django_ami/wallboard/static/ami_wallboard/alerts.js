/** Waits that are too long: the tile flashes or a sound is heard, by option. */

import { elapsed } from "./clock.js";
import { fill } from "./format.js";
import { level, limitsOf } from "./thresholds.js";

/** Two short tones. */
const TONES = [
  [880, 0],
  [660, 0.18],
];

export class Sound {
  #context = null;

  /** Browsers let a page sound only once a person has clicked or typed in it. */
  unlock() {
    this.#context ??= new AudioContext();
    if (this.#context.state === "suspended") this.#context.resume();
  }

  play() {
    if (this.#context?.state !== "running") return;
    for (const [hertz, after] of TONES) {
      const at = this.#context.currentTime + after;
      const tone = this.#context.createOscillator();
      const volume = this.#context.createGain();
      tone.frequency.value = hertz;
      volume.gain.setValueAtTime(0.0001, at);
      volume.gain.exponentialRampToValueAtTime(0.25, at + 0.02);
      volume.gain.exponentialRampToValueAtTime(0.0001, at + 0.16);
      tone.connect(volume).connect(this.#context.destination);
      tone.start(at);
      tone.stop(at + 0.17);
    }
  }
}

export class Alerts {
  breached = new Set();
  #page;
  #sound = new Sound();

  constructor(page) {
    this.#page = page;
    for (const kind of ["pointerdown", "keydown"]) {
      addEventListener(kind, () => page.preferences.get("sound") && this.#sound.unlock(), { passive: true });
    }
  }

  /** Sounds once, for a person who tries the option. */
  try() {
    this.#sound.unlock();
    this.#sound.play();
  }

  tick(now) {
    const { store, config, announcer, strings, preferences } = this.#page;
    const breached = new Set();
    for (const [server, name, queue] of store.all("queue")) {
      if (queue.oldest === undefined || !this.#page.isFresh(server)) continue;
      const limits = limitsOf(config.thresholds, name);
      if (level(elapsed(queue.oldest, now), limits) !== "critical") continue;
      const id = `${server}\n${name}`;
      breached.add(id);
      if (this.breached.has(id)) continue;
      announcer.announce(id, fill(strings.breached, { queue: name, seconds: limits.critical }));
    }
    const news = [...breached].some((id) => !this.breached.has(id));
    for (const id of this.breached) if (!breached.has(id)) announcer.withdraw(id);
    this.breached = breached;
    document.documentElement.classList.toggle("flash", preferences.get("flash"));
    if (news && preferences.get("sound")) this.#sound.play();
  }
}
