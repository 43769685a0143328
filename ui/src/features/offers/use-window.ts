// Which rows of a long table are in view; the others are only as high as they
// would be.

import { type RefObject, useLayoutEffect, useState } from "react";

export interface Window {
  from: number;
  to: number;
}

/** Rows beyond the edges, so that a quick scroll shows no gap. */
const BEYOND = 12;

export function useWindow(
  scroller: RefObject<HTMLElement | null>,
  count: number,
  rowHeight: number,
): Window {
  const [window, setWindow] = useState<Window>({ from: 0, to: 60 });
  useLayoutEffect(() => {
    const element = scroller.current;
    if (!element) return;
    const look = () => {
      const first = Math.floor(element.scrollTop / rowHeight);
      const shown = Math.ceil(element.clientHeight / rowHeight);
      const from = Math.max(first - BEYOND, 0);
      const to = first + shown + BEYOND;
      setWindow(before => (before.from === from && before.to === to ? before : { from, to }));
    };
    look();
    element.addEventListener("scroll", look, { passive: true });
    const observer = new ResizeObserver(look);
    observer.observe(element);
    return () => {
      element.removeEventListener("scroll", look);
      observer.disconnect();
    };
  }, [scroller, rowHeight]);
  return { from: Math.min(window.from, count), to: Math.min(window.to, count) };
}
