/** A still under its heat map: opacity, method, zoom and pan by mouse, touch and keyboard. */
import type { Signal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { blob } from "../api/client";
import type { Job, Result } from "../api/types";
import { percent } from "../format";
import { paint, paintGrid } from "../heat";
import { t } from "../words";
import { centred, panned, WHOLE, zoomed, type View } from "../zoom";
import { Line } from "./basic";
import { Boxes } from "./boxes";
import { useObjectUrl } from "./hooks";
import { ProblemNote } from "./problem";

export interface Look {
  view: Signal<View>;
  opacity: Signal<number>;
  method: Signal<string | null>;
  faces: Signal<boolean>;
}

/** The methods that have a map, those with the highest standing first. */
export function mapped(job: Job, result: Result, ranked: readonly { method: string }[]): string[] {
  const known = new Set([...job.maps, ...result.evidence.filter((e) => e.where.heatmap).map((e) => e.method)]);
  const order = ranked.map((e) => e.method).filter((name) => known.has(name));
  return [...new Set([...order, ...known])];
}

interface HeatProps {
  job: Job;
  result: Result;
  method: string | null;
  opacity: number;
}

/** The coloured map of one method; the coarse grid of the record stands in for a missing file. */
function Heat({ job, result, method, opacity }: HeatProps) {
  const ref = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    if (!method) return undefined;
    let isCurrent = true;
    const grid = result.evidence.find((e) => e.method === method && e.where.heatmap)?.where.heatmap;
    const draw = async () => {
      try {
        if (!job.maps.includes(method)) throw new Error("no file");
        const bitmap = await createImageBitmap(await blob(`/v1/jobs/${job.id}/maps/${encodeURIComponent(method)}`));
        if (isCurrent && ref.current) paint(ref.current, bitmap, bitmap.width, bitmap.height);
      } catch {
        if (isCurrent && ref.current && grid) paintGrid(ref.current, grid);
      }
    };
    void draw();
    return () => {
      isCurrent = false;
    };
  }, [job.id, method]);
  return <canvas ref={ref} class="heat" aria-hidden="true" width="1" height="1" style={{ opacity: String(opacity) }} hidden={!method} />;
}

interface Props {
  job: Job;
  result: Result;
  methods: readonly string[];
  look: Look;
}

export function Viewer({ job, result, methods, look }: Props) {
  const { url, problem } = useObjectUrl(`/v1/jobs/${job.id}/preview`);
  const method = methods.includes(look.method.value ?? "") ? look.method.value : (methods[0] ?? null);
  const people = result.people ?? [];
  const label = [
    t("viewer.alt"),
    method ? t("viewer.alt-map", { method }) : "",
    people.length ? t("viewer.alt-faces", { n: people.length }) : "",
    t("viewer.keys"),
  ];
  return (
    <figure class="viewer">
      {problem ? (
        <ProblemNote problem={problem} />
      ) : (
        <Stage look={look} label={label.filter(Boolean).join(" ")} size={[result.width ?? 4, result.height ?? 3]}>
          {url && <img src={url} alt="" draggable={false} />}
          <Heat job={job} result={result} method={method} opacity={look.opacity.value} />
          {look.faces.value && people.length > 0 && <Boxes result={result} time={0} />}
        </Stage>
      )}
      <Controls look={look} methods={methods} method={method} faces={people.length > 0} />
      <figcaption class="small muted">
        {method && t("viewer.caption", { method })} {t("viewer.preview")}
      </figcaption>
    </figure>
  );
}

interface StageProps {
  look: Look;
  label: string;
  size: readonly [number, number];
  children: preact.ComponentChildren;
}

type Point = { x: number; y: number };

