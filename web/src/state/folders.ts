/** Folders as this tab sent them.
 *
 * The server keeps batches; but a file that it knows already answers with its older job, which
 * belongs to no batch or to another. So the tab notes which jobs a folder led to. A folder whose id
 * begins with HERE is known to this tab alone.
 */
import { batch as fetchBatch, job as fetchJob, jobs as fetchJobs, token } from "../api/client";
import type { Batch, Job, State } from "../api/types";
import { read, write } from "./stored";

const HERE = "here-";

export const newFolder = (): string => HERE + token();
export const isHere = (id: string): boolean => id.startsWith(HERE);

export function noted(id: string): string[] {
  const kept: unknown = JSON.parse(read("session", `folder.${id}`) ?? "[]");
  return Array.isArray(kept) ? kept.filter((one): one is string => typeof one === "string") : [];
}

export function note(id: string, job: string): void {
  const known = noted(id);
  if (!known.includes(job)) write("session", `folder.${id}`, JSON.stringify([...known, job]));
}

const isOver = (job: Job): boolean => job.state === "done" || job.state === "failed";
const finished = new Map<string, Job>();

/** Return the noted jobs, asking page by page rather than one by one. */
async function jobsOf(ids: ReadonlySet<string>): Promise<Job[]> {
  const found = new Map<string, Job>();
  const missing = () => [...ids].filter((id) => !found.has(id));
  ids.forEach((id) => finished.has(id) && found.set(id, finished.get(id)!));
  let cursor: string | null = "";
  for (let n = 0; cursor !== null && missing().length > 3 && n < ids.size / 200 + 3; n += 1) {
    const page: { items: Job[]; next: string | null } = await fetchJobs(new URLSearchParams({ limit: "200", ...(cursor ? { cursor } : {}) }));
    page.items.filter((job) => ids.has(job.id)).forEach((job) => found.set(job.id, job));
    cursor = page.next;
  }
  for (const id of missing()) {
    const job = await fetchJob(id).catch(() => null); // deleted since
    if (job) found.set(id, job);
  }
  found.forEach((job) => isOver(job) && finished.set(job.id, job));
  return [...found.values()];
}

/** Return a folder with all its jobs. */
export async function folder(id: string): Promise<Batch> {
  const base = isHere(id) ? { id, created: "", jobs: [] } : await whole(id);
  const known = new Set(base.jobs.map((job) => job.id));
  const jobs = [...base.jobs, ...(await jobsOf(new Set(noted(id).filter((one) => !known.has(one)))))];
  const counts: Record<State, number> = { queued: 0, running: 0, done: 0, failed: 0 };
  for (const job of jobs) counts[job.state] += 1;
  return { ...base, jobs, counts };
}

async function whole(id: string): Promise<Batch> {
  const first = await fetchBatch(id);
  const jobs = [...first.jobs];
  for (let next = first.next; next; ) {
    const more: Batch = await fetchBatch(id, next);
    jobs.push(...more.jobs);
    next = more.next;
  }
  return { ...first, jobs };
}
