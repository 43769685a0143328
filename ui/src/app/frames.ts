// One animation loop for everything that moves. It rests while the window is
// hidden or nothing listens, and steps once a second for people who asked for
// less motion. Painters write to the DOM themselves: no React render a frame.

import { useLayoutEffect, useRef } from "react";

type Painter = () => void;

const STEP_MS = 1_000;

const painters = new Set<Painter>();
const calm = matchMedia("(prefers-reduced-motion: reduce)");
let cancel: (() => void) | null = null;

function schedule() {
  if (cancel || painters.size === 0 || document.hidden) return;
  if (calm.matches) {
    const timer = setTimeout(paint, STEP_MS);
    cancel = () => clearTimeout(timer);
  } else {
    const frame = requestAnimationFrame(paint);
    cancel = () => cancelAnimationFrame(frame);
  }
}

function paint() {
  cancel = null;
  for (const painter of painters) painter();
  schedule();
}

document.addEventListener("visibilitychange", () => {
  cancel?.();
  cancel = null;
  schedule();
});

/** Time as it may be shown: whole seconds for people who asked for less motion. */
export function shownTime(ms: number): number {
  return calm.matches ? Math.floor(ms / STEP_MS) * STEP_MS : ms;
}

/** Calls `painter` after each render and on every frame while mounted. */
export function useFrames(painter: Painter) {
  const latest = useRef(painter);
  useLayoutEffect(() => {
    latest.current = painter;
    painter();
  });
  useLayoutEffect(() => {
    const call = () => latest.current();
    painters.add(call);
    schedule();
    return () => {
      painters.delete(call);
    };
  }, []);
}
