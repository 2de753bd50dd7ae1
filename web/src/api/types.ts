/** What the server sends: the contract of /v1 and the record of `verilens scan --json`. */

export type Kind = "image" | "video";
export type Decision = "genuine" | "suspicious" | "fake" | "unsure";
export type State = "queued" | "running" | "done" | "failed";
export type Strength = "signed" | "declared" | "trace";
export type Origin = "ai" | "captured" | "unknown" | "conflict" | "invalid";
/** left, top, right, bottom in pixels of the upright picture */
export type Box = readonly [number, number, number, number];

export interface Problem {
  type: string;
  title: string;
  status: number;
  detail?: string;
  errors?: unknown;
  /** seconds after which the server wants to be asked again */
  retry_after?: number;
}

export interface Summary {
  decision: Decision;
  probability: number;
  interval: [number, number];
  sentence: string;
  claim: string;
  provenance_state: Origin;
}

export interface Job {
  id: string;
  name: string;
  kind: Kind | null;
  state: State;
  progress: number;
  stage: string | null;
  created: string;
  started: string | null;
  finished: string | null;
  size: number | null;
  sha256: string | null;
  source: "upload" | "url";
  batch: string | null;
  attempts: number;
  file_kept: boolean;
  error: Problem | null;
  maps: string[];
  summary: Summary | null;
}

export interface Page<T> {
  items: T[];
  next: string | null;
  total: number;
}

export interface Batch {
  id: string;
  created: string;
  counts: Record<State, number>;
  jobs: Job[];
  next?: string | null;
  total?: number;
  refused?: { name: string; problem: Problem }[];
}

export interface Thresholds {
  genuine: number;
  suspicious: number;
  fake: number;
}

export interface MethodCard {
  title: string;
  paper: string;
  limits: string[];
}

export interface About {
  version: string;
  auth: boolean;
  limits: { bytes: number; chunk_bytes: number; batch_files: number };
  tasks: string[];
  languages: string[];
  retention_hours: number | null;
  key?: { id: string; scopes: string[] } | null;
  thresholds?: Record<string, Partial<Record<Kind, Thresholds>>>;
  /** names alone, or what their cards say */
  methods?: string[] | Record<string, MethodCard>;
}

export interface Moment {
  time_s: number;
  score: number;
}

export interface Segment {
  start_s: number;
  end_s: number;
  score: number;
}

export interface Grid {
  rows: number;
  columns: number;
  values: (number | null)[];
}

export interface Where {
  by: string;
  heatmap: Grid | null;
  boxes: Box[];
  box_scores: number[];
  timeline: Moment[];
  segments: Segment[];
}

export interface Evidence {
  method: string;
  claim: string;
  track: number | null;
  score: number;
  logit: number;
  where: Where;
  why: string;
  limits: string[];
}

export interface Verdict {
  decision: Decision;
  probability: number;
  interval: [number, number];
  sentence: string;
  conflicts: string[];
  not_checked: string[];
}

export interface Person {
  track: number;
  sightings: { time_s: number; box: Box }[];
  verdict: Verdict | null;
}

export interface Claim {
  source: string;
  statement: string;
  ai: boolean | null;
  strength: Strength;
  detail: Record<string, string>;
}

export interface Provenance {
  state: Origin;
  claims: Claim[];
  c2pa: Record<string, unknown> | null;
  metadata: Record<string, unknown>;
  notes: string[];
}

export interface Quality {
  jpeg_quality: number | null;
  double_jpeg: number | null;
  blockiness: number | null;
  sharpness: number | null;
  bits_per_pixel: number | null;
  notes: string[];
}

/** One line of `verilens scan --json`; fields are null where nothing is known. */
export interface Result {
  schema: string;
  path: string;
  sha256: string | null;
  kind: Kind | null;
  format: string | null;
  codec: string | null;
  size_bytes: number | null;
  width: number | null;
  height: number | null;
  duration_s: number | null;
  fps: number | null;
  frames: number | null;
  has_audio: boolean | null;
  decision: Decision | null;
  probability: number | null;
  interval: [number, number] | null;
  sentence: string | null;
  conflicts: string[] | null;
  not_checked: string[] | null;
  claim: string | null;
  evidence: Evidence[];
  people: Person[] | null;
  provenance: Provenance | null;
  quality: Quality | null;
  error: { type: string; message: string } | null;
  seconds: number | null;
  version: string;
}
