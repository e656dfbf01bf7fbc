/* One search at a time: what was asked, and what came of it. It outlives its view, so that "back" shows it again. */
import type { SearchAnswer, WireError } from "../../lib/host/bindings";
import type { Host } from "../../lib/host/host";
import { toCallError } from "../../lib/host/host";
import type { Quality, ResultOrder } from "./results";
import { qualitiesOf, shownResults } from "./results";

export class SearchPage {
  query = $state("");
  isSearching = $state(false);
  answer = $state.raw<SearchAnswer | null>(null);
  error = $state.raw<WireError | null>(null);
  /** What the answer is to. */
  asked = $state("");
  order = $state.raw<ResultOrder>("seeders");
  quality = $state.raw<Quality | null>(null);
  #number = 0;
  readonly #host: Host;

  constructor(host: Host) {
    this.#host = host;
  }

  readonly qualities = $derived.by(() => qualitiesOf(this.answer?.results ?? []));
  readonly shown = $derived.by(() => shownResults(this.answer?.results ?? [], this.order, this.quality));

  /** An older question that is not answered yet is dropped. */
  async submit(): Promise<void> {
    const query = this.query.trim();
    if (query === "") return;
    const number = ++this.#number;
    const isWanted = () => number === this.#number;
    this.isSearching = true;
    this.error = null;
    this.quality = null;
    try {
      const answer = await this.#host.call("search", { query });
      if (isWanted()) this.answer = answer;
    } catch (error) {
      if (isWanted()) {
        this.answer = null;
        this.error = toCallError(error).toWire();
      }
    } finally {
      if (isWanted()) {
        this.isSearching = false;
        this.asked = query;
      }
    }
  }
}
