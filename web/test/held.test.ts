import "fake-indexeddb/auto";
import { describe, expect, it } from "vitest";
import type { Begun } from "../src/api/upload";
import { held, hold, KEEP, release } from "../src/state/held";

const begun = (id: string): Begun => ({ id, name: "f.mp4", size: 3, modified: 1, shown: "f.mp4", batch: null, chunk: 8 });

describe("unfinished uploads", () => {
  it("are remembered over a reload until they end", async () => {
    await hold(begun("a"), new File(["abc"], "f.mp4"));
    expect((await held()).map((one) => one.begun)).toEqual([begun("a")]);
    await release("a");
    expect(await held()).toEqual([]);
  });

  it("are remembered without their bytes when these are too many", async () => {
    const file = new File(["abc"], "f.mp4");
    Object.defineProperty(file, "size", { value: KEEP + 1 });
    await hold(begun("b"), file);
    expect((await held())[0]!.file).toBeNull();
    await release("b");
  });
});
