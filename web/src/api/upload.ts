/** Large files in chunks: an upload goes on where it stopped, after a fault or a reload. */
import { ApiError, completeUpload, openUpload, sendChunk, submitFile, uploadOffset } from "./client";
import { pause } from "./events";
import type { Job } from "./types";

export const WHOLE = 4 * 2 ** 20; // files up to this size go in one request
const FIRST = 2 ** 20;
const LEAST = 2 ** 18;
const TRIES = 6;

/** An upload that has begun, as it is remembered over a reload. */
export interface Begun {
  id: string;
  name: string;
  size: number;
  modified: number;
  shown: string;
  batch: string | null;
  chunk: number;
}

export interface Options {
  signal: AbortSignal;
  batch?: string;
  shown?: string;
  begun?: Begun;
  onProgress?: (sent: number) => void;
  onBegun?: (begun: Begun) => void;
  wait?: typeof pause;
}

export const isSame = (begun: Begun, file: File): boolean =>
  begun.name === file.name && begun.size === file.size && begun.modified === file.lastModified;

/** Tell whether trying again may help: no answer, a busy server, a fault of its own. */
export function isPassing(error: unknown): boolean {
  if (!(error instanceof ApiError)) return false;
  const { status } = error.problem;
  return status === 0 || status === 429 || status >= 500;
}

/** Repeat `attempt` while what it throws may pass, with growing pauses. */
export async function insist<T>(attempt: () => Promise<T>, options: Pick<Options, "signal" | "wait">): Promise<T> {
  for (let n = 1; ; n += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (n >= TRIES || !isPassing(error)) throw error;
      await (options.wait ?? pause)(delay(error, n), options.signal);
    }
  }
}

/** How long to wait before another attempt: as the server says, else longer each time. */
function delay(error: unknown, n: number): number {
  const asked = error instanceof ApiError ? (error.problem.retry_after ?? 0) : 0;
  return Math.max(400 * 2 ** n, 1000 * asked);
}

/** Send a file, whole or in chunks, and return its job. */
export async function upload(file: File, options: Options): Promise<Job> {
  if (file.size <= WHOLE && !options.begun) {
    const { batch, shown: name, signal } = options;
    const idempotency = `page-${file.name.length}-${file.size}-${crypto.getRandomValues(new Uint32Array(3)).join("")}`;
    const extras = { idempotency, signal, ...(batch ? { batch } : {}), ...(name ? { name } : {}) };
    return insist(() => submitFile(file, extras), options);
  }
  const begun = options.begun ?? (await begin(file, options));
  await sendAll(file, begun, options);
  return insist(() => completeUpload(begun.id, options.batch), options);
}

async function begin(file: File, options: Options): Promise<Begun> {
  const shown = options.shown ?? file.name;
  const opened = await insist(() => openUpload(shown, file.size), options);
  const begun: Begun = {
    id: opened.id,
    name: file.name,
    size: file.size,
    modified: file.lastModified,
    shown,
    batch: options.batch ?? null,
    chunk: opened.chunk_bytes,
  };
  options.onBegun?.(begun);
  return begun;
}

/** The size of the next chunk: about a second each, so that progress moves and little is lost. */
export function nextSize(size: number, took_ms: number, most: number): number {
  const wanted = took_ms < 500 ? size * 2 : took_ms > 3000 ? size / 2 : size;
  return Math.min(most, Math.max(Math.round(wanted), Math.min(most, LEAST)));
}

async function sendAll(file: File, begun: Begun, options: Options): Promise<void> {
  let offset = options.begun ? await insist(() => uploadOffset(begun.id), options) : 0;
  let faults = 0;
  let size = Math.min(begun.chunk, FIRST);
  options.onProgress?.(offset);
  while (offset < file.size) {
    options.signal.throwIfAborted();
    try {
      const bytes = file.slice(offset, Math.min(file.size, offset + size));
      const started = performance.now();
      offset = await sendChunk(begun.id, offset, bytes, options.signal);
      size = nextSize(size, performance.now() - started, begun.chunk);
      faults = 0;
    } catch (error) {
      const isOff = error instanceof ApiError && error.problem.status === 409;
      faults += 1;
      if (faults >= TRIES || !(isOff || isPassing(error))) throw error;
      size = nextSize(size, Infinity, begun.chunk);
      if (!isOff) await (options.wait ?? pause)(delay(error, faults), options.signal);
      // what arrived of a broken chunk counts: the server knows where to go on
      offset = await insist(() => uploadOffset(begun.id), options);
    }
    options.onProgress?.(offset);
  }
}
