/** What can be done with a finished job: save its report, compare, delete. */
import { useState } from "preact/hooks";
import { ApiError, remove, UNREACHABLE } from "../api/client";
import type { Job, Problem } from "../api/types";
import { stem, visible } from "../format";
import { go, to } from "../state/route";
import { t } from "../words";
import { announce, Dialog } from "./basic";
import { download } from "./hooks";
import { ProblemNote } from "./problem";

const FORMATS = ["html", "pdf", "json"] as const;

export function Actions({ job }: { job: Job }) {
  const [busy, setBusy] = useState<string | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [isAsking, setAsking] = useState(false);
  const save = async (format: string) => {
    setBusy(format);
    setProblem(null);
    try {
      await download(`/v1/jobs/${job.id}/report?format=${format}`, `${stem(job.name)}.${format}`);
      announce(t("report.saved"));
    } catch (error) {
      setProblem(error instanceof ApiError ? error.problem : UNREACHABLE);
    }
    setBusy(null);
  };
  return (
    <div class="actions">
      {job.state === "done" && (
        <div class="joined" role="group" aria-label={t("report.title")}>
          <span aria-hidden="true">{t("report.title")}</span>
          {FORMATS.map((format) => (
            <button type="button" aria-label={t("report.save", { format: format.toUpperCase() })} aria-busy={busy === format} onClick={() => void save(format)}>
              {format.toUpperCase()}
            </button>
          ))}
        </div>
      )}
      {job.state === "done" && <a class="button" href={to.compare(job.id)}>{t("action.compare")}</a>}
      <button type="button" class="danger" onClick={() => setAsking(true)}>{t("action.delete")}</button>
      {problem && <ProblemNote problem={problem} />}
      {isAsking && <DeleteDialog jobs={[job]} onClose={() => setAsking(false)} onDone={() => go(to.history())} />}
    </div>
  );
}

interface DeleteProps {
  jobs: readonly Job[];
  onClose: () => void;
  onDone: () => void;
}

export function DeleteDialog({ jobs, onClose, onDone }: DeleteProps) {
  const [problem, setProblem] = useState<Problem | null>(null);
  const confirm = async () => {
    try {
      for (const job of jobs) {
        await remove(job.id).catch((error: unknown) => {
          if (!(error instanceof ApiError && error.problem.status === 404)) throw error;
        });
      }
      onClose();
      announce(t("delete.done"));
      onDone();
    } catch (error) {
      setProblem(error instanceof ApiError ? error.problem : UNREACHABLE);
    }
  };
  const title = jobs.length === 1 ? t("delete.title") : t("delete.title.many", { n: jobs.length });
  return (
    <Dialog title={title} onClose={onClose}>
      {jobs.length === 1 && <p class="name">{visible(jobs[0]!.name)}</p>}
      <p>{t("delete.what")}</p>
      {problem && <ProblemNote problem={problem} />}
      <div class="row">
        <button type="button" class="danger solid" onClick={() => void confirm()}>{t("action.delete")}</button>
        <button type="button" onClick={onClose}>{t("action.cancel")}</button>
      </div>
    </Dialog>
  );
}
