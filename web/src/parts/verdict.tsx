/** The verdict: decision, probability, the 90 % interval drawn, the sentence, what it leaves out. */
import type { Decision, Kind, Thresholds, Verdict } from "../api/types";
import { percent } from "../format";
import { thresholdsOf } from "../state/server";
import { named, t } from "../words";
import { Mark, Said } from "./basic";

/** The word for a decision; for presentation attacks in the terms of ISO/IEC 30107-3. */
export const decisionWord = (decision: string | null, claim: string | null = null): string =>
  (decision && (own("decision", decision, claim) ?? named("decision", decision))) || t("decision.none");
const own = (family: string, decision: string, claim: string | null): string | null =>
  claim === "spoof" ? named(`${family}.spoof`, decision) : null;
export const claimWord = (claim: string): string => named("claim", claim) ?? claim;
export const between = ([low, high]: readonly [number, number]): string => t("verdict.between", { low: percent(low), high: percent(high) });

const ZONES: readonly Decision[] = ["genuine", "unsure", "suspicious", "fake"];

interface ScaleProps {
  probability: number;
  interval: readonly [number, number];
  thresholds?: Thresholds | null;
}

/** The scale from genuine to fake with the interval and the probability on it. */
export function Scale({ probability, interval, thresholds }: ScaleProps) {
  const x = (share: number) => Math.round(share * 10000) / 10;
  const edges = thresholds ? [0, thresholds.genuine, thresholds.suspicious, thresholds.fake, 1] : null;
  const label = t("verdict.scale", { p: percent(probability), between: between(interval) });
  return (
    <div class="scale">
      <svg viewBox="0 0 1000 40" preserveAspectRatio="none" role="img" aria-label={label}>
        {edges
          ? ZONES.map((zone, n) => (
              <rect class={`zone ${zone}`} x={x(edges[n]!)} y="13" width={Math.max(0, x(edges[n + 1]!) - x(edges[n]!))} height="14" />
            ))
          : <rect class="zone plain" x="0" y="13" width="1000" height="14" />}
        <path class="whisker" d={`M${x(interval[0])} 13V27M${x(interval[1])} 13V27M${x(interval[0])} 20H${x(interval[1])}`} />
        <line class="point" x1={x(probability)} x2={x(probability)} y1="3" y2="37" />
      </svg>
      <p class="ends" aria-hidden="true">
        <span>0 % {t("scale.genuine")}</span>
        <span>{t("scale.fake")} 100 %</span>
      </p>
    </div>
  );
}

interface Props {
  verdict: Verdict;
  claim: string | null;
  kind: Kind | null;
  level?: 2 | 3;
}

export function VerdictPanel({ verdict, claim, kind, level = 2 }: Props) {
  const Title = `h${level}` as const;
  const Part = level === 2 ? "section" : "div"; // side by side the whole column is the landmark
  const thresholds = thresholdsOf(claim, kind);
  return (
    <Part class={`verdict ${verdict.decision}`} aria-label={level === 2 ? t("verdict.title") : undefined}>
      <Title class="decision">
        <Mark decision={verdict.decision} />
        {decisionWord(verdict.decision, claim)}
      </Title>
      <p class="figure">
        <strong>{percent(verdict.probability)}</strong> <span>{t(claim === "spoof" ? "verdict.probability.spoof" : "verdict.probability")}</span>
      </p>
      <Scale probability={verdict.probability} interval={verdict.interval} thresholds={thresholds} />
      <p class="small muted">
        {t("verdict.interval", { between: between(verdict.interval) })}
        {thresholds && ` ${t("verdict.thresholds", { low: percent(thresholds.genuine), mid: percent(thresholds.suspicious), high: percent(thresholds.fake) })}`}
      </p>
      <p class="sentence">
        <Said text={verdict.sentence} />
      </p>
      <p class="small muted">{own("meaning", verdict.decision, claim) ?? named("meaning", verdict.decision)}</p>
      <Left verdict={verdict} level={level} />
    </Part>
  );
}

function Left({ verdict, level }: { verdict: Verdict; level: 2 | 3 }) {
  const Title = `h${level === 2 ? 3 : 4}` as "h3" | "h4";
  return (
    <>
      {verdict.conflicts.length > 0 && (
        <div class="conflicts">
          <Title>{t("verdict.conflicts")}</Title>
          <ul>{verdict.conflicts.map((text) => <li><Said text={text} /></li>)}</ul>
        </div>
      )}
      {verdict.not_checked.length > 0 && (
        <div class="unchecked">
          <Title>{t("verdict.not-checked")}</Title>
          <ul class="chips">{verdict.not_checked.map((text) => <li><Said text={text} /></li>)}</ul>
        </div>
      )}
    </>
  );
}

/** A decision in a row: mark, word, and the probability with its interval drawn small. */
export function VerdictLine({ summary }: { summary: Pick<Verdict, "decision" | "probability" | "interval"> }) {
  return (
    <span class={`verdict-line ${summary.decision}`}>
      <Mark decision={summary.decision} />
      <b>{decisionWord(summary.decision)}</b>
    </span>
  );
}

export function Chance({ summary }: { summary: Pick<Verdict, "probability" | "interval"> }) {
  const [low, high] = summary.interval;
  return (
    <span class="chance">
      <span class="chance-figure">{percent(summary.probability)}</span>
      <svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
        <rect class="track" y="3" width="100" height="2" />
        <rect class="interval" x={100 * low} y="2" width={Math.max(1.5, 100 * (high - low))} height="4" />
        <rect class="point" x={100 * summary.probability - 0.8} y="0" width="1.6" height="8" />
      </svg>
      <span class="unseen">{between(summary.interval)}</span>
    </span>
  );
}
