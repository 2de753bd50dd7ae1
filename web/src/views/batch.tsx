/** A folder: how far it is, what was found in it, file by file in a sortable table. */
import { useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { ApiError, UNREACHABLE } from "../api/client";
import { pause } from "../api/events";
import type { Batch, Decision, Job, Problem } from "../api/types";
import { count, date, visible } from "../format";
import { Heading, Mark, Progress } from "../parts/basic";
import { JobTable, type Column, type Sort } from "../parts/jobs";
import { ProblemNote } from "../parts/problem";
import { decisionWord } from "../parts/verdict";
import { folder } from "../state/folders";
import { queue } from "../state/queue";
import { to } from "../state/route";
import { plural, t } from "../words";
import { SendingList } from "./start";

const SEVERITY = ["genuine", "unsure", "suspicious", "fake"];
const SHOWN = 100;

/** Sort jobs; those without a value come last in either direction. */
export function sorted(jobs: readonly Job[], { by, down }: Sort): Job[] {
  const values: Record<Column, (job: Job) => string | number | null> = {
    name: (job) => job.name,
    decision: ({ summary }) => (summary ? 2 * SEVERITY.indexOf(summary.decision) + summary.probability : null),
    probability: (job) => job.summary?.probability ?? null,
    kind: (job) => job.kind,
    size: (job) => job.size,
    created: (job) => job.created,
  };
  const value = values[by];
  const collator = new Intl.Collator(undefined, { numeric: true });
  const order = (a: string | number, b: string | number) =>
    typeof a === "number" && typeof b === "number" ? a - b : collator.compare(String(a), String(b));
  return [...jobs].sort((a, b) => {
    const [x, y] = [value(a), value(b)];
    if (x === null || y === null) return Number(x === null) - Number(y === null);
    return (down ? -1 : 1) * order(x, y) || collator.compare(a.name, b.name);
  });
}

/** The folder that all files lie in, as far as their names tell. */
export function common(names: readonly string[]): string | null {
  const first = names[0]?.split("/").slice(0, -1) ?? [];
  const same = first.findIndex((part, n) => names.some((name) => name.split("/")[n] !== part));
  const parts = same < 0 ? first : first.slice(0, same);
  return parts.length ? parts.join("/") : null;
}

const openIn = (batch: Batch): number => (batch.counts.queued ?? 0) + (batch.counts.running ?? 0);

export function BatchView({ id }: { id: string }) {
  const data = useSignal<Batch | null>(null);
  const problem = useSignal<Problem | null>(null);
  const turn = useSignal(0);
  const sort = useSignal<Sort>({ by: "decision", down: true });
  const only = useSignal<Decision | "failed" | null>(null);
  const shown = useSignal(SHOWN);
  const mine = queue.value.filter((one) => one.batch === id);
  const unsent = mine.filter((one) => one.phase === "waiting" || one.phase === "sending").length;
  useEffect(() => {
    const control = new AbortController();
    const watch = async () => {
      for (;;) {
        data.value = await folder(id);
        problem.value = null;
        const sending = queue.value.some((one) => one.batch === id && (one.phase === "waiting" || one.phase === "sending"));
        if (!sending && openIn(data.value) === 0) return;
        await pause(data.value.jobs.length > 400 ? 5000 : 1500, control.signal);
      }
    };
    watch().catch((error: unknown) => {
      if (!control.signal.aborted) problem.value = error instanceof ApiError ? error.problem : UNREACHABLE;
    });
    return () => control.abort();
  }, [id, turn.value, unsent === 0]);

  const jobs = data.value?.jobs ?? [];
  const rows = useMemo(
    () => sorted(jobs.filter((job) => !only.value || (only.value === "failed" ? job.state === "failed" : job.summary?.decision === only.value)), sort.value),
    [jobs, sort.value, only.value],
  );
  const onSort = (by: Column) => (sort.value = { by, down: sort.value.by === by ? !sort.value.down : by !== "name" && by !== "kind" });
  const name = common([...jobs, ...mine].map((one) => one.name));
  const total = jobs.length + unsent;
  const over = jobs.filter((job) => job.state === "done" || job.state === "failed").length;
  return (
    <div class="batch">
      {name && <p class="crumbs small name">{visible(name)}</p>}
      <Heading title={t("batch.title")}>{total ? plural("batch.heading", total, { n: count(total) }) : t("batch.title")}</Heading>
      {problem.value && <ProblemNote problem={problem.value} retry={() => (turn.value += 1)} />}
      {total > 0 && over < total && (
        <section class="running" aria-label={t("job.progress")}>
          <p class="running-stage" role="status">{t("batch.progress", { done: count(over), total: count(total) })}</p>
          <Progress share={over / total} label={t("job.progress")} />
        </section>
      )}
      <SendingList batch={id} />
      {jobs.length > 0 && <Tally jobs={jobs} only={only.value} choose={(value) => (only.value = only.value === value ? null : value)} />}
      {jobs.length > 0 && (
        <>
          <JobTable jobs={rows.slice(0, shown.value)} label={t("batch.title")} when={(job) => date(job.created)} sort={sort.value} onSort={onSort} />
          {rows.length > shown.value && (
            <button type="button" onClick={() => (shown.value += SHOWN)}>{t("batch.more", { n: rows.length - shown.value })}</button>
          )}
        </>
      )}
      {data.value && total === 0 && <div class="empty"><p>{t("batch.empty")}</p><a class="button" href={to.start}>{t("history.begin")}</a></div>}
      {!data.value && !problem.value && <p class="muted waiting" aria-busy="true">{t("job.loading")}</p>}
    </div>
  );
}

interface TallyProps {
  jobs: readonly Job[];
  only: string | null;
  choose: (value: Decision | "failed") => void;
}

/** How many of each decision; each a button that shows only those. */
function Tally({ jobs, only, choose }: TallyProps) {
  const counted = (["fake", "suspicious", "unsure", "genuine"] as const).map(
    (decision) => [decision, jobs.filter((job) => job.summary?.decision === decision).length] as const,
  );
  const failed = jobs.filter((job) => job.state === "failed").length;
  return (
    <div class="tally" role="group" aria-label={t("batch.show")}>
      {counted.map(([decision, n]) => (
        <button type="button" class={decision} aria-pressed={only === decision} disabled={n === 0} onClick={() => choose(decision)}>
          <Mark decision={decision} /> <b>{count(n)}</b> {decisionWord(decision)}
        </button>
      ))}
      {failed > 0 && (
        <button type="button" class="unsure" aria-pressed={only === "failed"} onClick={() => choose("failed")}>
          <Mark decision="none" /> <b>{count(failed)}</b> {t("state.failed")}
        </button>
      )}
    </div>
  );
}
