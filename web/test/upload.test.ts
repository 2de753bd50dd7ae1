import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ApiError } from "../src/api/client";
import { isPassing, isSame, nextSize, upload, WHOLE, type Begun } from "../src/api/upload";
import { keepKey } from "../src/state/key";

/** A server of the contract's uploads, in memory. */
class Server {
  data = "";
  size = 0;
  calls: string[] = [];
  fault: ((method: string, path: string) => Response | "cut" | null) | null = null;
  headers: Headers[] = [];

  fetch = async (path: string, init: RequestInit = {}): Promise<Response> => {
    const method = init.method ?? "GET";
    this.calls.push(`${method} ${path}`);
    this.headers.push(new Headers(init.headers));
    const fault = this.fault?.(method, path);
    if (fault === "cut") {
      const bytes = await text(init.body as Blob);
      this.data += bytes.slice(0, 3);
      throw new TypeError("network");
    }
    if (fault) return fault;
    const headers = { "Upload-Offset": String(this.data.length) };
    if (path === "/v1/jobs") return answer(202, { id: "whole" });
    if (path === "/v1/uploads") {
      this.size = JSON.parse(String(init.body)).size;
      return answer(201, { id: "u", offset: 0, chunk_bytes: 8 });
    }
    if (method === "HEAD") return new Response(null, { status: 200, headers });
    if (method === "PATCH") {
      if (Number(new Headers(init.headers).get("Upload-Offset")) !== this.data.length) return answer(409, problem(409));
      this.data += await text(init.body as Blob);
      return new Response(null, { status: 204, headers: { "Upload-Offset": String(this.data.length) } });
    }
    return this.data.length === this.size ? answer(202, { id: "job" }) : answer(409, problem(409));
  };
}

const text = (blob: Blob): Promise<string> =>
  new Promise((resolve) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result));
    reader.readAsText(blob);
  });
const problem = (status: number) => ({ type: "about:blank", title: "no", status });
const answer = (status: number, body: unknown) => new Response(JSON.stringify(body), { status });

/** A file that counts as large without holding so many bytes. */
function large(content: string): File {
  const file = new File([content], "film.mp4", { lastModified: 5 });
  Object.defineProperty(file, "size", { value: content.length });
  return file;
}
const begun = (file: File): Begun => ({ id: "u", name: file.name, size: file.size, modified: 5, shown: file.name, batch: null, chunk: 8 });

let server: Server;
const wait = vi.fn(async () => undefined);
const options = () => ({ signal: new AbortController().signal, wait });

beforeEach(() => {
  server = new Server();
  vi.stubGlobal("fetch", server.fetch);
  wait.mockClear();
});
afterEach(() => vi.unstubAllGlobals());

const LETTERS = "abcdefghijklmnopqrstuvwxyz";

describe("an upload", () => {
  it("goes whole when it is small", async () => {
    const job = await upload(new File(["x"], "a.png"), options());
    expect(job.id).toBe("whole");
    expect(server.headers[0]!.get("Idempotency-Key")).toMatch(/^page-/);
  });

  it("keeps its idempotency key over a repeated attempt", async () => {
    server.fault = () => (server.calls.length === 1 ? answer(503, problem(503)) : null);
    await upload(new File(["x"], "a.png"), options());
    expect(server.headers[0]!.get("Idempotency-Key")).toBe(server.headers[1]!.get("Idempotency-Key"));
  });

  it("goes in chunks when it is large", async () => {
    const file = new File([new Uint8Array(WHOLE + 1)], "film.mp4");
    server.fault = (method) => (method === "PATCH" ? answer(400, problem(400)) : null);
    await expect(upload(file, options())).rejects.toThrow(ApiError);
    expect(server.calls).toEqual(["POST /v1/uploads", "PATCH /v1/uploads/u"]);
  });

  it("goes on where it stopped", async () => {
    const file = large(LETTERS);
    [server.data, server.size] = [LETTERS.slice(0, 10), LETTERS.length];
    const seen: number[] = [];
    const job = await upload(file, { ...options(), begun: begun(file), onProgress: (n) => seen.push(n) });
    expect(job.id).toBe("job");
    expect(server.data).toBe(LETTERS);
    expect(seen).toEqual([10, 18, 26]);
    expect(server.calls[0]).toBe("HEAD /v1/uploads/u");
  });

  it("sends nothing twice after a broken connection", async () => {
    const file = large(LETTERS);
    server.size = LETTERS.length;
    let cuts = 2;
    server.fault = (method) => (method === "PATCH" && cuts-- > 0 ? "cut" : null);
    await upload(file, { ...options(), begun: begun(file) });
    expect(server.data).toBe(LETTERS);
    expect(wait).toHaveBeenCalledTimes(2);
  });

  it("believes the server about the offset", async () => {
    const file = large(LETTERS);
    server.size = LETTERS.length;
    let isFirst = true;
    server.fault = (method) => {
      if (method !== "PATCH" || !isFirst) return null;
      isFirst = false;
      server.data = LETTERS.slice(0, 8); // the answer to this chunk was lost, its bytes were not
      return answer(409, problem(409));
    };
    await upload(file, { ...options(), begun: begun(file) });
    expect(server.data).toBe(LETTERS);
    expect(wait).not.toHaveBeenCalled();
  });

  it("gives up when nothing helps, and at once when asking again is useless", async () => {
    server.fault = () => answer(503, problem(503));
    await expect(upload(new File(["x"], "a.png"), options())).rejects.toThrow(ApiError);
    expect(server.calls).toHaveLength(6);
    server.calls = [];
    server.fault = () => answer(415, problem(415));
    await expect(upload(new File(["x"], "a.png"), options())).rejects.toThrow(ApiError);
    expect(server.calls).toHaveLength(1);
  });

  it("stops when asked to", async () => {
    const control = new AbortController();
    control.abort();
    const file = large(LETTERS);
    await expect(upload(file, { wait, signal: control.signal, begun: begun(file) })).rejects.toMatchObject({ name: "AbortError" });
  });

  it("carries the key", async () => {
    keepKey("vl_a_b", false);
    await upload(new File(["x"], "a.png"), options());
    keepKey(null, false);
    expect(server.headers[0]!.get("Authorization")).toBe("Bearer vl_a_b");
  });
});

describe("chunks", () => {
  const [kB, MB] = [2 ** 10, 2 ** 20];
  it("grow on a quick line and shrink on a slow one, within bounds", () => {
    expect(nextSize(MB, 100, 8 * MB)).toBe(2 * MB);
    expect(nextSize(8 * MB, 100, 8 * MB)).toBe(8 * MB);
    expect(nextSize(MB, 1000, 8 * MB)).toBe(MB);
    expect(nextSize(MB, 9000, 8 * MB)).toBe(512 * kB);
    expect(nextSize(256 * kB, Infinity, 8 * MB)).toBe(256 * kB);
    expect(nextSize(8, Infinity, 8)).toBe(8);
  });
});

describe("an interrupted upload", () => {
  it("knows its file again", () => {
    const file = large(LETTERS);
    expect(isSame(begun(file), file)).toBe(true);
    expect(isSame(begun(file), new File([LETTERS], "film.mp4", { lastModified: 6 }))).toBe(false);
  });

  it("tells passing faults from lasting ones", () => {
    const fault = (status: number) => new ApiError(problem(status));
    expect([0, 429, 500, 503].map((s) => isPassing(fault(s)))).toEqual([true, true, true, true]);
    expect([400, 404, 413, 415].map((s) => isPassing(fault(s)))).toEqual([false, false, false, false]);
  });
});
