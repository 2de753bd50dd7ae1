/** Texts of the page in the reader's language; the one catalogue holds both languages. */
import { language, type Language } from "../state/settings";
import catalogue from "./catalogue.json";

export type Word = keyof typeof catalogue;
type Values = Record<string, string | number>;

export const entries = catalogue as Record<string, Record<Language, string>>;

export function filled(template: string, values: Values): string {
  return template.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

/** Return a text; `{name}` in it is filled from `values`. */
export function t(word: Word, values: Values = {}): string {
  return filled(catalogue[word][language.value], values);
}

/** Return the text for one or for many: `word` and `word` + ".many". */
export function plural(word: Word, n: number, values: Values = {}): string {
  const many = `${word}.many` as Word;
  return t(n === 1 || !(many in catalogue) ? word : many, { n, ...values });
}

/** Return the text of a name that the server chose, e.g. a decision; null when there is none. */
export function named(family: string, name: string): string | null {
  const word = `${family}.${name}`;
  return Object.hasOwn(entries, word) ? entries[word]![language.value] : null;
}
