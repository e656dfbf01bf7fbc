/** Reads a number as people type it, with spaces between thousands and a comma or a point; `null` if it is none. */
export function parseNumber(text: string, digits: number): number | null {
  const plain = text.replace(/[\s\u00a0\u202f]/g, "").replace(",", ".");
  const form = digits === 0 ? /^\d{1,12}$/ : new RegExp(`^\\d{1,12}(\\.\\d{1,${digits}})?$`);
  return form.test(plain) ? Number(plain) : null;
}

/** The number of units, without zeros that say nothing. */
export function shownNumber(value: number, unitSize: number, digits: number): string {
  return String(Number((value / unitSize).toFixed(digits)));
}
