/** What the quality of a file allows to be seen. */
import type { Result } from "../api/types";
import { count, decimal } from "../format";
import { t, type Word } from "../words";
import { Said } from "./basic";

export function QualityFacts({ result }: { result: Result }) {
  const quality = result.quality;
  if (!quality) return null;
  const figure = (value: number | null, digits: number) => (value === null ? null : decimal(value, digits));
  const figures: [Word, string | null][] = [
    ["quality.pixels", `${result.width} × ${result.height}`],
    ["quality.jpeg", quality.jpeg_quality === null ? null : count(quality.jpeg_quality)],
    ["quality.double", figure(quality.double_jpeg, 2)],
    ["quality.bits", figure(quality.bits_per_pixel, 2)],
    ["quality.blocks", figure(quality.blockiness, 2)],
    ["quality.sharpness", figure(quality.sharpness, 0)],
  ];
  return (
    <section aria-labelledby="quality-title">
      <h2 id="quality-title">{t("quality.title")}</h2>
      {quality.notes.length > 0 ? (
        <ul class="notes">{quality.notes.map((note) => <li><Said text={note} capital /></li>)}</ul>
      ) : (
        <p>{t("quality.fine")}</p>
      )}
      <dl class="figures">
        {figures.filter(([, value]) => value !== null).map(([word, value]) => (
          <div><dt>{t(word)}</dt><dd>{value}</dd></div>
        ))}
      </dl>
    </section>
  );
}
