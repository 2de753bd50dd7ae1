/** What this page is sending: a queue that sends a few files at a time. */
import { batch as together, signal, type Signal } from "@preact/signals";
import { ApiError, dropUpload, openBatch, submitUrl, UNREACHABLE } from "../api/client";
import type { Job, Problem } from "../api/types";
import { isSame, upload, type Begun } from "../api/upload";
import { isHere, newFolder, note } from "./folders";
import { held, hold, release } from "./held";
import { about } from "./server";

export type Phase = "waiting" | "sending" | "sent" | "refused" | "stopped" | "lost";

export interface Sending {
  key: number;
  name: string;
  size: number;
  phase: Phase;
  sent: number;
  job: Job | null;
  problem: Problem | null;
  begun: Begun | null;
  file: File | null;
  batch: string | null;
  control: AbortController;
}

const AT_ONCE = 2;
let count = 0;

export const queue: Signal<Sending[]> = signal([]);

function change(key: number, changes: Partial<Sending>): void {
  queue.value = queue.value.map((item) => (item.key === key ? { ...item, ...changes } : item));
}

const item = (key: number): Sending | undefined => queue.value.find((one) => one.key === key);

function entry(file: File | null, name: string, size: number, rest: Partial<Sending> = {}): Sending {
  count += 1;
  const blank = { phase: "waiting" as Phase, sent: 0, job: null, problem: null, begun: null, batch: null };
  return { key: count, name, size, file, control: new AbortController(), ...blank, ...rest };
}

export interface Picked {
  file: File;
  /** shown name, with the path inside a folder */
  name: string;
}

/** Queue files; more than one are kept together in a folder, whose id is returned. */
export async function add(picked: Picked[]): Promise<{ keys: number[]; batch: string | null }> {
  const batch = picked.length > 1 ? await openBatch().then((b) => b.id, newFolder) : null;
  const fresh = picked
    .filter(({ file }) => !resumed(file))
    .map(({ file, name }) => refusedEarly(entry(file, name, file.size, { batch })));
  queue.value = [...queue.value, ...fresh];
  void pump();
  return { keys: fresh.map((one) => one.key), batch };
}

/** Refuse what the server would: the reader learns it before the bytes travel. */
function refusedEarly(one: Sending): Sending {
  const most = about.value?.limits.bytes;
  if (one.size === 0 && one.file) return { ...one, phase: "refused", problem: problem("empty", 422) };
  if (most && one.size > most) return { ...one, phase: "refused", problem: problem("too-large", 413) };
  return one;
}

const problem = (kind: string, status: number): Problem => ({ type: `/problems/${kind}`, title: kind, status });

/** Give a picked file to the interrupted upload that it belongs to; tell whether there is one. */
function resumed(file: File): boolean {
  const lost = queue.value.find((one) => one.phase === "lost" && one.begun && isSame(one.begun, file));
  if (!lost) return false;
  change(lost.key, { file, phase: "waiting", problem: null });
  return true;
}

export async function addUrl(url: string): Promise<Job> {
  return submitUrl(url);
}

/** Take up the uploads that a reload interrupted. */
export async function restore(): Promise<void> {
  const found = await held();
  if (!found.length) return;
  const items = found.map(({ begun, file }) =>
    entry(file, begun.shown, begun.size, { begun, batch: begun.batch, phase: file ? "waiting" : "lost" }),
  );
  queue.value = [...items, ...queue.value];
  void pump();
}

async function pump(): Promise<void> {
  const free = AT_ONCE - queue.value.filter((one) => one.phase === "sending").length;
  const next = queue.value.filter((one) => one.phase === "waiting" && one.file).slice(0, Math.max(0, free));
  together(() => next.forEach((one) => change(one.key, { phase: "sending" })));
  await Promise.all(next.map(transmit));
}

async function transmit(one: Sending): Promise<void> {
  const { file, key } = one;
  if (!file) return;
  try {
    const job = await upload(file, {
      signal: one.control.signal,
      shown: one.name,
      ...(one.batch && !isHere(one.batch) ? { batch: one.batch } : {}),
      ...(one.begun ? { begun: one.begun } : {}),
      onProgress: (sent) => change(key, { sent }),
      onBegun: (begun) => {
        change(key, { begun });
        void hold({ ...begun, batch: one.batch }, file);
      },
    });
    if (one.batch) note(one.batch, job.id);
    change(key, { phase: "sent", job, sent: one.size, file: null });
    await forget(key);
  } catch (error) {
    await failed(key, error);
  }
  void pump();
}

async function failed(key: number, error: unknown): Promise<void> {
  if (error instanceof DOMException && error.name === "AbortError") {
    change(key, { phase: "stopped", file: null });
    return;
  }
  const found = error instanceof ApiError ? error.problem : UNREACHABLE;
  change(key, { phase: "refused", problem: found });
  const isGone = found.status === 404 || found.status === 410;
  if (isGone) change(key, { begun: null });
  if (found.status !== 0 && found.status !== 401 && found.status < 500) await forget(key);
}

async function forget(key: number): Promise<void> {
  const begun = item(key)?.begun;
  if (begun) await release(begun.id);
}

export async function stop(key: number): Promise<void> {
  const one = item(key);
  if (!one) return;
  one.control.abort();
  if (one.phase !== "sending") change(key, { phase: "stopped", file: null });
  if (one.begun) {
    await release(one.begun.id);
    await dropUpload(one.begun.id).catch(() => undefined);
  }
}

export function again(key: number): void {
  change(key, { phase: "waiting", problem: null, control: new AbortController() });
  void pump();
}

export function clear(): void {
  queue.value = queue.value.filter((one) => one.phase === "sending" || one.phase === "waiting" || one.phase === "lost");
}
