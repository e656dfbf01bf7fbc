/* Small things that belong to this view alone, such as a line that was read. Losing them costs nothing. */
const PREFIX = "freshet.";

export function readFlag(name: string): boolean {
  try {
    return localStorage.getItem(PREFIX + name) === "1";
  } catch {
    return false;
  }
}

export function setFlag(name: string): void {
  try {
    localStorage.setItem(PREFIX + name, "1");
  } catch {
    // Storage is switched off: the line will be shown again.
  }
}

/** One of a few words, if one of them was remembered. */
export function readChoice<Choice extends string>(name: string, choices: readonly Choice[]): Choice | null {
  try {
    const stored = localStorage.getItem(PREFIX + name);
    return choices.find((choice) => choice === stored) ?? null;
  } catch {
    return null;
  }
}

export function setChoice(name: string, choice: string): void {
  try {
    localStorage.setItem(PREFIX + name, choice);
  } catch {
    // Storage is switched off: the choice holds until the view is closed.
  }
}
