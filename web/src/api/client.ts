/** Requests to the server this page came from, with the key and with problems as errors. */
import { askKey, key } from "../state/key";
import type { About, Batch, Job, Page, Problem, Result } from "./types";

/** An answer that was not hoped for. `problem.status` is 0 when there was no answer at all. */
export class ApiError extends Error {
  constructor(readonly problem: Problem) {
    super(problem.detail ?? problem.title);
  }
}

export const UNREACHABLE: Problem = { type: "/problems/unreachable-server", title: "No answer", status: 0 };

function isProblem(value: unknown): value is Problem {
  return typeof value === "object" && value !== null && typeof (value as Problem).title === "string";
}

async function problemOf(response: Response): Promise<Problem> {
  const fallback = { type: "about:blank", title: response.statusText || String(response.status), status: response.status };
  const retry_after = Number(response.headers.get("Retry-After")) || 0;
  try {
    const body: unknown = await response.json();
    return isProblem(body) ? { ...fallback, ...body, retry_after } : fallback;
  } catch {
    return fallback;
  }
}

/** Return the answer; throw ApiError for every status that is not 2xx, and when there is none. */
export async function send(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  if (key.value) headers.set("Authorization", `Bearer ${key.value}`);
  let response: Response;
  try {
    response = await fetch(path, { ...init, headers, credentials: "same-origin" });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(UNREACHABLE);
  }
  if (response.ok) return response;
  if (response.status === 401) askKey.value = true;
  throw new ApiError(await problemOf(response));
}

async function json<T>(path: string, init?: RequestInit): Promise<T> {
  return (await send(path, init)).json() as Promise<T>;
}

function posted(body: unknown, headers: Record<string, string> = {}): RequestInit {
  return { method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json", ...headers } };
}

/** Return 32 random hexadecimal digits; crypto.randomUUID is missing outside secure contexts. */
export function token(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
}

export const about = (): Promise<About> => json("/v1/about");
export const job = (id: string, signal?: AbortSignal): Promise<Job> => json(`/v1/jobs/${id}`, signal ? { signal } : {});
export const result = (id: string): Promise<Result> => json(`/v1/jobs/${id}/result`);
export const jobs = (query: URLSearchParams): Promise<Page<Job>> => json(`/v1/jobs?${query.toString()}`);
export const batch = (id: string, cursor?: string): Promise<Batch> =>
  json(`/v1/batches/${id}?limit=200${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`);
export const retry = (id: string): Promise<Job> => json(`/v1/jobs/${id}/retry`, { method: "POST" });

export async function blob(path: string): Promise<Blob> {
  return (await send(path)).blob();
}

export async function remove(id: string): Promise<void> {
  await send(`/v1/jobs/${id}`, { method: "DELETE" });
}

export interface Extras {
  batch?: string;
  /** shown name, with the path inside a folder */
  name?: string;
  idempotency?: string;
  signal?: AbortSignal;
}

/** Submit a small file in one request. */
export function submitFile(file: File, extras: Extras = {}): Promise<Job> {
  const form = new FormData();
  if (extras.batch) form.append("batch", extras.batch);
  form.append("file", file, extras.name ?? file.name);
  return json("/v1/jobs", {
    method: "POST",
    body: form,
    headers: { "Idempotency-Key": extras.idempotency ?? token() },
    ...(extras.signal ? { signal: extras.signal } : {}),
  });
}

export function submitUrl(url: string): Promise<Job> {
  return json("/v1/jobs", posted({ url }, { "Idempotency-Key": token() }));
}

export function openBatch(): Promise<Batch> {
  return json("/v1/batches", posted({ urls: [] }));
}

export interface Opened {
  id: string;
  offset: number;
  chunk_bytes: number;
}

export function openUpload(name: string, size: number): Promise<Opened> {
  return json("/v1/uploads", posted({ name, size }));
}

export async function uploadOffset(id: string): Promise<number> {
  return Number((await send(`/v1/uploads/${id}`, { method: "HEAD" })).headers.get("Upload-Offset"));
}

export async function sendChunk(id: string, offset: number, bytes: Blob, signal?: AbortSignal): Promise<number> {
  const answer = await send(`/v1/uploads/${id}`, {
    method: "PATCH",
    body: bytes,
    headers: { "Upload-Offset": String(offset), "Content-Type": "application/offset+octet-stream" },
    ...(signal ? { signal } : {}),
  });
  return Number(answer.headers.get("Upload-Offset") ?? offset + bytes.size);
}

export function completeUpload(id: string, batchId?: string): Promise<Job> {
  return json(`/v1/uploads/${id}/complete`, posted(batchId ? { batch: batchId } : {}));
}

export async function dropUpload(id: string): Promise<void> {
  await send(`/v1/uploads/${id}`, { method: "DELETE" });
}
