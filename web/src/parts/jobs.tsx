/** Jobs as a table that becomes a list on a phone; sortable and selectable where asked. */
import type { ComponentChildren } from "preact";
import type { Job } from "../api/types";
import { size, visible } from "../format";
import { to } from "../state/route";
import { named, t, type Word } from "../words";
import { Mark } from "./basic";
import { kindOf } from "./problem";
import { Chance, VerdictLine } from "./verdict";

export type Column = "name" | "decision" | "probability" | "kind" | "size" | "created";
export interface Sort {
  by: Column;
  down: boolean;
}

interface Props {
  jobs: readonly Job[];
  label: string;
  when: (job: Job) => string;
  sort?: Sort;
  onSort?: (by: Column) => void;
  sortable?: readonly Column[];
  selected?: ReadonlySet<string>;
  onSelect?: (id: string, isOn: boolean) => void;
}

const COLUMNS: readonly Column[] = ["name", "decision", "probability", "kind", "size", "created"];

export function JobTable(props: Props) {
  const { jobs, label, sort, onSort, sortable = COLUMNS, selected, onSelect } = props;
  return (
    <table class={`stacked jobs${onSelect ? " selectable" : ""}`} role="table" aria-label={label}>
      <thead role="rowgroup">
        <tr role="row">
          {onSelect && <td role="cell"><span class="unseen">{t("column.select")}</span></td>}
          {COLUMNS.map((column) => (
            <Head column={column} sort={sort} onSort={sortable.includes(column) ? onSort : undefined} />
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup">
        {jobs.map((job) => (
          <Row key={job.id} job={job} when={props.when(job)}>
            {onSelect && (
              <td role="cell" class="select">
                <input
                  type="checkbox" checked={selected?.has(job.id) ?? false} aria-label={t("column.select-one", { name: job.name })}
                  onChange={(event) => onSelect(job.id, event.currentTarget.checked)}
                />
              </td>
            )}
          </Row>
        ))}
      </tbody>
    </table>
  );
}

interface HeadProps {
  column: Column;
  sort: Sort | undefined;
  onSort: ((by: Column) => void) | undefined;
}

function Head({ column, sort, onSort }: HeadProps) {
  const word: Word = `column.${column}`;
  const isBy = sort?.by === column;
  const order = isBy ? (sort.down ? "descending" : "ascending") : undefined;
  return (
    <th role="columnheader" scope="col" class={column} aria-sort={order}>
      {onSort ? (
        <button type="button" class="sorter" onClick={() => onSort(column)}>
          {t(word)}
          <svg class={isBy ? (sort.down ? "down" : "up") : "idle"} viewBox="0 0 10 10" aria-hidden="true"><path d="M2 6.5L5 3l3 3.5" /></svg>
        </button>
      ) : t(word)}
    </th>
  );
}

function Row({ job, when, children }: { job: Job; when: string; children: ComponentChildren }) {
  return (
    <tr role="row" class={job.summary?.decision ?? job.state}>
      {children}
      <th role="rowheader" scope="row"><a class="name" href={to.job(job.id)}>{visible(job.name)}</a></th>
      <td role="cell" class="decision" data-name={t("column.decision")}><StateWord job={job} /></td>
      <td role="cell" class="probability" data-name={t("column.probability")}>{job.summary ? <Chance summary={job.summary} /> : <span class="muted">–</span>}</td>
      <td role="cell" class="kind" data-name={t("column.kind")}>{job.kind ? t(`kind.${job.kind}`) : <span class="muted">–</span>}</td>
      <td role="cell" class="size" data-name={t("column.size")}>{job.size === null ? <span class="muted">–</span> : size(job.size)}</td>
      <td role="cell" class="created" data-name={t("column.created")}>{when}</td>
    </tr>
  );
}

/** The decision, or how far the job is, or why it failed. */
export function StateWord({ job }: { job: Job }) {
  if (job.summary) return <VerdictLine summary={job.summary} />;
  if (job.state === "failed") {
    return (
      <span class="verdict-line unsure">
        <Mark decision="none" />
        <b>{(job.error && named("failed", kindOf(job.error))) || t("state.failed")}</b>
      </span>
    );
  }
  return <span class="muted">{job.state === "running" ? t("state.running-at", { n: Math.round(100 * job.progress) }) : t("state.queued")}</span>;
}
