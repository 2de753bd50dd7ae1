/** Files of unfinished uploads, kept in IndexedDB so that a reload can go on with them.
 *
 * A file over KEEP bytes is not copied; after a reload the page asks for it again.
 */
import type { Begun } from "../api/upload";

export const KEEP = 512 * 2 ** 20;
const NAME = "verilens-uploads";

export interface Held {
  begun: Begun;
  file: File | null;
}

function database(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => request.result.createObjectStore("uploads", { keyPath: "begun.id" });
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("no storage"));
  });
}

async function inStore<T>(mode: IDBTransactionMode, use: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  const db = await database();
  try {
    return await new Promise<T>((resolve, reject) => {
      const request = use(db.transaction("uploads", mode).objectStore("uploads"));
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error ?? new Error("storage failed"));
    });
  } finally {
    db.close();
  }
}

/** Remember an upload; without its bytes where they are too many or the browser refuses them. */
export async function hold(begun: Begun, file: File): Promise<void> {
  const put = (kept: File | null) => inStore("readwrite", (store) => store.put({ begun, file: kept }));
  await put(file.size <= KEEP ? file : null)
    .catch(() => put(null))
    .catch(() => undefined);
}

export async function release(id: string): Promise<void> {
  await inStore("readwrite", (store) => store.delete(id)).catch(() => undefined);
}

export async function held(): Promise<Held[]> {
  return inStore("readonly", (store) => store.getAll() as IDBRequest<Held[]>).catch(() => []);
}
