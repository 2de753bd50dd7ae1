/** The persons of a file with their verdicts, and when they are seen. */
import type { Result } from "../api/types";
import { percent, seconds } from "../format";
import { bars, type Bar } from "../timeline";
import { plural, t } from "../words";
import { Mark, Said } from "./basic";
import type { Moment } from "./player";
import { between, decisionWord } from "./verdict";

export function People({ result, moment }: { result: Result; moment: Moment | null }) {
  const people = result.people ?? [];
  if (!people.length) return null;
  const drawn = bars(result);
  const isFilm = result.kind === "video";
  return (
    <section aria-labelledby="people-title">
      <h2 id="people-title">{t("people.title")}</h2>
      <ol class="people">
        {people.map((person, n) => (
          <li class={person.verdict?.decision ?? "unsure"}>
            <h3>
              {t("people.person", { n: person.track })}
              <span class="verdict-line">
                <Mark decision={person.verdict?.decision ?? "none"} />
                {person.verdict ? decisionWord(person.verdict.decision) : t("people.not-judged")}
              </span>
            </h3>
            {person.verdict && (
              <p>
                <b>{percent(person.verdict.probability)}</b> {t("people.swap")}
                <span class="detail">{t("verdict.interval", { between: between(person.verdict.interval) })}</span>
              </p>
            )}
            <p class="small">{person.verdict ? <Said text={person.verdict.sentence} /> : t("people.nobody-looked")}</p>
            {isFilm && drawn[n] && <Seen bar={drawn[n]} result={result} />}
            {isFilm && moment && person.sightings[0] && (
              <button type="button" onClick={() => moment.seek(person.sightings[0]!.time_s)}>
                {t("people.show", { n: person.track })}
              </button>
            )}
          </li>
        ))}
      </ol>
      <p class="small muted">{t("people.note")}{isFilm ? ` ${t("people.bars")}` : ""}</p>
    </section>
  );
}

function seen(bar: Bar): string {
  const times = bar.person.sightings.map((s) => s.time_s);
  const [first = 0, last = 0] = [times[0], times.at(-1)];
  if (times.length === 1) return t("people.seen-once", { time: seconds(first) });
  return plural("people.seen", times.length, { first: seconds(first), last: seconds(last) });
}

function Seen({ bar, result }: { bar: Bar; result: Result }) {
  const duration = Math.max(result.duration_s ?? 0, ...bar.seen.map((s) => s.end), 1e-3);
  const x = (time: number) => (1000 * time) / duration;
  const span = (s: { start: number; end: number }) => ({ x: x(s.start), width: Math.max(3, x(s.end) - x(s.start)) });
  const label = bar.flagged.length ? `${seen(bar)}; ${plural("people.flagged", bar.flagged.length)}` : seen(bar);
  return (
    <>
      <svg class="bar" viewBox="0 0 1000 20" preserveAspectRatio="none" role="img" aria-label={label}>
        <rect class="ground" y="8" width="1000" height="4" />
        {bar.seen.map((s) => <rect class="seen" y="4" height="12" {...span(s)} />)}
        {bar.flagged.map((s) => <rect class="flagged" y="0" height="20" {...span(s)} />)}
      </svg>
      <p class="small muted">{seen(bar)}</p>
    </>
  );
}
