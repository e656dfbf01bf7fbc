/* The words for what another server has: its settings beside ours, and what stays behind. */
import type { ImportLeftOut, ImportReason, ImportSetting, ImportSettingKey } from "../../lib/host/bindings";
import type { I18n } from "../../lib/i18n/i18n.svelte";
import type { MessageKey } from "../../lib/i18n/translate";

const SECS_PER_MINUTE = 60;

/** A value of a setting, in the unit of its key; `null` where it is no short text. */
export function settingValue(key: ImportSettingKey, value: unknown, i18n: I18n): string | null {
  const { t, format } = i18n;
  switch (key) {
    case "download_limit":
    case "upload_limit":
      if (typeof value !== "number") return null;
      return value === 0 ? t("import.noLimit") : format.rate(value);
    case "preload":
      return typeof value === "number" ? format.bytes(value) : null;
    case "idle_timeout":
      return typeof value === "number"
        ? t("unit.minutes", { count: Math.round(value / SECS_PER_MINUTE) })
        : null;
    case "client_positions":
      return typeof value === "boolean" ? t(value ? "import.on" : "import.off") : null;
    case "friendly_name":
      return typeof value === "string" ? value || t("import.empty") : null;
    case "search":
      return searchValue(value, i18n);
    case "transfers":
      return null;
  }
}

function searchValue(value: unknown, { t }: I18n): string | null {
  if (typeof value !== "object" || value === null || !("enabled" in value) || !("services" in value))
    return null;
  const services = Array.isArray(value.services)
    ? value.services.filter((name): name is string => typeof name === "string" && name !== "")
    : [];
  return [t(value.enabled === true ? "import.on" : "import.off"), ...services].join(", ");
}

/** "Download limit: none → 1 MB/s", or the name alone where values say nothing to a person. */
export function settingLine({ key, current, proposed }: ImportSetting, i18n: I18n): string {
  const name = i18n.t(`import.setting.${key}`);
  const [before, after] = [current, proposed].map((value) => settingValue(key, value, i18n));
  if (typeof before !== "string" || typeof after !== "string" || before === after) return name;
  return i18n.t("import.change", { name, before, after });
}

const COUNTED: Partial<Record<ImportReason, MessageKey>> = {
  unreadable_torrents: "import.left.unreadable_torrents",
  unreadable_marks: "import.left.unreadable_marks",
  ids_unknown: "import.left.ids_unknown",
};

/** One sentence for each reason; the settings of one reason share it. */
export function leftOutLines(leftOut: readonly ImportLeftOut[], { t }: I18n): string[] {
  const names = (reason: ImportReason) =>
    leftOut
      .filter((one) => one.reason === reason)
      .map((one) => one.subject)
      .join(", ");
  const reasons = [...new Set(leftOut.map((one) => one.reason))];
  return reasons.map((reason) => {
    const counted = COUNTED[reason];
    if (counted !== undefined) return t(counted, { count: Number(names(reason)) || 0 });
    return t(`import.left.${reason}`, { names: names(reason) });
  });
}
