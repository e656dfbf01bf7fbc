/* The picture of a torrent that has none: colors, waves and initials that follow from its info hash and title. */
export interface Tile {
  initials: string;
  /** Degrees, from teal over blue and violet to coral: muddy colors are left out. */
  hue: number;
  /** Paths of waves in a 200 × 300 box, back to front. */
  waves: string[];
}

export function tileOf(infoHash: string, title: string): Tile {
  const byte = (index: number) => Number.parseInt(infoHash.slice(index * 2, index * 2 + 2), 16) || 0;
  const waves = [0, 1, 2].map((layer) => {
    const top = 150 + layer * 42 + (byte(3 + layer) % 24);
    const swing = 14 + (byte(6 + layer) % 22);
    const shift = byte(9 + layer) % 100;
    const curve = [0, 1, 2, 3]
      .map((step) => {
        const x = step * 100 - shift;
        return `C${x + 33} ${top - swing} ${x + 67} ${top + swing} ${x + 100} ${top}`;
      })
      .join("");
    return `M${-shift} ${top}${curve}V300H${-shift}Z`;
  });
  return {
    initials: initialsOf(title),
    hue: (165 + Math.round(((byte(0) * 256 + byte(1)) / 65_535) * 225)) % 360,
    waves,
  };
}

/** Up to two letters or digits, of the first two words that have some. */
export function initialsOf(title: string): string {
  const words = title.match(/[\p{L}\p{N}]+/gu) ?? [];
  return words
    .slice(0, 2)
    .map((word) => [...word][0]?.toLocaleUpperCase() ?? "")
    .join("");
}
