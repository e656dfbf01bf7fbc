/** A stretch that is played again and again: the first press marks its beginning, the second its end, the third ends it. */
export class LoopControl {
  startSecs = $state<number | null>(null);
  endSecs = $state<number | null>(null);

  mark(atSecs: number): "start" | "end" | "off" {
    if (this.startSecs === null) {
      this.startSecs = atSecs;
      return "start";
    }
    if (this.endSecs === null && atSecs > this.startSecs) {
      this.endSecs = atSecs;
      return "end";
    }
    this.clear();
    return "off";
  }

  clear(): void {
    this.startSecs = null;
    this.endSecs = null;
  }

  /** Where to go back to from here; `null` while the stretch lasts. */
  backFrom(secs: number): number | null {
    if (this.startSecs === null || this.endSecs === null) return null;
    return secs >= this.endSecs ? this.startSecs : null;
  }
}
