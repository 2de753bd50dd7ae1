/** The arithmetic of a film's timeline and of the persons in it; no drawing. */
import type { Box, Evidence, Person, Result, Segment } from "./api/types";

export const AT_ONCE_S = 0.25; // between a sighting and a moment that it still shows
const STAYS = 0.3; // overlap of two sightings between which a face is taken to move evenly
const GAP = 1.5; // steps without a sighting that end a bar

export interface Line {
  source: string;
  method: string;
  track: number | null;
  points: readonly { time: number; score: number }[];
}

export interface Stretch extends Segment {
  source: string;
}

export interface Timeline {
  duration: number;
  lines: Line[];
  stretches: Stretch[];
}

/** Evidence without that on the file which only repeats its most suspect person. */
export function apart(evidence: readonly Evidence[]): Evidence[] {
  const ofPeople = new Set(evidence.filter((e) => e.track !== null).map((e) => e.method));
  return evidence.filter((e) => e.track !== null || !ofPeople.has(e.method));
}

/** source names a method, and the person where it looks at faces. */
export function timeline(result: Result, source: (e: Evidence) => string): Timeline | null {
  if (result.kind !== "video") return null;
  const drawn = apart(result.evidence).filter((e) => e.where.timeline.length);
  const lines = drawn.map((e) => ({
    source: source(e),
    method: e.method,
    track: e.track,
    points: e.where.timeline
      .map((m) => ({ time: m.time_s, score: m.score }))
      .sort((a, b) => a.time - b.time),
  }));
  const last = Math.max(0, ...lines.map((line) => line.points.at(-1)?.time ?? 0));
  const stretches = drawn
    .flatMap((e) => e.where.segments.map((s) => ({ ...s, source: source(e) })))
    .sort((a, b) => a.start_s - b.start_s || a.source.localeCompare(b.source));
  return { duration: Math.max(result.duration_s ?? 0, last, 1e-3), lines, stretches };
}

export const clamp = (value: number, low: number, high: number): number => Math.min(high, Math.max(low, value));

/** A moment's place, 0 to 1. */
export const placeOf = (time: number, duration: number): number => clamp(time / duration, 0, 1);

/** The score a line says at a moment, of its nearest sample; null where it has none. */
export function scoreAt(line: Line, time: number): number | null {
  let best: { time: number; score: number } | null = null;
  for (const point of line.points) {
    if (!best || Math.abs(point.time - time) < Math.abs(best.time - time)) best = point;
  }
  return best?.score ?? null;
}

export const flaggedAt = (stretches: readonly Segment[], time: number): boolean =>
  stretches.some((s) => s.start_s <= time && time <= s.end_s);

/** Every sampled moment, in order, without repeats. */
export function moments(lines: readonly Line[]): number[] {
  const all = new Set(lines.flatMap((line) => line.points.map((p) => p.time)));
  return [...all].sort((a, b) => a - b);
}

export type Key = "ArrowLeft" | "ArrowRight" | "Home" | "End" | "PageUp" | "PageDown";

/** Where a key leads: arrows to the next sampled moment, page keys to the next flagged stretch. */
export function sought(key: string, time: number, line: Pick<Timeline, "duration" | "stretches">, at: readonly number[]): number | null {
  const near = 0.02;
  const stops = at.length > 1 ? at : Array.from({ length: 11 }, (_, n) => (n * line.duration) / 10);
  const starts = line.stretches.map((s) => s.start_s);
  const after = (list: readonly number[]) => list.find((t) => t > time + near) ?? null;
  const before = (list: readonly number[]) => list.filter((t) => t < time - near).at(-1) ?? null;
  switch (key) {
    case "ArrowRight":
    case "ArrowUp":
      return after(stops) ?? line.duration;
    case "ArrowLeft":
    case "ArrowDown":
      return before(stops) ?? 0;
    case "Home":
      return 0;
    case "End":
      return line.duration;
    case "PageDown":
      return after(starts) ?? line.duration;
    case "PageUp":
      return before(starts) ?? 0;
    default:
      return null;
  }
}

function overlap(a: Box, b: Box): number {
  const width = Math.min(a[2], b[2]) - Math.max(a[0], b[0]);
  const height = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
  const shared = Math.max(0, width) * Math.max(0, height);
  const area = (c: Box) => (c[2] - c[0]) * (c[3] - c[1]);
  return shared / Math.max(area(a) + area(b) - shared, 1);
}

/** Where a face is at a moment; between two sightings only when it hardly moves. */
export function boxAt(person: Person, time: number): Box | null {
  const seen = person.sightings;
  const nearest = seen.reduce<(typeof seen)[number] | null>(
    (best, one) => (!best || Math.abs(one.time_s - time) < Math.abs(best.time_s - time) ? one : best),
    null,
  );
  if (nearest && Math.abs(nearest.time_s - time) <= AT_ONCE_S) return nearest.box;
  for (let n = 1; n < seen.length; n += 1) {
    const [a, b] = [seen[n - 1]!, seen[n]!];
    if (!(a.time_s < time && time < b.time_s) || overlap(a.box, b.box) < STAYS) continue;
    const share = (time - a.time_s) / (b.time_s - a.time_s);
    const edge = (i: 0 | 1 | 2 | 3) => a.box[i] + share * (b.box[i] - a.box[i]);
    return [edge(0), edge(1), edge(2), edge(3)];
  }
  return null;
}

export interface Span {
  start: number;
  end: number;
}

/** The stretches of sightings without a gap; each reaches half a step beyond. */
export function stays(times: readonly number[], step: number): Span[] {
  const spans: Span[] = [];
  times.forEach((time, n) => {
    const previous = times[n - 1];
    const last = spans.at(-1);
    if (last && previous !== undefined && time - previous <= GAP * step) last.end = time + step / 2;
    else spans.push({ start: time - step / 2, end: time + step / 2 });
  });
  return spans;
}

export interface Bar {
  person: Person;
  seen: Span[];
  flagged: Span[];
}

/** When each person of a film is seen and flagged, in seconds inside the film. */
export function bars(result: Result): Bar[] {
  const people = result.people ?? [];
  if (result.kind !== "video" || !people.length) return [];
  const own = (track: number) => result.evidence.filter((e) => e.track === track);
  const times = people.map((p) => {
    const sampled = own(p.track).flatMap((e) => e.where.timeline.map((m) => m.time_s));
    return [...new Set([...p.sightings.map((s) => s.time_s), ...sampled])].sort((a, b) => a - b);
  });
  const union = [...new Set(times.flat())].sort((a, b) => a - b);
  const duration = Math.max(result.duration_s ?? 0, union.at(-1) ?? 0, 1e-3);
  const steps = union.slice(1).map((t, n) => t - union[n]!).sort((a, b) => a - b);
  const step = steps.length ? steps[Math.floor(steps.length / 2)]! : duration;
  const inside = (s: Span) => ({ start: clamp(s.start, 0, duration), end: clamp(s.end, 0, duration) });
  return people.map((person, n) => ({
    person,
    seen: stays(times[n]!, step).map(inside),
    flagged: own(person.track).flatMap((e) => e.where.segments.map((s) => inside({ start: s.start_s, end: s.end_s }))),
  }));
}
