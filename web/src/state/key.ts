import { signal } from "@preact/signals";
import { read, write } from "./stored";

/** The API key, kept until the tab closes unless the reader asks to keep it. */
export const key = signal<string | null>(read("session", "key") ?? read("local", "key"));

export const isKept = (): boolean => read("local", "key") !== null;

export function keepKey(value: string | null, keep: boolean): void {
  key.value = value;
  write("session", "key", keep ? null : value);
  write("local", "key", keep ? value : null);
}

/** Whether the page asks for a key right now. */
export const askKey = signal(false);
