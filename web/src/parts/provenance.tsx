/** What a file says of its own origin, link by link, and how much that is worth. */
import type { Claim, Provenance } from "../api/types";
import { date, visible } from "../format";
import { named, t } from "../words";
import { Foreign, Said } from "./basic";

const LISTS = ["actions", "ingredients", "errors"];

/** Any value of a manifest's summary as readable text. */
export function flat(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (Array.isArray(value)) return value.map(flat).filter(Boolean).join(", ");
  if (typeof value === "object") {
    return Object.entries(value).map(([name, item]) => (flat(item) ? `${name}: ${flat(item)}` : "")).filter(Boolean).join("; ");
  }
  return String(value);
}

const shown = (text: string): string => {
  const clean = visible(text);
  return clean.length > 400 ? `${clean.slice(0, 400)} …` : clean;
};

const keyWord = (name: string): string => named("c2pa", name) ?? name.replaceAll("_", " ");

export function ProvenanceChain({ provenance }: { provenance: Provenance }) {
  const { claims, c2pa, metadata, notes } = provenance;
  return (
    <section aria-labelledby="provenance-title">
      <h2 id="provenance-title">{t("provenance.title")}</h2>
      <p class="state">{named("origin", provenance.state) ?? provenance.state}</p>
      {claims.length > 0 && <ol class="chain">{claims.map((claim) => <Link claim={claim} />)}</ol>}
      {c2pa && <Manifest c2pa={c2pa} />}
      {Object.keys(metadata).length > 0 && (
        <details>
          <summary>{t("provenance.metadata")}</summary>
          <dl class="facts-list">
            {Object.entries(metadata).map(([name, value]) => (
              <div>
                <dt lang="en">{shown(name)}</dt>
                <dd lang="en">{shown(flat(value))}</dd>
              </div>
            ))}
          </dl>
        </details>
      )}
      {notes.length > 0 && <ul class="notes">{notes.map((note) => <li><Said text={note} /></li>)}</ul>}
    </section>
  );
}

function Link({ claim }: { claim: Claim }) {
  const says = claim.ai === true ? "ai" : claim.ai === false ? "captured" : "neither";
  return (
    <li class={`link ${claim.strength}`}>
      <p class="link-head">
        <span class="source">{named("source", claim.source) ?? claim.source}</span>
        <span class="says">{t(`says.${says}`)}</span>
        <span class="strength"><Strength strength={claim.strength} /> {t(`strength.${claim.strength}`)}</span>
      </p>
      <p><Foreign text={shown(claim.statement)} /></p>
      {Object.keys(claim.detail).length > 0 && (
        <p class="small muted">
          {Object.entries(claim.detail).map(([name, value], n) => (
            <span class="pair">{n > 0 && " · "}<b lang="en">{shown(name).replaceAll("_", " ")}</b> <Foreign text={shown(value)} /></span>
          ))}
        </p>
      )}
    </li>
  );
}

/** Three, two or one bars: how hard a claim is to forge. */
function Strength({ strength }: { strength: Claim["strength"] }) {
  const full = { signed: 3, declared: 2, trace: 1 }[strength];
  return (
    <svg class="strength-bars" viewBox="0 0 20 12" aria-hidden="true">
      {[0, 1, 2].map((n) => <rect class={n < full ? "full" : ""} x={n * 7} y={8 - 4 * n} width="5" height={4 + 4 * n} />)}
    </svg>
  );
}

function Manifest({ c2pa }: { c2pa: Record<string, unknown> }) {
  const facts = Object.entries(c2pa).filter(([name, value]) => !LISTS.includes(name) && flat(value));
  return (
    <div class="manifest">
      <h3>{t("provenance.c2pa")}</h3>
      <dl class="facts-list">
        {facts.map(([name, value]) => (
          <div>
            <dt>{keyWord(name)}</dt>
            <dd lang="en">{name === "signed_at" ? date(flat(value)) : shown(flat(value))}</dd>
          </div>
        ))}
        {LISTS.filter((name) => flat(c2pa[name])).map((name) => (
          <div>
            <dt>{keyWord(name)}</dt>
            <dd lang="en">
              <ol class="steps">{[c2pa[name]].flat().map((item) => <li>{shown(flat(item))}</li>)}</ol>
            </dd>
          </div>
        ))}
      </dl>
    </div>
  );
}
