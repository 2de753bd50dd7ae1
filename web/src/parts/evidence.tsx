/** What each method says on its own. */
import type { Evidence } from "../api/types";
import { score } from "../format";
import { cardOf } from "../state/server";
import { t } from "../words";
import { Said } from "./basic";
import { claimWord } from "./verdict";

const NOT_COUNTED = "not counted in the verdict";

export const isCounted = (e: Evidence): boolean => !e.limits.some((text) => text.startsWith(NOT_COUNTED));

/** What the verdict counts first, then the higher score; as in the report. */
export function ranked(evidence: readonly Evidence[]): Evidence[] {
  return [...evidence].sort((a, b) => Number(isCounted(b)) - Number(isCounted(a)) || b.score - a.score);
}

export function ScoreBar({ value }: { value: number }) {
  return (
    <svg class="score-bar" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">
      <rect class="track" width="100" height="6" />
      <rect class="fill" width={100 * value} height="6" />
    </svg>
  );
}

export function EvidenceTable({ evidence }: { evidence: readonly Evidence[] }) {
  return (
    <section aria-labelledby="evidence-title">
      <h2 id="evidence-title">{t("evidence.title")}</h2>
      {evidence.length === 0 && <p>{t("evidence.none")}</p>}
      {evidence.length > 0 && (
        <table class="stacked evidence" role="table" aria-labelledby="evidence-title">
          <thead role="rowgroup">
            <tr role="row">
              {(["method", "claim", "score", "why", "limits"] as const).map((name) => (
                <th role="columnheader" scope="col">{t(`evidence.${name}`)}</th>
              ))}
            </tr>
          </thead>
          <tbody role="rowgroup">{ranked(evidence).map((e) => <Row e={e} />)}</tbody>
        </table>
      )}
      <p class="small muted">{t("evidence.note")}</p>
    </section>
  );
}

function Row({ e }: { e: Evidence }) {
  const title = cardOf(e.method)?.title;
  return (
    <tr role="row" class={isCounted(e) ? "" : "uncounted"}>
      <th role="rowheader" scope="row">
        <code>{e.method}</code>
        {title && <span class="detail" lang="en">{title}</span>}
      </th>
      <td role="cell" data-name={t("evidence.claim")}>
        {claimWord(e.claim)}
        {e.track !== null && <span class="detail">{t("people.person", { n: e.track })}</span>}
      </td>
      <td role="cell" data-name={t("evidence.score")} class="score">
        <b>{score(e.score)}</b>
        <ScoreBar value={e.score} />
      </td>
      <td role="cell" data-name={t("evidence.why")}>{e.why ? <Said text={e.why} capital /> : t("evidence.no-why")}</td>
      <td role="cell" data-name={t("evidence.limits")}>
        {e.limits.length ? <ul>{e.limits.map((text) => <li><Said text={text} capital /></li>)}</ul> : t("evidence.no-limits")}
      </td>
    </tr>
  );
}
