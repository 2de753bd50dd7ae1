/** A job followed to its end: server-sent events read through fetch, polling where that fails. */
import { ApiError, job as fetchJob, send } from "./client";
import type { Job } from "./types";

export interface Message {
  event: string;
  data: string;
  id: string | null;
}

/** Yield the messages of an event stream, as the standard reads them. */
export async function* messages(chunks: AsyncIterable<string>): AsyncGenerator<Message> {
  let rest = "";
  let [event, id]: [string, string | null] = ["message", null];
  let data: string[] = [];
  for await (const chunk of chunks) {
    rest += chunk;
    const lines = rest.split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? "";
    for (const line of lines) {
      if (line === "") {
        if (data.length) yield { event, data: data.join("\n"), id };
        [event, data] = ["message", []];
        continue;
      }
      const colon = line.indexOf(":");
      const name = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
      if (name === "event") event = value;
      else if (name === "data") data.push(value);
      else if (name === "id") id = value;
    }
  }
}

async function* decoded(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield decoder.decode(value, { stream: true });
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

export type Progress = Pick<Job, "state" | "progress" | "stage">;
type Told = (progress: Progress) => void;

const isOver = (job: Job): boolean => job.state === "done" || job.state === "failed";

export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(new DOMException("stopped", "AbortError"));
    });
  });
}

/** Follow one stream; null when it ends before the job does. */
async function streamed(id: string, last: { id: string | null }, told: Told, signal: AbortSignal): Promise<Job | null> {
  const headers: Record<string, string> = { Accept: "text/event-stream" };
  if (last.id !== null) headers["Last-Event-ID"] = last.id;
  const answer = await send(`/v1/jobs/${id}/events`, { headers, signal });
  if (!answer.body) return null;
  for await (const message of messages(decoded(answer.body))) {
    if (message.id !== null) last.id = message.id;
    if (message.event === "progress") told(JSON.parse(message.data) as Progress);
    if (message.event === "end") return JSON.parse(message.data) as Job;
  }
  return null;
}

const STREAMS = 3; // tries before polling takes over
const POLL_MS = 1500;

/** Return the job once it is over; `told` hears of its progress on the way. */
export async function follow(id: string, told: Told, signal: AbortSignal, wait = pause): Promise<Job> {
  const last = { id: null as string | null };
  for (let n = 0; n < STREAMS; n += 1) {
    try {
      const end = await streamed(id, last, told, signal);
      if (end) return end;
    } catch (error) {
      if (!(error instanceof ApiError) && !(error instanceof TypeError)) throw error;
      if (error instanceof ApiError && [401, 403, 404].includes(error.problem.status)) throw error;
    }
    await wait(300 * 2 ** n, signal);
  }
  return polled(id, told, signal, wait);
}

async function polled(id: string, told: Told, signal: AbortSignal, wait: typeof pause): Promise<Job> {
  for (let silent = 0; ; ) {
    try {
      const job = await fetchJob(id, signal);
      if (isOver(job)) return job;
      told(job);
      silent = 0;
    } catch (error) {
      const isLost = !(error instanceof ApiError) || (error.problem.status >= 400 && error.problem.status < 500);
      silent += 1;
      if (isLost || silent > 20) throw error;
    }
    await wait(POLL_MS * Math.min(4, 1 + silent), signal);
  }
}
