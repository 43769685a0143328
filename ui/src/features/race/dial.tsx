// A step's share of its limit, as a ring that fills.

import { useRef } from "react";
import { useFrames } from "../../app/frames";
import { useRun } from "../../app/run";

const ROUND = 2 * Math.PI * 7;
/** Below this rest the hand turns amber. */
const LATE_MS = 2_000;

export function Dial({ from, limit }: { from: number; limit: number }) {
  const { store } = useRun();
  const dial = useRef<SVGSVGElement>(null);
  const hand = useRef<SVGCircleElement>(null);
  useFrames(() => {
    const spent = Math.min(Math.max((store.elapsed() - from) / limit, 0), 1);
    hand.current?.setAttribute(
      "stroke-dasharray",
      `${(ROUND * spent).toFixed(1)} ${ROUND.toFixed(1)}`,
    );
    dial.current?.toggleAttribute("data-late", limit * (1 - spent) < LATE_MS);
  });
  return (
    <svg ref={dial} className="dial" viewBox="0 0 20 20" aria-hidden="true">
      <circle cx="10" cy="10" r="7" />
      <circle ref={hand} className="hand" cx="10" cy="10" r="7" transform="rotate(-90 10 10)" />
    </svg>
  );
}
