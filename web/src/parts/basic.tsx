/** Small parts that every view uses. */
import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { language } from "../state/settings";
import { visible } from "../format";
import { said } from "../words/said";

const SHAPES: Record<string, { solid?: string; circle?: true; square?: true; cut: string }> = {
  fake: { solid: "M7.8 2h8.4L22 7.8v8.4L16.2 22H7.8L2 16.2V7.8z", cut: "M8 8l8 8M16 8l-8 8" },
  suspicious: { solid: "M12 2.5L22.5 21.5h-21z", cut: "M12 9.5v5.6M12 17.9v.5" },
  genuine: { circle: true, cut: "M7 12.4l3.4 3.4L17 9" },
  unsure: { circle: true, cut: "M9 9.4a3 3 0 1 1 4.6 2.5c-1 .7-1.6 1.2-1.6 2.2M12 17.2v.5" },
  none: { square: true, cut: "M7 12h10" },
};

/** The mark of a decision: each has a shape of its own, so colour is never alone. */
export function Mark({ decision }: { decision: string }) {
  const shape = SHAPES[decision] ?? SHAPES.none!;
  return (
    <svg class="mark" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      {shape.solid && <path d={shape.solid} />}
      {shape.circle && <circle cx="12" cy="12" r="10" />}
      {shape.square && <rect x="2.5" y="2.5" width="19" height="19" rx="3" />}
      <path class="cut" d={shape.cut} />
    </svg>
  );
}

const LINES = {
  plus: "M12 5v14M5 12h14",
  minus: "M5 12h14",
  fit: "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5",
  play: "M8 5l11 7-11 7z",
  pause: "M8 5v14M16 5v14",
  back: "M15 5l-7 7 7 7",
  forward: "M9 5l7 7-7 7",
  close: "M6 6l12 12M18 6L6 18",
  key: "M12 16a4 4 0 1 1-8 0 4 4 0 0 1 8 0zM10.9 13.1L20 4M16.5 7.5l3 3M13.6 10.4l2 2",
  sun: "M12 4V2M12 22v-2M4 12H2M22 12h-2M6.3 6.3L4.9 4.9M19.1 19.1l-1.4-1.4M6.3 17.7l-1.4 1.4M19.1 4.9l-1.4 1.4M16 12a4 4 0 1 1-8 0 4 4 0 0 1 8 0z",
  moon: "M20 14.5A8.2 8.2 0 0 1 9.5 4a8.2 8.2 0 1 0 10.5 10.5z",
  auto: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 3v18M12 7h4.5M12 11h8M12 15h7M12 19h3",
  sound: "M4 9.5v5h3.5L12 19V5L7.5 9.5zM16 9a4.2 4.2 0 0 1 0 6M18.5 6.5a8 8 0 0 1 0 11",
  mute: "M4 9.5v5h3.5L12 19V5L7.5 9.5zM16 9.5l5 5M21 9.5l-5 5",
} as const;

export function Line({ name }: { name: keyof typeof LINES }) {
  return (
    <svg class={`line-icon ${name}`} viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={LINES[name]} />
    </svg>
  );
}

/** A sentence of the server: translated as far as it is known, the rest marked as English. */
export function Said({ text, capital = false }: { text: string; capital?: boolean }) {
  const pieces = said(visible(text), language.value);
  return (
    <>
      {pieces.map((piece, n) => {
        const shown = capital && n === 0 ? piece.text.charAt(0).toUpperCase() + piece.text.slice(1) : piece.text;
        return piece.lang === language.value ? shown : <span lang={piece.lang}>{shown}</span>;
      })}
    </>
  );
}

/** A text that comes from a file or a method, in nobody's language in particular. */
export const Foreign = ({ text }: { text: string }) => <span lang="en">{visible(text)}</span>;

const heard = signal("");

/** Say something to those who listen to the page. */
export function announce(text: string): void {
  heard.value = "";
  setTimeout(() => (heard.value = text), 50);
}

export const Announcer = () => (
  <p class="unseen" role="status" aria-live="polite">
    {heard}
  </p>
);

/** A bar of progress; null while nobody can say how far it is. */
export function Progress({ share, label }: { share: number | null; label: string }) {
  const percent = share === null ? null : Math.round(100 * Math.min(1, Math.max(0, share)));
  return (
    <div
      class={`progress${percent === null ? " endless" : ""}`}
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      {...(percent === null ? {} : { "aria-valuenow": percent })}
    >
      <span style={{ width: percent === null ? "100%" : `${percent}%` }} />
    </div>
  );
}

interface DialogProps {
  title: string;
  onClose: () => void;
  children: ComponentChildren;
}

/** A modal dialog; the browser keeps the focus inside and gives it back. */
export function Dialog({ title, onClose, children }: DialogProps) {
  const ref = useRef<HTMLDialogElement>(null);
  const isGone = useRef(false);
  useEffect(() => {
    const dialog = ref.current;
    if (dialog && !dialog.open) dialog.showModal();
    return () => {
      isGone.current = true;
      dialog?.close();
    };
  }, []);
  // the browser tells of the closing later, when another dialog may be open already
  const closed = () => isGone.current || onClose();
  return (
    <dialog ref={ref} class="dialog" aria-labelledby="dialog-title" onClose={closed}>
      <h2 id="dialog-title">{title}</h2>
      {children}
    </dialog>
  );
}

interface HeadingProps {
  children: ComponentChildren;
  title: string;
}

/** The heading of a view: names the window, and takes the focus when the view opens. */
export function Heading({ children, title }: HeadingProps) {
  const ref = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · verilens`;
  }, [title]);
  useEffect(() => {
    if (document.activeElement === document.body || document.activeElement?.matches("a, main, h1")) {
      ref.current?.focus({ preventScroll: true });
    }
  }, []);
  return (
    <h1 ref={ref} tabIndex={-1}>
      {children}
    </h1>
  );
}
