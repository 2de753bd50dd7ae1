/** A problem in a plain sentence, with the way out. */
import type { ComponentChildren } from "preact";
import type { Problem } from "../api/types";
import { askKey } from "../state/key";
import { visible } from "../format";
import { entries, named, t } from "../words";

const BY_STATUS: Record<number, string> = {
  0: "unreachable-server",
  400: "bad-request",
  401: "unauthorized",
  403: "forbidden",
  404: "not-found",
  405: "bad-request",
  409: "conflict",
  410: "not-found",
  411: "bad-request",
  413: "too-large",
  415: "unsupported",
  422: "bad-request",
  429: "busy",
  501: "format-unavailable",
  503: "busy",
  507: "full",
};

/** Names that the server has for what the catalogue calls otherwise. */
const ALIASES: Record<string, string> = {
  "no-key": "unauthorized",
  "no-file": "file-gone",
  "no-preview": "preview",
  offset: "conflict",
  incomplete: "conflict",
  idempotency: "conflict",
  digest: "corrupt",
  invalid: "bad-request",
  slow: "unreachable-server",
  "too-many-requests": "busy",
  "too-many-uploads": "busy",
  "queue-full": "busy",
  unavailable: "busy",
  "disk-full": "full",
  internal: "server-fault",
  "worker-lost": "crashed",
  missing: "not-found",
};

/** The name under which the catalogue speaks of a problem. */
export function kindOf(problem: Problem): string {
  const given = problem.type.split("/").pop() ?? "";
  const last = Object.hasOwn(ALIASES, given) ? ALIASES[given]! : given;
  if (last && Object.hasOwn(entries, `problem.${last}`)) return last;
  return BY_STATUS[problem.status] ?? (problem.status >= 500 ? "server-fault" : "bad-request");
}

export const sentenceOf = (problem: Problem): string => named("problem", kindOf(problem)) ?? t("problem.server-fault");

interface Props {
  problem: Problem;
  retry?: () => void;
  children?: ComponentChildren;
}

export function ProblemNote({ problem, retry, children }: Props) {
  const kind = kindOf(problem);
  const detail = problem.detail ?? (problem.title === kind ? "" : problem.title);
  return (
    <div class="problem" role="alert">
      <p class="problem-what">{sentenceOf(problem)}</p>
      <p>{named("way", kind) ?? t("way.server-fault")}</p>
      {detail && problem.status !== 0 && (
        <p class="small muted">
          {t("problem.server-says")} <span lang="en">{visible(detail)}</span>
        </p>
      )}
      <div class="row ways">
        {retry && (
          <button type="button" onClick={retry}>
            {t("action.again")}
          </button>
        )}
        {problem.status === 401 && (
          <button type="button" onClick={() => (askKey.value = true)}>
            {t("key.enter")}
          </button>
        )}
        {children}
      </div>
    </div>
  );
}
