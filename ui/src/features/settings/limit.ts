/** Reads a limit typed in kB/s; `null` if it is none. */
export function parseLimit(text: string): number | null {
  const digits = text.replace(/[\s\u00a0\u202f]/g, "");
  if (!/^\d{1,9}$/.test(digits)) return null;
  return Number(digits) * 1000;
}
