import { useCallback, useEffect, useState } from "preact/hooks";
import { ApiError, blob, send, UNREACHABLE } from "../api/client";
import { insist } from "../api/upload";
import type { Problem } from "../api/types";
import { key } from "../state/key";

export interface Loaded<T> {
  data: T | null;
  problem: Problem | null;
  isLoading: boolean;
  reload: () => void;
}

/** Load something whenever `of` changes (or the key does); late answers to old questions are dropped. */
export function useLoaded<T>(load: () => Promise<T>, of: string): Loaded<T> {
  const [state, set] = useState<{ of: string; data: T | null; problem: Problem | null; isLoading: boolean }>({
    of,
    data: null,
    problem: null,
    isLoading: true,
  });
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    let isCurrent = true;
    set((old) => ({ of, data: old.of === of ? old.data : null, problem: null, isLoading: true }));
    load().then(
      (data) => isCurrent && set({ of, data, problem: null, isLoading: false }),
      (error: unknown) => {
        const problem = error instanceof ApiError ? error.problem : UNREACHABLE;
        if (isCurrent) set({ of, data: null, problem, isLoading: false });
      },
    );
    return () => {
      isCurrent = false;
    };
  }, [of, turn, key.value]);
  const reload = useCallback(() => setTurn((n) => n + 1), []);
  return { data: state.of === of ? state.data : null, problem: state.problem, isLoading: state.isLoading, reload };
}

/** Return an address for <img> and <video>, fetched with the key. */
export function useObjectUrl(path: string | null): { url: string | null; problem: Problem | null } {
  const [state, set] = useState<{ url: string | null; problem: Problem | null }>({ url: null, problem: null });
  useEffect(() => {
    if (!path) return undefined;
    let [isCurrent, made]: [boolean, string | null] = [true, null];
    set({ url: null, problem: null });
    const control = new AbortController();
    insist(() => blob(path), { signal: control.signal }).then(
      (data) => {
        if (!isCurrent) return;
        made = URL.createObjectURL(data);
        set({ url: made, problem: null });
      },
      (error: unknown) => isCurrent && set({ url: null, problem: error instanceof ApiError ? error.problem : UNREACHABLE }),
    );
    return () => {
      isCurrent = false;
      control.abort();
      if (made) URL.revokeObjectURL(made);
    };
  }, [path, key.value]);
  return state;
}

/** Return an address that a browser may ask by itself, once the server has something there. */
export function useReadyUrl(path: string | null): { url: string | null; problem: Problem | null } {
  const [state, set] = useState<{ url: string | null; problem: Problem | null }>({ url: null, problem: null });
  useEffect(() => {
    if (!path) return undefined;
    const control = new AbortController();
    insist(() => send(path, { headers: { Range: "bytes=0-0" }, signal: control.signal }), { signal: control.signal }).then(
      () => set({ url: path, problem: null }),
      (error: unknown) => {
        if (!control.signal.aborted) set({ url: null, problem: error instanceof ApiError ? error.problem : UNREACHABLE });
      },
    );
    return () => control.abort();
  }, [path]);
  return state;
}

/** Save a file from the server under the name it gives, or the name given here. */
export async function download(path: string, fallback: string): Promise<void> {
  const answer = await send(path);
  const header = answer.headers.get("Content-Disposition") ?? "";
  const name = /filename="([^"]+)"/.exec(header)?.[1] ?? fallback;
  const url = URL.createObjectURL(await answer.blob());
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
