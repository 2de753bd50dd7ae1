import { describe, expect, it } from "vitest";
import type { Evidence, Job } from "../src/api/types";
import { colour, grey, RAMP } from "../src/heat";
import { ranked } from "../src/parts/evidence";
import { kindOf } from "../src/parts/problem";
import { flat } from "../src/parts/provenance";
import { address } from "../src/state/picked";
import { parse, to } from "../src/state/route";
import { common, sorted } from "../src/views/batch";
import { sortOf } from "../src/views/history";
import { centred, panned, WHOLE, zoomed } from "../src/zoom";

const job = (name: string, decision: string | null, probability = 0): Job =>
  ({ name, size: name.length, created: name, kind: "image", summary: decision ? { decision, probability } : null }) as Job;

describe("a table of a folder", () => {
  const jobs = [job("b10", "genuine", 0.1), job("b9", null), job("a", "fake", 0.9), job("c", "unsure", 0.5)];
  const names = (by: Parameters<typeof sorted>[1]["by"], down: boolean) => sorted(jobs, { by, down }).map((one) => one.name);

  it("sorts numbers in names as numbers", () => expect(names("name", false)).toEqual(["a", "b9", "b10", "c"]));
  it("sorts decisions by severity, the unjudged last", () => {
    expect(names("decision", true)).toEqual(["a", "c", "b10", "b9"]);
    expect(names("decision", false)).toEqual(["b10", "c", "a", "b9"]);
  });
  it("sorts probabilities", () => expect(names("probability", true)).toEqual(["a", "c", "b10", "b9"]));
  it("is named after what its files share", () => {
    expect(common(["a/b/1.jpg", "a/b/c/2.jpg"])).toBe("a/b");
    expect(common(["a/1.jpg", "b/2.jpg"])).toBeNull();
    expect(common(["1.jpg"])).toBeNull();
    expect(common([])).toBeNull();
  });
  it("reads the history's order", () => {
    expect(sortOf("-probability")).toEqual({ by: "probability", down: true });
    expect(sortOf(null)).toEqual({ by: "created", down: true });
    expect(sortOf("bogus")).toEqual({ by: "created", down: false });
  });
});

describe("addresses", () => {
  it("lead to views and back", () => {
    expect(parse(to.job("a/b?c"))).toEqual({ view: "job", id: "a/b?c" });
    expect(parse(to.compare("1", "2"))).toEqual({ view: "compare", a: "1", b: "2" });
    expect(parse(to.history(new URLSearchParams({ q: "x y" })))).toMatchObject({ view: "history" });
    for (const odd of ["", "#/", "#/job", "#/nowhere/x"]) expect(parse(odd)).toEqual({ view: "start" });
  });
  it("are web addresses alone", () => {
    expect(address(" https://example.org/a.jpg\nmore")).toBe("https://example.org/a.jpg");
    for (const odd of ["file:///etc/passwd", "javascript:alert(1)", "a.jpg", ""]) expect(address(odd)).toBeNull();
  });
});

describe("zoom", () => {
  it("keeps the point under the pointer", () => {
    const view = zoomed(WHOLE, 2, { x: 30, y: 40 }, 100, 100);
    expect(view).toEqual({ scale: 2, x: -30, y: -40 });
    expect(zoomed(view, 0.1, { x: 0, y: 0 }, 100, 100)).toEqual(WHOLE);
  });
  it("never leaves the picture", () => {
    const view = zoomed(WHOLE, 2, { x: 0, y: 0 }, 100, 100);
    expect(panned(view, 500, -500, 100, 100)).toEqual({ scale: 2, x: 0, y: -100 });
    expect(centred(view, { x: 60, y: 70 }, 100, 100)).toEqual({ scale: 2, x: -10, y: -20 });
    expect(zoomed(WHOLE, 1000, { x: 0, y: 0 }, 100, 100).scale).toBe(16);
  });
});

describe("heat maps", () => {
  it("colour from dark blue to yellow, low scores nearly clear", () => {
    expect([...RAMP.slice(0, 3)]).toEqual([13, 8, 135]);
    expect([...RAMP.slice(-3)]).toEqual([240, 249, 33]);
    const pixels = grey({ rows: 1, columns: 3, values: [0, 1, null] });
    colour(pixels);
    expect([...pixels]).toEqual([13, 8, 135, 13, 240, 249, 33, 255, 13, 8, 135, 13]);
  });
});

describe("evidence", () => {
  const e = (method: string, score: number, limit = "") => ({ method, score, limits: limit ? [limit] : [] }) as unknown as Evidence;
  it("is ranked as in the report", () => {
    const order = ranked([e("a", 0.9, "not counted in the verdict: x"), e("b", 0.2), e("c", 0.4)]).map((one) => one.method);
    expect(order).toEqual(["c", "b", "a"]);
  });
  it("of manifests becomes text", () => {
    expect(flat({ a: ["x", { b: 1 }], c: null, d: "" })).toBe("a: x, b: 1");
  });
});

describe("problems", () => {
  const of = (type: string, status: number) => kindOf({ type, title: "", status });
  it("are known by type, else by status", () => {
    expect(of("/problems/not-media", 415)).toBe("not-media");
    expect(of("about:blank", 413)).toBe("too-large");
    expect(of("https://x/problems/odd", 500)).toBe("server-fault");
    expect(of("about:blank", 418)).toBe("bad-request");
    expect(of("about:blank", 0)).toBe("unreachable-server");
  });
});
