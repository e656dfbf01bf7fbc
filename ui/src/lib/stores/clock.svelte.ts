import { createSubscriber } from "svelte/reactivity";

/** The time of day that texts like "12 s" are counted from. Ticks once a second, and only while somebody looks. */
export class Clock {
  readonly #subscribe = createSubscriber((update) => {
    const timer = setInterval(update, 1_000);
    return () => clearInterval(timer);
  });

  get nowMs(): number {
    this.#subscribe();
    return Date.now();
  }
}
