import { afterEach, describe, expect, it } from "vitest";
import { percent, seconds, size, stem, visible } from "../src/format";
import { language, preferred } from "../src/state/settings";

afterEach(() => void (language.value = "en"));

describe("figures", () => {
  it("never round to certainty", () => {
    expect([0, 0.004, 0.016, 0.994, 1].map(percent)).toEqual(["0%", "<1%", "2%", ">99%", "100%"]);
    language.value = "de";
    expect(percent(0.42)).toBe("42\u00a0%");
  });

  it("write times as the report does", () => {
    expect([4.23, 59.94, 59.96, 65, 3725.04].map(seconds)).toEqual(["4.2\u00a0s", "59.9\u00a0s", "1:00.0", "1:05.0", "1:02:05.0"]);
    language.value = "de";
    expect(seconds(4.23)).toBe("4,2\u00a0s");
  });

  it("write sizes", () => {
    expect([12, 1500, 312_000, 2.1e9].map(size)).toEqual(["12\u00a0bytes", "1.5\u00a0kB", "312\u00a0kB", "2.1\u00a0GB"]);
  });
});

describe("names", () => {
  it("show what is hidden in them", () => {
    expect(visible("photo\u202egpj.exe")).toBe("photo⟨U+202E⟩gpj.exe");
    expect(visible("a\u0000b")).toBe("a⟨U+0000⟩b");
    expect(visible("Straße 日本.jpg")).toBe("Straße 日本.jpg");
  });

  it("end with the last part of their path", () => expect(["a/b/c.png", "c.png"].map(stem)).toEqual(["c.png", "c.png"]));
});

describe("the language", () => {
  it("follows the browser", () => {
    expect(preferred(["fr", "de-AT", "en"])).toBe("de");
    expect(preferred(["fr"])).toBe("en");
  });
});
