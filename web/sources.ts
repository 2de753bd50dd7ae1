/** The hash that ties the committed build to the sources it was made from. */
import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { join, relative, sep } from "node:path";

const SINGLE = ["index.html", "package-lock.json", "sources.ts", "tsconfig.json", "vite.config.ts"];
const FOLDERS = ["public", "src"];

function below(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? below(path) : [path];
  });
}

/** SHA-256 over path and bytes of every source file, in the order of their paths. */
export function sourceHash(root: string): string {
  const files = [...SINGLE.map((name) => join(root, name)), ...FOLDERS.flatMap((f) => below(join(root, f)))];
  const named = files.map((path) => [relative(root, path).split(sep).join("/"), path] as const);
  named.sort(([a], [b]) => (a < b ? -1 : 1));
  const hash = createHash("sha256");
  for (const [name, path] of named) hash.update(`${name}\0`).update(readFileSync(path)).update("\0");
  return hash.digest("hex");
}
