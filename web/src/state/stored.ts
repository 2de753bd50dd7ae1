/** Small values in the browser's storage; a browser that refuses storage costs nothing but memory. */

type Place = "session" | "local";

function area(place: Place): Storage | null {
  try {
    return place === "session" ? sessionStorage : localStorage;
  } catch {
    return null;
  }
}

export function read(place: Place, name: string): string | null {
  try {
    return area(place)?.getItem(`verilens.${name}`) ?? null;
  } catch {
    return null;
  }
}

export function write(place: Place, name: string, value: string | null): void {
  try {
    if (value === null) area(place)?.removeItem(`verilens.${name}`);
    else area(place)?.setItem(`verilens.${name}`, value);
  } catch {
    // a full or forbidden storage: the value lives as long as the page
  }
}
