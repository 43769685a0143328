// The side bar as it stands, kept for the next start: `public/first-frame.js`
// shows it until the code of the window has run.

import { type RefObject, useEffect } from "react";

const NAME = "first-frame";
/** In milliseconds: a start has better things to do. */
const SETTLED = 1_500;

/** What of the side bar is as true at the next start: no figure, no run, no place. */
export function lasting(side: HTMLElement): string {
  const copy = side.cloneNode(true) as HTMLElement;
  for (const passing of copy.querySelectorAll('.foot, .count, [href^="/run/"]')) passing.remove();
  for (const here of copy.querySelectorAll("[aria-current]")) here.removeAttribute("aria-current");
  return copy.outerHTML;
}

/** Keeps the side bar when it has settled, and again when one of these changes. */
export function useFirstFrame(
  side: RefObject<HTMLElement | null>,
  rail: boolean,
  language: string | undefined,
  theme: string | undefined,
) {
  // biome-ignore lint/correctness/useExhaustiveDependencies: what is kept shows all of these
  useEffect(() => {
    const timer = setTimeout(() => {
      if (!side.current) return;
      const { lang, dataset } = document.documentElement;
      const frame = { language: lang, theme: dataset.theme, rail, side: lasting(side.current) };
      localStorage.setItem(NAME, JSON.stringify(frame));
    }, SETTLED);
    return () => clearTimeout(timer);
  }, [side, rail, language, theme]);
}

/** The window itself stands. */
export function endFirstFrame() {
  document.getElementById(NAME)?.remove();
}
