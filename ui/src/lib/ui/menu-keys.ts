/* How the keys move in a menu (ARIA Authoring Practices, menu). */

/**
 * What a key means inside of a menu. Keys of the menu are kept from the page; `null` is none of them.
 */
export function menuKey(event: KeyboardEvent, menu: HTMLElement | undefined): "moved" | "close" | null {
  const buttons = [...(menu?.querySelectorAll<HTMLElement>("button:not(:disabled)") ?? [])];
  const at = buttons.indexOf(document.activeElement as HTMLElement);
  const go = (index: number) => buttons[(index + buttons.length) % buttons.length]?.focus();
  if (event.key === "ArrowDown") go(at + 1);
  else if (event.key === "ArrowUp") go(at - 1);
  else if (event.key === "Home") go(0);
  else if (event.key === "End") go(-1);
  else if (event.key === "Escape" || event.key === "Tab") {
    event.preventDefault();
    event.stopPropagation();
    return "close";
  } else {
    if (event.key === "Enter" || event.key === " ") event.stopPropagation();
    return null;
  }
  event.preventDefault();
  event.stopPropagation();
  return "moved";
}
