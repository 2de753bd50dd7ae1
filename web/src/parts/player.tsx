/** A film with its score timeline: both show the same moment, and the timeline seeks. */
import type { Signal } from "@preact/signals";
import { useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import type { Evidence, Job, Result } from "../api/types";
import { decimal, score, seconds } from "../format";
import { key } from "../state/key";
import { clamp, flaggedAt, moments, placeOf, scoreAt, sought, timeline, type Line as Scores, type Timeline } from "../timeline";
import { plural, t } from "../words";
import { Line } from "./basic";
import { Boxes } from "./boxes";
import { useObjectUrl, useReadyUrl } from "./hooks";
import { ProblemNote } from "./problem";
import { FacesSwitch, type Look } from "./viewer";

export const sourceOf = (e: Pick<Evidence, "method" | "track">): string =>
  e.track === null ? e.method : t("evidence.on-person", { method: e.method, n: e.track });

export interface Moment {
  /** where the film is, in seconds */
  time: Signal<number>;
  seek: (time: number) => void;
}

interface Props {
  job: Job;
  result: Result;
  look: Look;
  onReady?: (moment: Moment) => void;
}

export function Player({ job, result, look, onReady }: Props) {
  const path = `/v1/jobs/${job.id}/preview`;
  const fetched = useObjectUrl(key.value ? path : null);
  const direct = useReadyUrl(key.value ? null : path);
  const { url: source, problem } = key.value ? fetched : direct;
  const video = useRef<HTMLVideoElement>(null);
  const time = useSignal(0);
  const isPlaying = useSignal(false);
  const fault = useSignal(false);
  const line = useMemo(() => timeline(result, sourceOf), [result, t("evidence.on-person")]);
  const duration = line?.duration ?? result.duration_s ?? 0;
  const seek = (to: number) => {
    time.value = clamp(to, 0, duration);
    // the very end of a film shows nothing in some browsers
    if (video.current) video.current.currentTime = Math.min(time.value, Math.max(0, duration - 0.01));
  };
  useEffect(() => onReady?.({ time, seek }), []);
  useEffect(() => {
    let handle = 0;
    const tick = () => {
      const element = video.current;
      if (element && !element.paused && !element.seeking) time.value = element.currentTime;
      handle = requestAnimationFrame(tick);
    };
    handle = requestAnimationFrame(tick);
    return () => cancelAnimationFrame(handle);
  }, []);
  const toggle = () => (video.current?.paused ? void video.current.play().catch(() => undefined) : video.current?.pause());
  const frame = 1 / (result.fps || 25);
  const hasPeople = (result.people ?? []).length > 0;
  return (
    <figure class="viewer player">
      {problem || fault.value ? (
        <ProblemNote problem={problem ?? { type: "/problems/preview", title: "preview", status: 404 }} />
      ) : (
        <div class="stage" style={{ aspectRatio: `${result.width ?? 16} / ${result.height ?? 9}`, "--ratio": String((result.width ?? 16) / (result.height ?? 9)) }}>
          {source && (
            <video
              ref={video} src={source} preload="auto" playsInline aria-label={t("player.label")}
              onPlay={() => (isPlaying.value = true)} onPause={() => (isPlaying.value = false)}
              onError={() => (fault.value = true)} onClick={toggle}
              onLoadedMetadata={(event) => {
                // phones show no frame before they are told to go somewhere
                event.currentTarget.currentTime = Math.max(0.001, time.value);
              }}
            />
          )}
          {look.faces.value && hasPeople && <Boxes result={result} time={time.value} />}
        </div>
      )}
      <div class="controls">
        <div class="buttons" role="group" aria-label={t("player.controls")}>
          <button type="button" class="icon" aria-label={t("player.back")} onClick={() => seek(time.value - frame)}><Line name="back" /></button>
          <button type="button" class="icon play" aria-label={t(isPlaying.value ? "player.pause" : "player.play")} onClick={toggle}>
            <Line name={isPlaying.value ? "pause" : "play"} />
          </button>
          <button type="button" class="icon" aria-label={t("player.forward")} onClick={() => seek(time.value + frame)}><Line name="forward" /></button>
          {result.has_audio && <Mute video={video} />}
        </div>
        <p class="clock">
          <output>{seconds(time.value)}</output> <span class="muted">/ {seconds(duration)}</span>
        </p>
        {hasPeople && <FacesSwitch look={look} />}
      </div>
      {line && <Track line={line} time={time.value} seek={seek} toggle={toggle} />}
      <figcaption class="small muted">{t("player.caption")}</figcaption>
      {line && <Segments line={line} seek={seek} />}
    </figure>
  );
}

function Mute({ video }: { video: { current: HTMLVideoElement | null } }) {
  const isMuted = useSignal(false);
  const flip = () => {
    isMuted.value = !isMuted.value;
    if (video.current) video.current.muted = isMuted.value;
  };
  return (
    <button type="button" class="icon" aria-pressed={isMuted.value} aria-label={t("player.mute")} onClick={flip}>
      <Line name={isMuted.value ? "mute" : "sound"} />
    </button>
  );
}

interface TrackProps {
  line: Timeline;
  time: number;
  seek: (time: number) => void;
  toggle: () => void;
}

/** What the timeline says of a moment, for those who hear it. */
export function spoken(line: Timeline, time: number): string {
  const scores = line.lines.map((one) => `${one.source} ${score(scoreAt(one, time) ?? 0)}`);
  const flag = flaggedAt(line.stretches, time) ? [t("timeline.flagged")] : [];
  return [seconds(time), ...scores, ...flag].join(", ");
}

const [HEIGHT, LANE] = [200, 12];
const PLOT_REM = 9.5; // as in parts.css

/** Room beside the plot, so that the axis' labels stand at their lines. */
const beside = (units: number, top: number): string =>
  `${Math.max(0, (PLOT_REM * units) / (HEIGHT + top + 6) - 0.375)}rem`;

function Track({ line, time, seek, toggle }: TrackProps) {
  const ref = useRef<HTMLDivElement>(null);
  const isHeld = useRef(false);
  const stops = useMemo(() => moments(line.lines), [line]);
  const x = (at: number) => Math.round(1e4 * placeOf(at, line.duration)) / 10;
  const lanes = [...new Set(line.stretches.map((s) => s.source))]; // above the plot: who flagged what
  const top = LANE * Math.max(1, lanes.length);
  const to = (event: PointerEvent) => {
    const box = ref.current!.getBoundingClientRect();
    seek(clamp((event.clientX - box.left) / box.width, 0, 1) * line.duration);
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const next = event.key === " " || event.key === "k" ? toggle() : sought(event.key, time, line, stops);
    if (next === null) return;
    event.preventDefault();
    if (typeof next === "number") seek(next);
  };
  return (
    <div class="timeline">
      <p class="axis" aria-hidden="true" style={{ paddingTop: beside(top, top), paddingBottom: beside(6, top) }}><span>{decimal(1, 0)}</span><span>{decimal(0.5, 1)}</span><span>{decimal(0, 0)}</span></p>
      <div
        ref={ref} class="plot" role="slider" tabIndex={0} aria-label={t("timeline.label")}
        aria-valuemin={0} aria-valuemax={Math.round(10 * line.duration) / 10} aria-valuenow={Math.round(10 * time) / 10}
        aria-valuetext={spoken(line, time)}
        onKeyDown={onKey}
        onPointerDown={(event) => {
          isHeld.current = true;
          ref.current?.setPointerCapture(event.pointerId);
          to(event);
        }}
        onPointerMove={(event) => isHeld.current && to(event)}
        onPointerUp={() => (isHeld.current = false)}
        onPointerCancel={() => (isHeld.current = false)}
      >
        <svg viewBox={`0 ${-top} 1000 ${HEIGHT + top + 6}`} preserveAspectRatio="none" aria-hidden="true">
          {line.stretches.map((s) => (
            <rect class="stretch" x={x(s.start_s)} y="0" width={Math.max(3, x(s.end_s) - x(s.start_s))} height={HEIGHT} />
          ))}
          {line.stretches.map((s) => {
            const n = line.lines.findIndex((one) => one.source === s.source);
            const lane = lanes.indexOf(s.source);
            return (
              <rect
                class={`cap curve-${n % 6}`} x={x(s.start_s)} y={-LANE * (lane + 1)}
                width={Math.max(3, x(s.end_s) - x(s.start_s) - 2)} height={LANE - 4}
              />
            );
          })}
          <path class="grid" d={`M0 0H1000M0 ${HEIGHT}H1000`} />
          <path class="grid half" d={`M0 ${HEIGHT / 2}H1000`} />
          {line.lines.map((one, n) => <Curve line={one} n={n} x={x} />)}
          <line class="cursor" x1={x(time)} x2={x(time)} y1={-top} y2={HEIGHT + 6} />
        </svg>
      </div>
      <p class="ticks" aria-hidden="true">
        {[0, 0.25, 0.5, 0.75, 1].map((share) => <span>{seconds(share * line.duration)}</span>)}
      </p>
      <ul class="keys small">
        {line.lines.map((one, n) => (
          <li>
            <svg viewBox="0 0 28 8" width="28" height="8" aria-hidden="true"><path class={`curve curve-${n % 6}`} d="M0 4H28" /></svg>
            {one.source} <b>{score(scoreAt(one, time) ?? 0)}</b>
          </li>
        ))}
        {line.stretches.length > 0 && (
          <li>
            <svg viewBox="0 0 28 14" width="28" height="14" aria-hidden="true"><rect class="stretch" y="4" width="28" height="10" /><rect class="cap" width="28" height="3" /></svg>
            {t("timeline.stretch")}
          </li>
        )}
      </ul>
    </div>
  );
}

function Curve({ line, n, x }: { line: Scores; n: number; x: (time: number) => number }) {
  const y = (value: number) => Math.round(10 * HEIGHT * (1 - value)) / 10;
  const points = line.points.map((p) => `${x(p.time)},${y(p.score)}`).join(" ");
  const dots = line.points.map((p) => `M${x(p.time)} ${y(p.score)}h.01`).join("");
  return (
    <>
      <polyline class={`curve curve-${n % 6}`} points={points} />
      <path class={`dots curve-${n % 6}`} d={dots} />
    </>
  );
}

function Segments({ line, seek }: { line: Timeline; seek: (time: number) => void }) {
  if (!line.lines.length) return <p class="small">{t("timeline.none")}</p>;
  return (
    <div class="segments">
      <h3>{plural("segments.title", line.stretches.length)}</h3>
      {line.stretches.length > 0 && (
        <ol>
          {line.stretches.map((s) => (
            <li>
              <button type="button" class="segment" onClick={() => seek(s.start_s)}>
                <b>{seconds(s.start_s)}–{seconds(s.end_s)}</b>
                <span>{t("segments.mean", { score: score(s.score) })}</span>
                <span class="muted">{s.source}</span>
              </button>
            </li>
          ))}
        </ol>
      )}
    </div>
  );
}
