/** How large pages can be drawn, in percent. */
export const UI_SCALES = [80, 90, 100, 110, 125, 150, 175, 200] as const;

/** The next size in a direction; the same at the end. */
export function nextScale(percent: number, direction: 1 | -1): number {
  const next =
    direction === 1
      ? UI_SCALES.find((scale) => scale > percent)
      : UI_SCALES.findLast((scale) => scale < percent);
  return next ?? percent;
}

/** What the keys ask for; `null` if they ask for something else. */
export function scaleOfKey(
  key: Pick<KeyboardEvent, "key" | "code" | "ctrlKey" | "metaKey" | "altKey">,
  percent: number,
): number | null {
  if ((!key.ctrlKey && !key.metaKey) || key.altKey) return null;
  if (key.key === "+" || key.key === "=" || key.code === "NumpadAdd") return nextScale(percent, 1);
  if (key.key === "-" || key.key === "_" || key.code === "NumpadSubtract") return nextScale(percent, -1);
  if (key.key === "0" || key.code === "Numpad0") return 100;
  return null;
}
