import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { follow, messages, type Message } from "../src/api/events";

async function* chunks(...parts: string[]) {
  yield* parts;
}
async function read(...parts: string[]): Promise<Message[]> {
  const found: Message[] = [];
  for await (const message of messages(chunks(...parts))) found.push(message);
  return found;
}

describe("an event stream", () => {
  it("is read across chunks and line ends", async () => {
    expect(await read("id: 7\nevent: pro", "gress\nda", "ta: {\"a\":1}\n", "\n: heartbeat\n\r\ndata: x\r\ndata: y\r\n\r\n")).toEqual([
      { event: "progress", data: '{"a":1}', id: "7" },
      { event: "message", data: "x\ny", id: "7" },
    ]);
  });
  it("drops what was cut off", async () => expect(await read("event: end\ndata: {}")).toEqual([]));
});

const stream = (text: string) => new Response(text, { headers: { "Content-Type": "text/event-stream" } });
const wait = vi.fn(async () => undefined);
const END = { id: "j", state: "done" };
let answers: ((headers: Headers) => Response | Promise<Response>)[];
let asked: string[];

beforeEach(() => {
  [answers, asked] = [[], []];
  wait.mockClear();
  vi.stubGlobal("fetch", async (path: string, init: RequestInit = {}) => {
    asked.push(path);
    const next = answers.shift();
    if (!next) throw new TypeError("network");
    return next(new Headers(init.headers));
  });
});
afterEach(() => vi.unstubAllGlobals());

const go = (told = vi.fn()) => follow("j", told, new AbortController().signal, wait);

describe("a job", () => {
  it("is followed to its end", async () => {
    const told = vi.fn();
    answers = [() => stream(`event: progress\ndata: {"progress":0.5}\n\nevent: end\ndata: ${JSON.stringify(END)}\n\n`)];
    expect(await go(told)).toEqual(END);
    expect(told).toHaveBeenCalledWith({ progress: 0.5 });
  });

  it("is taken up again after the last event that was heard", async () => {
    let last: string | null = null;
    answers = [
      () => stream("id: 3\nevent: progress\ndata: {}\n\n"),
      (headers) => {
        last = headers.get("Last-Event-ID");
        return stream(`event: end\ndata: ${JSON.stringify(END)}\n\n`);
      },
    ];
    expect(await go()).toEqual(END);
    expect(last).toBe("3");
  });

  it("is polled when streams fail", async () => {
    const broken = () => new Response("{}", { status: 500 });
    const running = () => new Response(JSON.stringify({ ...END, state: "running" }));
    answers = [broken, broken, broken, running, broken, () => new Response(JSON.stringify(END))];
    const told = vi.fn();
    expect(await go(told)).toEqual(END);
    expect(told).toHaveBeenCalledTimes(1);
    expect(asked.filter((path) => path.endsWith("/events"))).toHaveLength(3);
  });

  it("is given up when it is gone", async () => {
    answers = [() => new Response("{}", { status: 404 })];
    await expect(go()).rejects.toMatchObject({ problem: { status: 404 } });
  });
});
