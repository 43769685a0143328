import { type RefObject, useLayoutEffect, useState } from "react";

/** The width of an element, kept current. */
export function useWidth(ref: RefObject<HTMLElement | null>): number {
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const element = ref.current;
    if (!element) return;
    setWidth(element.clientWidth);
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    return () => observer.disconnect();
  }, [ref]);
  return width;
}

/** Whether `text` fits into `width` pixels of a bar. */
export function fits(text: string, width: number): boolean {
  return width > text.length * 6 + 10;
}
