/* Reading a time as people write it. Pure. */

/** "90" and "1:30" are both a minute and a half, "1:02:03" is over an hour; anything else is `null`. */
export function parseClock(text: string): number | null {
  const parts = text.trim().split(/[:.\s]+/);
  if (parts.length > 3 || !parts.every((part) => /^\d{1,5}$/.test(part))) return null;
  return parts.reduce((secs, part) => secs * 60 + Number(part), 0);
}
