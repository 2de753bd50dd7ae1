/** Zoom and pan of a picture inside its frame. */

export interface View {
  /** 1 shows the whole picture */
  scale: number;
  /** offset of the picture's corner in pixels of the frame, never positive */
  x: number;
  y: number;
}

export const WHOLE: View = { scale: 1, x: 0, y: 0 };
export const MOST = 16;

const within = (value: number, low: number, high: number) => Math.min(high, Math.max(low, value));

/** Keep the picture over its frame of width x height. */
export function kept(view: View, width: number, height: number): View {
  const scale = within(view.scale, 1, MOST);
  return {
    scale,
    x: within(view.x, width * (1 - scale), 0) || 0,
    y: within(view.y, height * (1 - scale), 0) || 0,
  };
}

/** Zoom by a factor around a point of the frame, which stays where it is. */
export function zoomed(view: View, factor: number, at: { x: number; y: number }, width: number, height: number): View {
  const scale = within(view.scale * factor, 1, MOST);
  const ratio = scale / view.scale;
  return kept({ scale, x: at.x - ratio * (at.x - view.x), y: at.y - ratio * (at.y - view.y) }, width, height);
}

export function panned(view: View, dx: number, dy: number, width: number, height: number): View {
  return kept({ ...view, x: view.x + dx, y: view.y + dy }, width, height);
}

/** Bring a point of the frame to its middle. */
export function centred(view: View, at: { x: number; y: number }, width: number, height: number): View {
  return panned(view, width / 2 - at.x, height / 2 - at.y, width, height);
}
