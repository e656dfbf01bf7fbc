/* Sizes, rates and times as a person reads them. */
import type { Locale } from "./translate";
import { translate } from "./translate";

const BYTE_UNITS = ["B", "kB", "MB", "GB", "TB"] as const;

export class Formats {
  readonly #locale: Locale;
  readonly #numbers: Intl.NumberFormat[];

  constructor(locale: Locale) {
    this.#locale = locale;
    this.#numbers = [0, 1].map(
      (digits) => new Intl.NumberFormat(locale, { minimumFractionDigits: 0, maximumFractionDigits: digits }),
    );
  }

  /** Decimal units, as disks and networks are sold: 1 kB = 1000 B. */
  bytes(bytes: number): string {
    let value = Math.max(0, bytes);
    let unit = 0;
    while (value >= 999.5 && unit < BYTE_UNITS.length - 1) {
      value /= 1000;
      unit += 1;
    }
    const digits = unit === 0 || value >= 100 ? 0 : 1;
    const number = this.#numbers[digits]?.format(value) ?? String(value);
    return `${number}\u00a0${translate(this.#locale, `unit.${BYTE_UNITS[unit] ?? "B"}`)}`;
  }

  count(count: number): string {
    return this.#numbers[0]?.format(count) ?? String(count);
  }

  rate(bytesPerSec: number): string {
    return translate(this.#locale, "unit.perSecond", { amount: this.bytes(bytesPerSec) });
  }

  /** Day and time of day of a moment in seconds since 1970. */
  moment(secs: number): string {
    return new Intl.DateTimeFormat(this.#locale, { dateStyle: "medium", timeStyle: "short" }).format(
      secs * 1000,
    );
  }

  /** "3 days ago", of a moment in seconds since 1970. */
  ago(secs: number, nowMs = Date.now()): string {
    const days = Math.floor((nowMs / 1000 - secs) / 86_400);
    const [count, unit] =
      days < 31
        ? [Math.max(0, days), "day" as const]
        : days < 365
          ? [Math.floor(days / 30.4), "month" as const]
          : [Math.floor(days / 365.25) || 1, "year" as const];
    return new Intl.RelativeTimeFormat(this.#locale, { numeric: "auto" }).format(-count, unit);
  }

  percent(fraction: number): string {
    return new Intl.NumberFormat(this.#locale, { style: "percent" }).format(fraction);
  }

  speed(rate: number): string {
    return `${new Intl.NumberFormat(this.#locale, { maximumFractionDigits: 2 }).format(rate)}×`;
  }

  /** "8 sec", "3 min": about so long. */
  roughTime(secs: number): string {
    const [count, unit] = secs < 60 ? [secs, "second"] : [secs / 60, "minute"];
    return new Intl.NumberFormat(this.#locale, {
      style: "unit",
      unit,
      unitDisplay: "short",
      maximumFractionDigits: 0,
    }).format(count);
  }

  /** "1 hour 2 minutes", for people who listen to it. */
  spokenTime(secs: number): string {
    const whole = Math.max(0, Math.floor(secs));
    const parts: [number, "unit.hours" | "unit.minutes" | "unit.seconds"][] = [
      [Math.floor(whole / 3600), "unit.hours"],
      [Math.floor((whole % 3600) / 60), "unit.minutes"],
      [whole % 60, "unit.seconds"],
    ];
    const said = parts.filter(([count]) => count > 0);
    const words = (said.length > 0 ? said : parts.slice(2)).map(([count, key]) =>
      translate(this.#locale, key, { count }),
    );
    return words.join(" ");
  }
}

/** `4:05`, `1:02:40`. The same in all languages. */
export function clock(secs: number): string {
  if (!Number.isFinite(secs)) return "–:––";
  const whole = Math.max(0, Math.floor(secs));
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  const seconds = String(whole % 60).padStart(2, "0");
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, "0")}:${seconds}` : `${minutes}:${seconds}`;
}
