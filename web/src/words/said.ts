/** English sentences of the server, turned into the reader's language as far as they are known.
 *
 * Entries "said.*" of the catalogue are templates: the English one recognises, the other writes. A
 * text is read from left to right; what no template knows stays English and is marked as such.
 */
import type { Language } from "../state/settings";
import { entries } from "./index";

export interface Piece {
  text: string;
  lang: Language;
}

const NAME = "[A-Za-z0-9_.-]+";
const KINDS: Record<string, string> = {
  p: "[<>]?\\d+\\s?%",
  n: "\\d+",
  m: "\\d+|none",
  d: "-?[\\d.]+",
  names: `${NAME}(?:, ${NAME})*(?: and ${NAME})?`,
  at: "(?: at [\\d:]+(?:-[\\d:]+)?)?",
  people: "the face of person .+?",
  items: ".+",
  inside: ".+?",
};

interface Rule {
  pattern: RegExp;
  slots: string[];
  write: string;
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

function rule(english: string, write: string): Rule {
  const slots: string[] = [];
  const parts = english.split(/\{(\w+)\}/);
  const source = parts.map((part, n) => {
    if (n % 2 === 0) return escaped(part);
    slots.push(part);
    return `(${KINDS[part.replace(/\d$/, "")] ?? ".+?"})`;
  });
  const isWhole = parts.at(-1) === "" && slots.length > 0;
  return { pattern: new RegExp(`^${source.join("")}${isWhole ? "$" : "(?=\\s|;|,|\\)|\\.(?:\\s|$)|$)"}`), slots, write };
}

const rules = new Map<Language, Rule[]>();

function rulesOf(language: Language): Rule[] {
  let found = rules.get(language);
  if (!found) {
    const words = Object.keys(entries).filter((word) => word.startsWith("said."));
    found = words.map((word) => rule(entries[word]!.en, entries[word]![language]));
    found.sort((a, b) => b.pattern.source.length - a.pattern.source.length);
    rules.set(language, found);
  }
  return found;
}

/** Return the longest known beginning of a text, written in `language`, and the rest. */
function head(text: string, language: Language): { written: string; rest: string } | null {
  for (const { pattern, slots, write } of rulesOf(language)) {
    const match = pattern.exec(text);
    if (!match || match[0] === "") continue;
    const values = new Map(slots.map((slot, n) => [slot, slotText(slot, match[n + 1] ?? "", language)]));
    const written = write.replace(/\{(\w+)\}/g, (whole, slot: string) => values.get(slot) ?? whole);
    return { written, rest: text.slice(match[0].length) };
  }
  return null;
}

function slotText(slot: string, text: string, language: Language): string {
  if (language !== "de") return text;
  switch (slot.replace(/\d$/, "")) {
    case "p":
      return text.replace("%", "\u00a0%");
    case "m":
      return text === "none" ? "keiner" : text;
    case "names":
      return text.replace(" and ", " und ");
    case "at":
      return text.replace(" at ", " bei ").replace("-", "–");
    case "people":
      return text
        .replaceAll("the face of person", "dem Gesicht von Person")
        .replaceAll(" and ", " und ")
        .replaceAll(" at ", " bei ");
    case "items":
      return items(text).map((item) => whole(item, language)).join(", ");
    case "inside":
      return text.split("; ").map((item) => whole(item, language)).join("; ");
    default:
      return text;
  }
}

/** Split at commas that no bracket holds. */
export function items(text: string): string[] {
  const found = [""];
  let depth = 0;
  for (const c of text) {
    depth += c === "(" ? 1 : c === ")" ? -1 : 0;
    if (c === "," && depth === 0) found.push("");
    else found[found.length - 1] += c;
  }
  return found.map((item) => item.trim());
}

const whole = (text: string, language: Language): string => {
  const found = head(text, language);
  return found && found.rest === "" ? found.written : text;
};

/** Return a text in pieces, each with the language it is in. */
export function said(text: string, language: Language): Piece[] {
  if (language === "en") return [{ text, lang: "en" }];
  const pieces: Piece[] = [];
  const push = (part: string, lang: Language) => {
    const last = pieces.at(-1);
    if (last?.lang === lang) last.text += part;
    else pieces.push({ text: part, lang });
  };
  let rest = text;
  while (rest) {
    const known = head(rest, language);
    if (known) {
      push(known.written, language);
      rest = known.rest;
      const space = /^\.?[\s;,]*/.exec(rest)?.[0] ?? "";
      push(space, language);
      rest = rest.slice(space.length);
      continue;
    }
    const end = /[.;]\s+(?=\S)/g;
    let cut = rest.length;
    for (let m = end.exec(rest); m; m = end.exec(rest)) {
      if (!head(rest.slice(m.index + m[0].length), language)) continue;
      cut = m.index + m[0].length;
      break;
    }
    push(rest.slice(0, cut), "en");
    rest = rest.slice(cut);
  }
  return pieces;
}
