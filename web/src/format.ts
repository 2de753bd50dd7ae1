/** Figures as the report writes them, in the reader's language. */
import { language } from "./state/settings";

const locale = (): string => (language.value === "de" ? "de-DE" : "en-GB");

function number(value: number, digits: number): string {
  return value.toLocaleString(locale(), { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** A share in [0, 1] as whole percent; never rounds to certainty. */
export function percent(share: number): string {
  const gap = language.value === "de" ? "\u00a0" : "";
  if (share > 0 && share < 0.01) return `<1${gap}%`;
  if (share > 0.99 && share < 1) return `>99${gap}%`;
  return `${Math.round(100 * share)}${gap}%`;
}

/** A time in a film, e.g. "4.2 s" or "1:05.0". */
export function seconds(time: number): string {
  if (time < 59.95) return `${number(time, 1)}\u00a0s`;
  const tenths = Math.round(time * 10);
  const rest = (tenths % 600) / 10;
  const minutes = Math.floor(tenths / 600);
  const tail = `${rest < 10 ? "0" : ""}${number(rest, 1)}`;
  if (minutes < 60) return `${minutes}:${tail}`;
  return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}:${tail}`;
}

/** A number of bytes, e.g. "312 kB". */
export function size(bytes: number): string {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  let [value, n] = [bytes, 0];
  while (value >= 1000 && n < units.length - 1) [value, n] = [value / 1000, n + 1];
  return `${number(value, n === 0 || value >= 10 ? 0 : 1)}\u00a0${units[n]}`;
}

export const score = (value: number): string => number(value, 2);
export const decimal = number;
export const count = (value: number): string => value.toLocaleString(locale());

export function date(iso: string): string {
  const when = new Date(iso);
  if (Number.isNaN(when.getTime())) return iso;
  return when.toLocaleString(locale(), { dateStyle: "medium", timeStyle: "short" });
}

/** Invisible and direction-changing characters made visible, so that a name cannot pose as another. */
export function visible(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}]/gu, (c) => `⟨U+${c.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")}⟩`);
}

/** The last part of a path, for headings. */
export const stem = (name: string): string => name.split("/").pop() || name;
