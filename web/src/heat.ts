/** Scores in [0, 1] as colours: dark blue to yellow, which colour-blind readers can order too. */
import type { Grid } from "./api/types";

// Every sixteenth colour of the ramp "plasma", which the report uses too.
const STOPS = [
  [13, 8, 135], [49, 5, 151], [76, 2, 161], [102, 0, 167], [126, 3, 168], [149, 17, 161], [169, 35, 149],
  [188, 53, 135], [204, 70, 120], [217, 89, 106], [229, 107, 93], [240, 127, 79], [248, 148, 65], [253, 171, 51],
  [253, 195, 40], [249, 221, 37], [240, 249, 33],
] as const;

/** Red, green and blue of each of 256 scores. */
export const RAMP: Uint8ClampedArray = (() => {
  const table = new Uint8ClampedArray(256 * 3);
  for (let n = 0; n < 256; n += 1) {
    const at = (n / 255) * (STOPS.length - 1);
    const [low, high] = [STOPS[Math.floor(at)]!, STOPS[Math.min(STOPS.length - 1, Math.floor(at) + 1)]!];
    const share = at - Math.floor(at);
    for (let c = 0; c < 3; c += 1) table[3 * n + c] = low[c]! + share * (high[c]! - low[c]!);
  }
  return table;
})();

/** Colour grey RGBA pixels in place; low scores become nearly transparent. */
export function colour(pixels: Uint8ClampedArray): void {
  for (let n = 0; n < pixels.length; n += 4) {
    const value = pixels[n]!;
    pixels.set([RAMP[3 * value]!, RAMP[3 * value + 1]!, RAMP[3 * value + 2]!, 255 * (0.05 + (0.95 * value) / 255)], n);
  }
}

/** The coarse grid of a record as grey RGBA pixels; what was not scored counts as 0. */
export function grey(grid: Grid): Uint8ClampedArray<ArrayBuffer> {
  const pixels = new Uint8ClampedArray(4 * grid.rows * grid.columns);
  grid.values.forEach((value, n) => {
    const level = Math.round(255 * (value ?? 0));
    pixels.set([level, level, level, 255], 4 * n);
  });
  return pixels;
}

const LONGER = 512;

/** Draw a grey picture smoothly and coloured onto a canvas of moderate size. */
export function paint(canvas: HTMLCanvasElement, source: CanvasImageSource, width: number, height: number): void {
  const scale = LONGER / Math.max(width, height);
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) return;
  context.imageSmoothingEnabled = true;
  context.imageSmoothingQuality = "high";
  context.drawImage(source, 0, 0, canvas.width, canvas.height);
  const image = context.getImageData(0, 0, canvas.width, canvas.height);
  colour(image.data);
  context.putImageData(image, 0, 0);
}

/** Paint a record's coarse grid. */
export function paintGrid(canvas: HTMLCanvasElement, grid: Grid): void {
  const small = document.createElement("canvas");
  small.width = grid.columns;
  small.height = grid.rows;
  small.getContext("2d")?.putImageData(new ImageData(grey(grid), grid.columns, grid.rows), 0, 0);
  paint(canvas, small, grid.columns, grid.rows);
}
