/** What was checked before: searched, filtered, page by page; compared or deleted. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { jobs as fetchJobs } from "../api/client";
import type { Job } from "../api/types";
import { count, date } from "../format";
import { DeleteDialog } from "../parts/actions";
import { Heading } from "../parts/basic";
import { useLoaded } from "../parts/hooks";
import { JobTable, type Column, type Sort } from "../parts/jobs";
import { ProblemNote } from "../parts/problem";
import { go, route, to } from "../state/route";
import { plural, t, type Word } from "../words";

const LIMIT = 25;
const FILTERS = {
  decision: ["fake", "suspicious", "unsure", "genuine"],
  kind: ["image", "video"],
  state: ["queued", "running", "done", "failed"],
} as const;
const SORTABLE: readonly Column[] = ["name", "probability", "size", "created"];

export function sortOf(text: string | null): Sort {
  const by = (text ?? "-created").replace(/^-/, "") as Column;
  return { by: SORTABLE.includes(by) ? by : "created", down: (text ?? "-created").startsWith("-") };
}

export function HistoryView({ query }: { query: URLSearchParams }) {
  const asked = new URLSearchParams(query);
  const trail = (query.get("trail") ?? "").split("~").filter(Boolean); // cursors of the pages before
  asked.delete("trail");
  asked.set("limit", String(LIMIT));
  const { data, problem, isLoading, reload } = useLoaded(() => fetchJobs(asked), asked.toString());
  const selected = useSignal<ReadonlyMap<string, Job>>(new Map());
  const isAsking = useSignal(false);
  const isOpen = data?.items.some((job) => job.state === "queued" || job.state === "running") ?? false;
  useEffect(() => {
    if (!isOpen) return undefined;
    const timer = setTimeout(reload, 4000);
    return () => clearTimeout(timer);
  }, [data]);

  const change = (changes: Record<string, string>, replace = false) => {
    // the address as it is now, not as it was when a pause in typing began
    const next = new URLSearchParams(route.value.view === "history" ? route.value.query : query);
    ["cursor", "trail"].forEach((name) => next.delete(name));
    Object.entries(changes).forEach(([name, value]) => (value ? next.set(name, value) : next.delete(name)));
    go(to.history(next), replace);
  };
  const sort = sortOf(query.get("sort"));
  const onSort = (by: Column) => change({ sort: `${by === sort.by ? (sort.down ? "" : "-") : by === "name" ? "" : "-"}${by}` });
  const onSelect = (id: string, isOn: boolean) => {
    const next = new Map(selected.value);
    const job = data?.items.find((one) => one.id === id);
    if (isOn && job) next.set(id, job);
    else next.delete(id);
    selected.value = next;
  };
  const page = (cursor: string | null, before: string[]) => {
    const next = new URLSearchParams(query);
    if (cursor) next.set("cursor", cursor);
    else next.delete("cursor");
    if (before.length) next.set("trail", before.join("~"));
    else next.delete("trail");
    go(to.history(next));
  };
  const chosen = [...selected.value.values()];
  return (
    <div class="history">
      <Heading title={t("nav.history")}>{t("nav.history")}</Heading>
      <Search query={query} change={change} />
      {problem && <ProblemNote problem={problem} retry={reload} />}
      {data && (
        <>
          <div class="table-head">
            <p class="small muted" role="status">{plural("history.total", data.total, { n: count(data.total) })}</p>
            {chosen.length > 0 && (
              <div class="row">
                <span class="small">{plural("history.chosen", chosen.length)}</span>
                {chosen.length === 2 && <a class="button" href={to.compare(chosen[0]!.id, chosen[1]!.id)}>{t("action.compare")}</a>}
                <button type="button" class="danger" onClick={() => (isAsking.value = true)}>{t("action.delete")}</button>
              </div>
            )}
          </div>
          {data.items.length === 0 ? (
            <Empty isFiltered={["q", "decision", "kind", "state", "since", "until"].some((name) => query.has(name))} />
          ) : (
            <JobTable
              jobs={data.items} label={t("nav.history")} when={(job) => date(job.created)} sort={sort} onSort={onSort}
              sortable={SORTABLE} selected={new Set(selected.value.keys())} onSelect={onSelect}
            />
          )}
          <nav class="pages row" aria-label={t("history.pages")}>
            <button type="button" disabled={!query.get("cursor")} onClick={() => page(trail.at(-1) === "-" ? null : (trail.at(-1) ?? null), trail.slice(0, -1))}>
              {t("history.newer")}
            </button>
            <button type="button" disabled={!data.next} onClick={() => page(data.next, [...trail, query.get("cursor") ?? "-"])}>
              {t("history.older")}
            </button>
            <span class="small muted">{t("history.page", { n: trail.length + 1, of: Math.max(1, Math.ceil(data.total / LIMIT)) })}</span>
          </nav>
        </>
      )}
      {!data && !problem && isLoading && <p class="muted waiting" aria-busy="true">{t("job.loading")}</p>}
      {isAsking.value && (
        <DeleteDialog
          jobs={chosen} onClose={() => (isAsking.value = false)}
          onDone={() => { selected.value = new Map(); reload(); }}
        />
      )}
    </div>
  );
}

function Empty({ isFiltered }: { isFiltered: boolean }) {
  return (
    <div class="empty">
      <p>{t(isFiltered ? "history.none-found" : "history.empty")}</p>
      <a class="button" href={isFiltered ? to.history() : to.start}>{t(isFiltered ? "history.clear" : "history.begin")}</a>
    </div>
  );
}

interface SearchProps {
  query: URLSearchParams;
  change: (changes: Record<string, string>, replace?: boolean) => void;
}

function Search({ query, change }: SearchProps) {
  const text = useSignal(query.get("q") ?? "");
  useEffect(() => {
    if (text.value === (query.get("q") ?? "")) return undefined;
    const timer = setTimeout(() => change({ q: text.value }, true), 250);
    return () => clearTimeout(timer);
  }, [text.value]);
  const words: Record<keyof typeof FILTERS, string> = { decision: "decision", kind: "kind", state: "state" };
  return (
    <form class="search" role="search" onSubmit={(event) => event.preventDefault()}>
      <label class="field grow">
        <span>{t("history.search")}</span>
        <input type="search" value={text.value} onInput={(event) => (text.value = event.currentTarget.value)} />
      </label>
      {(Object.keys(FILTERS) as (keyof typeof FILTERS)[]).map((name) => (
        <label class="field">
          <span>{t(`column.${name}`)}</span>
          <select value={query.get(name) ?? ""} onChange={(event) => change({ [name]: event.currentTarget.value })}>
            <option value="">{t("history.all")}</option>
            {FILTERS[name].map((value) => <option value={value}>{t(`${words[name]}.${value}` as Word)}</option>)}
          </select>
        </label>
      ))}
    </form>
  );
}
