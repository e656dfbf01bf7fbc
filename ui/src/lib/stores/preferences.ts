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
