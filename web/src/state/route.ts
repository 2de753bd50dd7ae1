/** Where the reader is: the part of the address behind #, so that the server serves one page. */
import { signal } from "@preact/signals";

export type Route =
  | { view: "start" }
  | { view: "job"; id: string }
  | { view: "batch"; id: string }
  | { view: "history"; query: URLSearchParams }
  | { view: "compare"; a: string | null; b: string | null };

export function parse(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const [view, id] = path.split("/").map(decoded);
  const params = new URLSearchParams(query);
  if (view === "job" && id) return { view, id };
  if (view === "batch" && id) return { view, id };
  if (view === "history") return { view, query: params };
  if (view === "compare") return { view, a: params.get("a"), b: params.get("b") };
  return { view: "start" };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export const to = {
  start: "#/",
  job: (id: string) => `#/job/${encodeURIComponent(id)}`,
  batch: (id: string) => `#/batch/${encodeURIComponent(id)}`,
  history: (query?: URLSearchParams) => (query?.toString() ? `#/history?${query.toString()}` : "#/history"),
  compare: (a?: string | null, b?: string | null) => {
    const query = new URLSearchParams();
    if (a) query.set("a", a);
    if (b) query.set("b", b);
    return query.toString() ? `#/compare?${query.toString()}` : "#/compare";
  },
};

export const route = signal<Route>(parse(location.hash));

addEventListener("hashchange", () => {
  route.value = parse(location.hash);
});

export function go(address: string, replace = false): void {
  if (replace) {
    history.replaceState(null, "", address);
    route.value = parse(address);
  } else {
    location.hash = address;
  }
}
