/** Files out of what a reader dropped, pasted or picked, folders searched through. */
import type { Picked } from "./queue";

const SKIP = /(^|\/)(\.|Thumbs\.db$|desktop\.ini$|__MACOSX\/)/;

export function fromList(list: Iterable<File>): Picked[] {
  return Array.from(list, (file) => ({ file, name: file.webkitRelativePath || file.name })).filter(
    ({ name }) => !SKIP.test(name),
  );
}

/** Return the files of a drop; folders give all files below them. */
export async function fromDrop(data: DataTransfer): Promise<Picked[]> {
  const entries = Array.from(data.items, (one) => (one.kind === "file" ? one.webkitGetAsEntry() : null));
  if (!entries.some((entry) => entry?.isDirectory)) return fromList(data.files);
  const found = await Promise.all(entries.map((entry) => (entry ? walked(entry) : [])));
  return found.flat().filter(({ name }) => !SKIP.test(name));
}

async function walked(entry: FileSystemEntry): Promise<Picked[]> {
  const name = entry.fullPath.replace(/^\//, "");
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
    return [{ file, name }];
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const children: FileSystemEntry[] = [];
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) break;
    children.push(...some);
  }
  return (await Promise.all(children.map(walked))).flat();
}

/** Return the address in a pasted or dropped text, when it is one. */
export function address(text: string): string | null {
  const trimmed = text.trim().split(/\s/)[0] ?? "";
  try {
    const url = new URL(trimmed);
    return url.protocol === "http:" || url.protocol === "https:" ? url.href : null;
  } catch {
    return null;
  }
}
