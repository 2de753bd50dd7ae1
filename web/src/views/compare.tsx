/** Two files side by side: verdicts, pictures moved together, and every method on both. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { job as fetchJob, jobs as fetchJobs, result as fetchResult } from "../api/client";
import type { Job, Result } from "../api/types";
import { decimal, score, stem, visible } from "../format";
import { Heading } from "../parts/basic";
import { ranked, ScoreBar } from "../parts/evidence";
import { useLoaded } from "../parts/hooks";
import { Player, sourceOf } from "../parts/player";
import { ProblemNote } from "../parts/problem";
import { decisionWord, VerdictPanel } from "../parts/verdict";
import { mapped, Viewer, type Look } from "../parts/viewer";
import { go, to } from "../state/route";
import { named, t } from "../words";
import { facts, useLook, verdictOf } from "./job";

interface Pair {
  job: Job;
  result: Result;
}

async function both(id: string): Promise<Pair> {
  const [job, result] = await Promise.all([fetchJob(id), fetchResult(id)]);
  return { job, result };
}

export function CompareView({ a, b }: { a: string | null; b: string | null }) {
  const look = useLook();
  const text = useSignal("");
  const asked = useSignal("");
  useEffect(() => {
    const timer = setTimeout(() => (asked.value = text.value), 250);
    return () => clearTimeout(timer);
  }, [text.value]);
  const query = new URLSearchParams({ state: "done", limit: "100", sort: "-created", ...(asked.value ? { q: asked.value } : {}) });
  const { data: list, problem } = useLoaded(() => fetchJobs(query), query.toString());
  const [left, right] = [useLoaded(() => (a ? both(a) : Promise.resolve(null)), a ?? ""), useLoaded(() => (b ? both(b) : Promise.resolve(null)), b ?? "")];
  const choose = (side: "a" | "b") => (id: string) => go(side === "a" ? to.compare(id, b) : to.compare(a, id));
  return (
    <div class="compare">
      <Heading title={t("nav.compare")}>{t("compare.title")}</Heading>
      <p class="lead">{t("compare.lead")}</p>
      {problem && <ProblemNote problem={problem} />}
      {list && list.total === 0 && !asked.value && (
        <div class="empty"><p>{t("history.empty")}</p><a class="button" href={to.start}>{t("history.begin")}</a></div>
      )}
      {list && (list.total > list.items.length || asked.value) && (
        <label class="field"><span>{t("history.search")}</span>
          <input type="search" value={text.value} onInput={(event) => (text.value = event.currentTarget.value)} /></label>
      )}
      {list && (list.total > 0 || asked.value) && (
        <div class="sides">
          <Side label={t("compare.first")} id={a} list={list.items} choose={choose("a")} loaded={left} look={look} />
          <Side label={t("compare.second")} id={b} list={list.items} choose={choose("b")} loaded={right} look={look} />
        </div>
      )}
      {left.data && right.data && <Differences left={left.data} right={right.data} />}
    </div>
  );
}

interface SideProps {
  label: string;
  id: string | null;
  list: readonly Job[];
  choose: (id: string) => void;
  loaded: ReturnType<typeof useLoaded<Pair | null>>;
  look: Look;
}

function Side({ label, id, list, choose, loaded, look }: SideProps) {
  const options = loaded.data && !list.some((job) => job.id === id) ? [loaded.data.job, ...list] : list;
  const pair = loaded.data;
  const verdict = pair && verdictOf(pair.result);
  return (
    <section class="side" aria-label={label}>
      <label class="field">
        <span>{label}</span>
        <select value={id ?? ""} onChange={(event) => choose(event.currentTarget.value)}>
          <option value="" disabled>{t("compare.choose")}</option>
          {options.map((job) => (
            <option value={job.id}>{visible(job.name)} – {decisionWord(job.summary?.decision ?? null)}</option>
          ))}
        </select>
      </label>
      {loaded.problem && <ProblemNote problem={loaded.problem} retry={loaded.reload} />}
      {pair && (
        <>
          <h2 class="name"><a href={to.job(pair.job.id)}>{visible(stem(pair.job.name))}</a></h2>
          {verdict && <VerdictPanel verdict={verdict} claim={pair.result.claim} kind={pair.result.kind} level={3} />}
          <p class="facts small">{facts(pair.result).map((fact) => <span>{fact}</span>)}</p>
          {pair.result.kind === "video" ? (
            <Player key={pair.job.id} job={pair.job} result={pair.result} look={look} />
          ) : (
            <Viewer job={pair.job} result={pair.result} methods={mapped(pair.job, pair.result, ranked(pair.result.evidence))} look={look} />
          )}
        </>
      )}
    </section>
  );
}

function Differences({ left, right }: { left: Pair; right: Pair }) {
  const names = [...new Set([...ranked(left.result.evidence), ...ranked(right.result.evidence)].map(sourceOf))];
  const of = (pair: Pair, name: string) => pair.result.evidence.find((e) => sourceOf(e) === name) ?? null;
  const isSame = left.result.sha256 !== null && left.result.sha256 === right.result.sha256;
  const cells = [stem(left.job.name), stem(right.job.name)];
  const text = (pair: Pair) => named("origin", pair.result.provenance?.state ?? "") ?? "–";
  return (
    <section aria-labelledby="differences-title">
      <h2 id="differences-title">{t("compare.methods")}</h2>
      {isSame && <p class="notice">{t("compare.same")}</p>}
      <table class="stacked differences" role="table" aria-labelledby="differences-title">
        <thead role="rowgroup">
          <tr role="row">
            <th role="columnheader" scope="col">{t("evidence.method")}</th>
            {cells.map((name) => <th role="columnheader" scope="col" class="name">{visible(name)}</th>)}
            <th role="columnheader" scope="col">{t("compare.difference")}</th>
          </tr>
        </thead>
        <tbody role="rowgroup">
          {names.map((name) => {
            const [one, two] = [of(left, name), of(right, name)];
            return (
              <tr role="row">
                <th role="rowheader" scope="row"><code>{name}</code></th>
                {[one, two].map((e, n) => (
                  <td role="cell" class="score" data-name={visible(cells[n]!)}>
                    {e ? <><b>{score(e.score)}</b><ScoreBar value={e.score} /></> : <span class="muted">{t("compare.not-asked")}</span>}
                  </td>
                ))}
                <td role="cell" data-name={t("compare.difference")}>{one && two ? signed(two.score - one.score) : "–"}</td>
              </tr>
            );
          })}
          <tr role="row">
            <th role="rowheader" scope="row">{t("provenance.title")}</th>
            {[left, right].map((pair, n) => <td role="cell" data-name={visible(cells[n]!)}>{text(pair)}</td>)}
            <td role="cell" data-name={t("compare.difference")}>–</td>
          </tr>
        </tbody>
      </table>
    </section>
  );
}

const signed = (value: number): string => `${value > 0 ? "+" : value < 0 ? "−" : ""}${decimal(Math.abs(value), 2)}`;