/** The frame in which a picture is moved; two fingers zoom, one moves what is enlarged. */
function Stage({ look, label, size, children }: StageProps) {
  const frame = useRef<HTMLDivElement>(null);
  const fingers = useRef(new Map<number, Point>());
  const moved = useRef(0);
  const { view } = look;
  const box = () => frame.current?.getBoundingClientRect() ?? new DOMRect(0, 0, 1, 1);
  const local = (event: MouseEvent): Point => ({ x: event.clientX - box().left, y: event.clientY - box().top });
  const zoom = (factor: number, at?: Point) => {
    const { width, height } = box();
    view.value = zoomed(view.value, factor, at ?? { x: width / 2, y: height / 2 }, width, height);
  };
  const pan = (dx: number, dy: number) => (view.value = panned(view.value, dx, dy, box().width, box().height));

  useEffect(() => {
    const onWheel = (event: WheelEvent) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault(); // only with Ctrl: the plain wheel scrolls the page
      zoom(Math.exp(-event.deltaY / 240), local(event));
    };
    const element = frame.current;
    element?.addEventListener("wheel", onWheel, { passive: false });
    return () => element?.removeEventListener("wheel", onWheel);
  }, []);

  const onMove = (event: PointerEvent) => {
    const before = fingers.current.get(event.pointerId);
    if (!before) return;
    const now = local(event);
    const other = [...fingers.current].find(([id]) => id !== event.pointerId)?.[1];
    if (other) {
      const spread = (p: Point) => Math.hypot(p.x - other.x, p.y - other.y) || 1;
      zoom(spread(now) / spread(before), { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 });
    } else if (view.value.scale > 1) {
      pan(now.x - before.x, now.y - before.y);
    }
    moved.current += Math.hypot(now.x - before.x, now.y - before.y);
    fingers.current.set(event.pointerId, now);
  };
  const onKey = (event: KeyboardEvent) => {
    const step = 60;
    const acts: Record<string, () => void> = {
      "+": () => zoom(1.4), "=": () => zoom(1.4), "-": () => zoom(1 / 1.4), "0": () => (view.value = WHOLE),
      ArrowLeft: () => pan(step, 0), ArrowRight: () => pan(-step, 0), ArrowUp: () => pan(0, step), ArrowDown: () => pan(0, -step),
    };
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key.startsWith("Arrow") && view.value.scale === 1) return;
    const act = acts[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  };
  const { scale, x, y } = view.value;
  return (
    <div
      ref={frame}
      class={`stage${scale > 1 ? " enlarged" : ""}`}
      style={{ aspectRatio: `${size[0]} / ${size[1]}`, "--ratio": String(size[0] / size[1]) }}
      tabIndex={0}
      role="img"
      aria-label={label}
      onKeyDown={onKey}
      onPointerDown={(event) => {
        moved.current = 0;
        fingers.current.set(event.pointerId, local(event));
        frame.current?.setPointerCapture(event.pointerId);
      }}
      onPointerMove={onMove}
      onPointerUp={(event) => fingers.current.delete(event.pointerId)}
      onPointerCancel={(event) => fingers.current.delete(event.pointerId)}
      onClick={(event) => {
        // a click without a drag brings its place to the middle, so that panning needs no dragging
        if (moved.current < 4 && view.value.scale > 1 && event.detail === 1) {
          view.value = centred(view.value, local(event), box().width, box().height);
        }
      }}
      onDblClick={(event) => zoom(2, local(event))}
    >
      <div class="canvas" style={{ transform: `translate(${x}px, ${y}px) scale(${scale})` }}>
        {children}
      </div>
    </div>
  );
}

interface ControlsProps {
  look: Look;
  methods: readonly string[];
  method: string | null;
  faces: boolean;
}

function Controls({ look, methods, method, faces }: ControlsProps) {
  const zoom = (factor: number) => (event: MouseEvent) => {
    const stage = (event.currentTarget as HTMLElement).closest(".viewer")?.querySelector(".stage");
    const { width, height } = stage?.getBoundingClientRect() ?? { width: 1, height: 1 };
    look.view.value = zoomed(look.view.value, factor, { x: width / 2, y: height / 2 }, width, height);
  };
  return (
    <div class="controls">
      {method && <Opacity look={look} />}
      {methods.length > 1 && (
        <label class="choice">
          <span>{t("viewer.method")}</span>
          <select value={method ?? ""} onChange={(event) => (look.method.value = event.currentTarget.value)}>
            {methods.map((name) => <option value={name}>{name}</option>)}
          </select>
        </label>
      )}
      {faces && <FacesSwitch look={look} />}
      <div class="buttons" role="group" aria-label={t("viewer.zoom")}>
        <button type="button" class="icon" aria-label={t("viewer.out")} onClick={zoom(1 / 1.5)}><Line name="minus" /></button>
        <output class="zoom-value">{percent(look.view.value.scale)}</output>
        <button type="button" class="icon" aria-label={t("viewer.in")} onClick={zoom(1.5)}><Line name="plus" /></button>
        <button type="button" class="icon" aria-label={t("viewer.fit")} onClick={() => (look.view.value = WHOLE)}><Line name="fit" /></button>
      </div>
      {method && <Ramp />}
    </div>
  );
}

export function Opacity({ look }: { look: Look }) {
  return (
    <label class="choice slider">
      <span>{t("viewer.opacity")}</span>
      <input
        type="range" min="0" max="100" step="1" value={Math.round(100 * look.opacity.value)}
        aria-valuetext={percent(look.opacity.value)}
        onInput={(event) => (look.opacity.value = Number(event.currentTarget.value) / 100)}
      />
      <output>{percent(look.opacity.value)}</output>
    </label>
  );
}

export function FacesSwitch({ look }: { look: Look }) {
  return (
    <label class="tick">
      <input type="checkbox" checked={look.faces.value} onChange={(event) => (look.faces.value = event.currentTarget.checked)} />
      {t("viewer.faces")}
    </label>
  );
}

/** What the colours mean. */
function Ramp() {
  const ref = useRef<HTMLCanvasElement>(null);
  const [scores] = useState(() => ({ rows: 1, columns: 64, values: Array.from({ length: 64 }, (_, n) => n / 63) }));
  useEffect(() => {
    if (ref.current) paintGrid(ref.current, scores);
  }, []);
  return (
    <p class="ramp small muted">
      <span>{t("viewer.low")}</span>
      <canvas ref={ref} width="1" height="1" aria-hidden="true" />
      <span>{t("viewer.high")}</span>
    </p>
  );
}
