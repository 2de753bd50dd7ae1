import { signal } from "@preact/signals";
import { about as fetchAbout, ApiError, UNREACHABLE } from "../api/client";
import type { About, Kind, MethodCard, Problem, Thresholds } from "../api/types";
import { askKey, key } from "./key";

export const about = signal<About | null>(null);
export const serverFault = signal<Problem | null>(null);

/** Ask the server about itself; without a key where one is needed, the page asks for it. */
export async function greet(): Promise<void> {
  try {
    about.value = await fetchAbout();
    serverFault.value = null;
    if (about.value.auth && key.value === null) askKey.value = true;
  } catch (error) {
    const problem = error instanceof ApiError ? error.problem : UNREACHABLE;
    serverFault.value = problem.status === 401 ? null : problem;
  }
}

export function may(scope: "submit" | "read" | "admin"): boolean {
  const scopes = about.value?.key?.scopes;
  return !scopes || scopes.includes(scope) || scopes.includes("admin");
}

export function thresholdsOf(claim: string | null, kind: Kind | null): Thresholds | null {
  return (kind && about.value?.thresholds?.[claim ?? "ai-generated"]?.[kind]) ?? null;
}

/** What a method's card says, where the server tells it. */
export function cardOf(method: string): MethodCard | null {
  const known = about.value?.methods;
  return known && !Array.isArray(known) && Object.hasOwn(known, method) ? known[method]! : null;
}
