/** Language and colours: by the browser's preference until the reader chooses. */
import { effect, signal } from "@preact/signals";
import { read, write } from "./stored";

export type Language = "en" | "de";
export type Theme = "auto" | "light" | "dark";

export function preferred(languages: readonly string[]): Language {
  for (const tag of languages) {
    const name = tag.toLowerCase().split("-")[0];
    if (name === "de" || name === "en") return name;
  }
  return "en";
}

function stored<T extends string>(name: string, allowed: readonly T[]): T | null {
  const value = read("local", name);
  return allowed.find((one) => one === value) ?? null;
}

export const language = signal<Language>(stored<Language>("language", ["en", "de"]) ?? preferred(navigator.languages));
export const theme = signal<Theme>(stored<Theme>("theme", ["auto", "light", "dark"]) ?? "auto");

export function chooseLanguage(value: Language): void {
  language.value = value;
  write("local", "language", value);
}

export function chooseTheme(value: Theme): void {
  theme.value = value;
  write("local", "theme", value === "auto" ? null : value);
}

export function applySettings(): void {
  effect(() => {
    document.documentElement.lang = language.value;
  });
  effect(() => {
    if (theme.value === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme.value;
  });
}
