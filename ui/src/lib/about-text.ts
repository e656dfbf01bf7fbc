/* What the name of a torrent tells, in a few words. */
import type { TorrentAbout } from "./host/bindings";
import type { I18n } from "./i18n/i18n.svelte";

/** "Season 2", "Seasons 1–4", or nothing. */
export function seasonText(about: TorrentAbout, t: I18n["t"]): string {
  const { first_season: first, last_season: last } = about;
  if (about.kind !== "series" || first === null) return "";
  if (last !== null && last !== first) return t("card.seasons", { first, last });
  return first === 0 ? t("card.specials") : t("card.season", { season: first });
}

/** "4K HDR BluRay", or what is known of it. */
export function qualityText(about: TorrentAbout): string {
  const lines = about.resolution_lines;
  const picture = lines === null ? "" : lines === 2160 ? "4K" : `${lines}p`;
  return [picture, about.is_hdr ? "HDR" : "", about.source ?? ""].filter(Boolean).join(" ");
}
