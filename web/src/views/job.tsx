/** One file: its progress, then its result. */
import { useSignal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { ApiError, job as fetchJob, result as fetchResult, retry, UNREACHABLE } from "../api/client";
import { follow, type Progress as Seen } from "../api/events";
import type { Job, Problem, Result } from "../api/types";
import { date, decimal, seconds, size, stem, visible } from "../format";
import { Actions } from "../parts/actions";
import { announce, Heading, Mark, Progress } from "../parts/basic";
import { EvidenceTable, ranked } from "../parts/evidence";
import { useLoaded } from "../parts/hooks";
import { People } from "../parts/people";
import { Player, type Moment } from "../parts/player";
import { ProblemNote } from "../parts/problem";
import { ProvenanceChain } from "../parts/provenance";
import { QualityFacts } from "../parts/quality";
import { decisionWord, VerdictPanel } from "../parts/verdict";
import { mapped, Viewer, type Look } from "../parts/viewer";
import { to } from "../state/route";
import { cardOf } from "../state/server";
import { named, t } from "../words";
import { WHOLE } from "../zoom";

export function JobView({ id }: { id: string }) {
  const { data: job, problem, reload } = useLoaded(() => fetchJob(id), id);
  const [end, setEnd] = useState<Job | null>(null);
  const now = end ?? job;
  if (problem) return <Missing problem={problem} reload={reload} />;
  if (!now) return <p class="muted waiting" aria-busy="true">{t("job.loading")}</p>;
  const restart = () => void retry(id).then((again) => { setEnd(null); setEnd(again); }, () => reload());
  return (
    <article class="job">
      <Top job={now} />
      {now.state === "done" && <Done job={now} />}
      {now.state === "failed" && <Failed job={now} restart={restart} />}
      {(now.state === "queued" || now.state === "running") && <Running key={now.state + String(now.attempts)} job={now} onEnd={setEnd} />}
    </article>
  );
}

function Missing({ problem, reload }: { problem: Problem; reload: () => void }) {
  return (
    <>
      <Heading title={t("job.missing")}>{t("job.missing")}</Heading>
      <ProblemNote problem={problem} retry={reload}>
        <a class="button" href={to.history()}>{t("nav.history")}</a>
      </ProblemNote>
    </>
  );
}

/** A name that may break after its separators. */
export function Breakable({ name }: { name: string }) {
  return <>{visible(name).split(/(?<=[/_.-])/).map((part) => <>{part}<wbr /></>)}</>;
}

function Top({ job }: { job: Job }) {
  const word = job.summary ? `${decisionWord(job.summary.decision)}: ` : "";
  const folder = job.name.includes("/") ? job.name.slice(0, job.name.lastIndexOf("/")) : null;
  return (
    <header class="top">
      <p class="crumbs small">
        <a href={to.history()}>{t("nav.history")}</a>
        {job.batch && <> / <a href={to.batch(job.batch)}>{t("batch.title")}</a></>}
        {folder && <span class="muted"> / {visible(folder)}</span>}
      </p>
      <Heading title={`${word}${stem(job.name)}`}><Breakable name={stem(job.name)} /></Heading>
      <Actions job={job} />
    </header>
  );
}

function Running({ job, onEnd }: { job: Job; onEnd: (job: Job) => void }) {
  const seen = useSignal<Seen>({ state: job.state, progress: job.progress, stage: job.stage });
  const problem = useSignal<Problem | null>(null);
  const turn = useSignal(0);
  useEffect(() => {
    const control = new AbortController();
    problem.value = null;
    follow(job.id, (progress) => (seen.value = progress), control.signal).then(
      (end) => {
        const said = end.summary ? decisionWord(end.summary.decision) : t("state.failed");
        announce(t("job.over", { name: stem(end.name), decision: said }));
        onEnd(end);
      },
      (error: unknown) => {
        if (control.signal.aborted) return;
        problem.value = error instanceof ApiError ? error.problem : UNREACHABLE;
      },
    );
    return () => control.abort();
  }, [job.id, turn.value]);
  const { state, progress, stage } = seen.value;
  const text = state === "queued" ? t("state.queued-long") : (stage && named("stage", stage)) || t("state.running");
  return (
    <section class="running" aria-label={t("job.progress")}>
      {problem.value ? (
        <ProblemNote problem={problem.value} retry={() => (turn.value += 1)} />
      ) : (
        <>
          <p class="running-stage">{text}</p>
          <Progress share={state === "queued" ? null : progress} label={t("job.progress")} />
          <p class="muted small">{t("job.wait")}</p>
        </>
      )}
    </section>
  );
}

function Failed({ job, restart }: { job: Job; restart: () => void }) {
  const problem = job.error ?? { type: "/problems/server-fault", title: "failed", status: 500 };
  return (
    <section class="verdict unsure failed" aria-label={t("state.failed")}>
      <h2 class="decision"><Mark decision="none" />{t("state.failed")}</h2>
      <ProblemNote problem={problem} />
      <p class="small muted">{t("job.nothing-follows")}</p>
      <div class="row">
        <a class="button" href={to.start}>{t("job.another")}</a>
        {(job.file_kept || job.source === "url") && <button type="button" onClick={restart}>{t("action.again")}</button>}
      </div>
    </section>
  );
}

export function useLook(): Look {
  return { view: useSignal(WHOLE), opacity: useSignal(0.55), method: useSignal<string | null>(null), faces: useSignal(true) };
}

/** What a file is, e.g. "JPEG picture", "640 × 480 pixels", "312 kB". */
export function facts(result: Result): string[] {
  const isFilm = result.kind === "video";
  return [
    result.kind ? t(isFilm ? "facts.video" : "facts.image", { format: result.format ?? "" }) : "",
    result.width ? t("facts.pixels", { width: result.width, height: result.height ?? 0 }) : "",
    result.duration_s === null ? "" : seconds(result.duration_s),
    result.fps ? t("facts.fps", { n: decimal(result.fps, Number.isInteger(result.fps) ? 0 : 2) }) : "",
    result.codec ?? "",
    isFilm ? t(result.has_audio ? "facts.sound" : "facts.silent") : "",
    result.size_bytes === null ? "" : size(result.size_bytes),
  ].filter(Boolean);
}

function Done({ job }: { job: Job }) {
  const { data: result, problem, reload } = useLoaded(() => fetchResult(job.id), job.id);
  const look = useLook();
  const [moment, setMoment] = useState<Moment | null>(null);
  if (problem) return <ProblemNote problem={problem} retry={reload} />;
  if (!result) return <p class="muted waiting" aria-busy="true">{t("job.loading")}</p>;
  const verdict = verdictOf(result);
  const order = ranked(result.evidence);
  return (
    <>
      <p class="facts">{facts(result).map((fact) => <span>{fact}</span>)}</p>
      <div class={`front${(result.width ?? 4) < (result.height ?? 3) ? " upright" : ""}`}>
        {verdict && <VerdictPanel verdict={verdict} claim={result.claim} kind={result.kind} />}
        <section class="media" aria-label={t(result.kind === "video" ? "player.title" : "viewer.title")}>
          {result.kind === "video" ? (
            <Player job={job} result={result} look={look} onReady={setMoment} />
          ) : (
            <Viewer job={job} result={result} methods={mapped(job, result, order)} look={look} />
          )}
        </section>
      </div>
      <People result={result} moment={moment} />
      <EvidenceTable evidence={result.evidence} />
      <div class="halves">
        {result.provenance && <ProvenanceChain provenance={result.provenance} />}
        <QualityFacts result={result} />
      </div>
      <Limits result={result} />
      <Made job={job} result={result} />
    </>
  );
}

/** The verdict of a record, whose fields lie beside the others; null after an error. */
export function verdictOf(result: Result) {
  const { decision, probability, interval, sentence } = result;
  if (decision === null || probability === null || interval === null) return null;
  const [conflicts, not_checked] = [result.conflicts ?? [], result.not_checked ?? []];
  return { decision, probability, interval, sentence: sentence ?? "", conflicts, not_checked };
}

function Limits({ result }: { result: Result }) {
  const used = [...new Set(result.evidence.map((e) => e.method))];
  const known = used.filter(cardOf);
  return (
    <section aria-labelledby="limits-title">
      <h2 id="limits-title">{t("limits.title")}</h2>
      <ul class="plain">
        <li>{t("limits.calibrated")}</li>
        <li>{t("limits.genuine")}</li>
        <li>{t("limits.confirm")}</li>
      </ul>
      {known.length > 0 && (
        <details>
          <summary>{t("limits.methods")}</summary>
          {known.map((name) => {
            const card = cardOf(name)!;
            return (
              <div lang="en">
                <h3>{card.title} <code>{name}</code></h3>
                <p class="small muted">{card.paper}</p>
                <ul>{card.limits.map((text) => <li>{text}</li>)}</ul>
              </div>
            );
          })}
        </details>
      )}
    </section>
  );
}

function Made({ job, result }: { job: Job; result: Result }) {
  const rows: [string, string][] = [
    [t("made.file"), visible(job.name)],
    ["SHA-256", result.sha256 ?? job.sha256 ?? "–"],
    [t("made.program"), `verilens ${result.version}${result.seconds === null ? "" : `, ${seconds(result.seconds)}`}`],
    [t("made.date"), date(job.finished ?? job.created)],
  ];
  return (
    <section aria-labelledby="made-title">
      <h2 id="made-title">{t("made.title")}</h2>
      <dl class="facts-list">
        {rows.map(([name, value]) => <div><dt>{name}</dt><dd>{name === "SHA-256" ? <code>{value}</code> : value}</dd></div>)}
      </dl>
      {!job.file_kept && <p class="small muted">{t("made.deleted")}</p>}
    </section>
  );
}
