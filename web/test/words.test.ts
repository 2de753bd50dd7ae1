import { describe, expect, it } from "vitest";
import { readFileSync } from "node:fs";
import catalogue from "../src/words/catalogue.json";
import { items, said } from "../src/words/said";
import { plural, t } from "../src/words";
import { language } from "../src/state/settings";

const german = (text: string) => said(text, "de").map(({ text: part, lang }) => (lang === "de" ? part : `[${part}]`)).join("");

describe("the catalogue", () => {
  it("has the same keys in both languages", () => {
    for (const [word, texts] of Object.entries(catalogue)) expect(Object.keys(texts), word).toEqual(["en", "de"]);
  });

  it("fills and counts", () => {
    language.value = "de";
    expect(t("people.person", { n: 2 })).toBe("Person 2");
    expect(plural("start.taken", 1)).toBe("Datei angenommen");
    expect(plural("start.taken", 3)).toBe("3 Dateien angenommen");
    language.value = "en";
    expect(plural("start.taken", 3)).toBe("3 files taken");
  });
});

describe("sentences of the server", () => {
  it("stay as they are in English", () => {
    expect(said("Probably generated.", "en")).toEqual([{ text: "Probably generated.", lang: "en" }]);
  });

  it("are German where every part is known", () => {
    const text =
      "Probably generated: probability of AI origin 93%. probe found signs of generation. Its origin is unknown: it carries no claim either way. Not checked: manual edits, face swaps, context.";
    expect(german(text)).toBe(
      "Wahrscheinlich erzeugt: Wahrscheinlichkeit einer Herkunft aus KI 93\u00a0%. probe: Anzeichen von Erzeugung. Die Herkunft ist unbekannt: Die Datei sagt weder das eine noch das andere. Nicht geprüft: Bearbeitung von Hand, Gesichtstausch, Zusammenhang.",
    );
  });

  it("mark the part that nobody translated", () => {
    const text =
      "Probably generated: probability of AI origin 100%. The file itself states: Signed in the name of A (intact): made with B 1.0. probe found signs of generation. Not checked: context.";
    const pieces = said(text, "de");
    expect(pieces.map((piece) => piece.lang)).toEqual(["de", "en", "de"]);
    expect(pieces[1]!.text.trim()).toBe("Signed in the name of A (intact): made with B 1.0.");
    expect(pieces[2]!.text).toBe("probe: Anzeichen von Erzeugung. Nicht geprüft: Zusammenhang.");
  });

  it("name several methods and persons", () => {
    expect(german("npr, ucf and probe found signs of generation; patchcraft found it more like genuine media.")).toBe(
      "npr, ucf und probe: Anzeichen von Erzeugung; patchcraft: eher wie echte Medien.",
    );
    expect(german("Signs of a swap on the face of person 1 at 0:03-0:07 and the face of person 2.")).toBe(
      "Anzeichen eines Tauschs an dem Gesicht von Person 1 bei 0:03-0:07 und dem Gesicht von Person 2.",
    );
    expect(german("Probably a face swap at 0:00-0:03: probability 91%.")).toBe(
      "Wahrscheinlich ein Gesichtstausch bei 0:00–0:03: Wahrscheinlichkeit 91\u00a0%.",
    );
  });

  it("translate what lies in brackets and lists", () => {
    expect(german("Out of the measured range (only 64 x 48 pixels; JPEG quality about 30).")).toBe(
      "Außerhalb des gemessenen Bereichs (nur 64 × 48 Pixel; JPEG-Qualität etwa 30).",
    );
    expect(german("Not checked: manual edits, face swaps (faces too small: 20 px, 64 px are needed), context.")).toBe(
      "Nicht geprüft: Bearbeitung von Hand, Gesichtstausch (Gesichter zu klein: 20 px, nötig sind 64 px), Zusammenhang.",
    );
    expect(items("a (b, c), d")).toEqual(["a (b, c)", "d"]);
  });

  it("say why films and faces were suspected", () => {
    expect(german("how patches follow each other in time: odd around 3 of 8 of the moments")).toBe(
      "wie Bildstellen zeitlich aufeinander folgen: auffällig um 3 von 8 der Zeitpunkte",
    );
    for (const amount of ["little or no", "some", "obvious"]) {
      expect(german(`the face shows ${amount} blending artefacts`)).toContain("Spuren des Einblendens");
    }
  });

  it("leave foreign text alone", () => {
    expect(german("A method of its own speaks.")).toBe("[A method of its own speaks.]");
  });

  it("cover every sentence and reason of the kept records", () => {
    for (const name of ["ai-like", "clip", "edited", "genuine"]) {
      const record = JSON.parse(readFileSync(`../tests/web/samples/${name}.json`, "utf8"));
      for (const text of [record.sentence, ...record.not_checked, ...record.evidence.map((e: { why: string }) => e.why)]) {
        expect(said(text, "de").map((piece) => piece.lang), text).toEqual(["de"]);
      }
    }
  });
});
