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

  it("say what was presented", () => {
    expect(german("Probably a presentation attack: probability of an attack 97%. Person 1 at 0:00-0:03: probably a presentation attack (97%). Person 2: bona fide presentation (4%).")).toBe(
      "Wahrscheinlich ein Präsentationsangriff: Wahrscheinlichkeit eines Angriffs 97\u00a0%. Person 1 bei 0:00–0:03: wahrscheinlich ein Präsentationsangriff (97\u00a0%). Person 2: lebendes Gesicht (4\u00a0%).",
    );
    for (const text of [
      "Bona fide presentation at 0:01: probability 8%.",
      "Possibly a presentation attack: minifasnet holds it for an attack at even odds (score 0.81), but is not calibrated as it was run here.",
      "No safe statement: the faces are too small (20 px, 64 px are needed).",
      "No safe statement: no face found, so nobody presents anything.",
      "the colour texture of paper, a screen or a mask: 5 of 8 crops show it. Highest of 2 persons: person 1.",
      "motion from one frame in thirty: none of 4 moments look unlike a live face",
      "not calibrated: these are other weights than those that come with verilens",
      "AI origin",
      "edits",
    ])
      expect(said(text, "de").map((piece) => piece.lang), text).toEqual(["de"]);
  });

  it("say what was read of a post", () => {
    const text =
      "Of the post's media, by pixels and provenance: No sign of generation: probability of AI origin 10%. probe found it more like genuine media. Its origin is unknown: it carries no claim either way. " +
      "On the words, not counted: amd says that of six answers the likeliest is: E. Both face swap and text swap; consistency says that the text does not fit the words seen in the media (similarity 0.12); also compared with what is seen (0.33). " +
      "Not checked: sound, whether the claim is true, the author, the comments.";
    expect(german(text)).toBe(
      "Zu Bild oder Film des Beitrags, nach Pixeln und Herkunft: Kein Anzeichen von Erzeugung: Wahrscheinlichkeit einer Herkunft aus KI 10\u00a0%. probe: eher wie echte Medien. Die Herkunft ist unbekannt: Die Datei sagt weder das eine noch das andere. " +
        "Zu den Worten, nicht gewertet: amd: von sechs Antworten am wahrscheinlichsten: Gesicht und Text getauscht; consistency: der Text passt nicht zu den im Medium gelesenen Worten (Ähnlichkeit 0.12); auch verglichen mit dem, was zu sehen ist (0.33). " +
        "Nicht geprüft: Ton, ob die Behauptung stimmt, der Verfasser, die Kommentare.",
    );
    for (const known of [
      "least alike are visual and text (cosine -0.12)",
      "the text neither clearly fits nor contradicts what is seen (similarity 0.22)",
      "amd and consistency speak against the post, its picture looks genuine",
      "whether words and picture belong together (the post has fewer than 3 words to compare)",
      "whether words and picture belong together (no words came with the media, and this encoder reads no pixels)",
      "whether words or faces were altered (no method of posts was asked)",
    ])
      expect(said(known, "de").map((piece) => piece.lang), known).toEqual(["de"]);
  });

  it("say who marks edited parts", () => {
    for (const known of [
      "No safe statement: bmn marks edited parts (not calibrated). No sign of generation: probability of AI origin 10%.",
      "Probably generated: probability of AI origin 94%. Besides, bmn and xception_unet mark edited parts (not calibrated).",
      "bmn marks edited parts, nothing else speaks against the file",
      "Not checked: manual edits (scored, but not calibrated), context.",
      "the look of forged pixels: 12% of the face crop marked",
      "not sure enough to mark any part of the face. Highest of 2 persons: person 1.",
    ])
      expect(said(known, "de").map((piece) => piece.lang), known).toEqual(["de"]);
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
