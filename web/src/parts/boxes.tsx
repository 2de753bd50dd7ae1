/** Boxes around the persons of a moment, numbered as in the list of people. */
import type { Result } from "../api/types";
import { boxAt } from "../timeline";

export function Boxes({ result, time }: { result: Result; time: number }) {
  const [width, height] = [result.width ?? 1, result.height ?? 1];
  const label = Math.max(width, height) / 26;
  return (
    <svg class="boxes" viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" aria-hidden="true">
      {(result.people ?? []).map((person) => {
        const box = boxAt(person, time);
        if (!box) return null;
        const [left, top, right, bottom] = box;
        const area = { x: left, y: top, width: right - left, height: bottom - top };
        return (
          <g key={person.track} class={`face ${person.verdict?.decision ?? "unsure"}`}>
            <rect class="edge" {...area} />
            <rect class="box" {...area} />
            <text x={(left + right) / 2} y={top > 1.3 * label ? top - label / 3 : bottom + label} font-size={label}>
              {person.track}
            </text>
          </g>
        );
      })}
    </svg>
  );
}
