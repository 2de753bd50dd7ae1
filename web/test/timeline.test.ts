import { describe, expect, it } from "vitest";
import type { Box, Evidence, Person, Result } from "../src/api/types";
import { apart, bars, boxAt, flaggedAt, moments, placeOf, scoreAt, sought, stays, timeline } from "../src/timeline";

const evidence = (method: string, track: number | null, points: [number, number][], segments: [number, number][] = []): Evidence => ({
  method, track, claim: "ai-generated", score: 0.5, logit: 0, why: "", limits: [],
  where: {
    by: "", heatmap: null, boxes: [], box_scores: [],
    timeline: points.map(([time_s, score]) => ({ time_s, score })),
    segments: segments.map(([start_s, end_s]) => ({ start_s, end_s, score: 0.9 })),
  },
});
const person = (track: number, sightings: [number, Box][]): Person => ({ track, verdict: null, sightings: sightings.map(([time_s, box]) => ({ time_s, box })) });
const film = (parts: Partial<Result>): Result => ({ kind: "video", duration_s: 10, evidence: [], people: null, ...parts }) as Result;
const source = (e: Evidence) => (e.track === null ? e.method : `${e.method} on ${e.track}`);

describe("a timeline", () => {
  const line = timeline(film({ evidence: [evidence("npr", null, [[2, 0.9], [0, 0.1]], [[1, 3], [5, 6]]), evidence("ucf", null, [[0, 1]]), evidence("ucf", 1, [[0, 1]])] }), source)!;

  it("is of films alone", () => expect(timeline(film({ kind: "image" }), source)).toBeNull());
  it("leaves out what repeats a person", () => expect(line.lines.map((l) => l.source)).toEqual(["npr", "ucf on 1"]));
  it("is in order of time", () => expect(line.lines[0]!.points.map((p) => p.time)).toEqual([0, 2]));
  it("reaches to the last moment", () => expect(timeline(film({ duration_s: null, evidence: [evidence("a", null, [[4, 0]])] }), source)!.duration).toBe(4));

  it("finds scores and flags", () => {
    expect(scoreAt(line.lines[0]!, 1.6)).toBe(0.9);
    expect(scoreAt({ ...line.lines[0]!, points: [] }, 1)).toBeNull();
    expect([0.5, 1, 3, 4].map((t) => flaggedAt(line.stretches, t))).toEqual([false, true, true, false]);
    expect([-1, 5, 20].map((t) => placeOf(t, 10))).toEqual([0, 0.5, 1]);
  });

  it("is walked with keys", () => {
    const at = moments([{ source: "", method: "", track: null, points: [0, 1, 2, 4].map((time) => ({ time, score: 0 })) }]);
    const from = (key: string, time: number) => sought(key, time, line, at);
    expect(from("ArrowRight", 1)).toBe(2);
    expect(from("ArrowRight", 4)).toBe(10);
    expect(from("ArrowLeft", 1.5)).toBe(1);
    expect(from("ArrowLeft", 0)).toBe(0);
    expect(from("PageDown", 1)).toBe(5);
    expect(from("PageUp", 5)).toBe(1);
    expect([from("Home", 3), from("End", 3), from("x", 3)]).toEqual([0, 10, null]);
    expect(sought("ArrowRight", 0, line, [])).toBe(1); // without samples in tenths
  });
});

describe("persons", () => {
  const still = person(1, [[0, [0, 0, 10, 10]], [2, [4, 0, 14, 10]], [4, [90, 90, 99, 99]]]);

  it("are boxed where they are seen", () => {
    expect(boxAt(still, 0.2)).toEqual([0, 0, 10, 10]);
    expect(boxAt(still, 9)).toBeNull();
    expect(boxAt(person(2, []), 0)).toBeNull();
  });
  it("move evenly between two near sightings alone", () => {
    expect(boxAt(still, 1)).toEqual([2, 0, 12, 10]);
    expect(boxAt(still, 3)).toBeNull();
  });
  it("are judged apart from the file", () => expect(apart([evidence("ucf", null, []), evidence("ucf", 1, []), evidence("npr", null, [])]).map(source)).toEqual(["ucf on 1", "npr"]));
  it("stay while sightings have no gap", () => {
    expect(stays([0, 1, 2, 6], 1)).toEqual([{ start: -0.5, end: 2.5 }, { start: 5.5, end: 6.5 }]);
  });
  it("have bars inside the film", () => {
    const [bar] = bars(film({ people: [person(1, [[0, [0, 0, 1, 1]], [1, [0, 0, 1, 1]], [2, [0, 0, 1, 1]]])], evidence: [evidence("ucf", 1, [], [[1, 20]])] }));
    expect(bar!.seen).toEqual([{ start: 0, end: 2.5 }]);
    expect(bar!.flagged).toEqual([{ start: 1, end: 10 }]);
    expect(bars(film({ kind: "image" }))).toEqual([]);
  });
});
