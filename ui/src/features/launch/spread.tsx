import type { Spread } from "../../bindings";
import { percentOf, type Scale, ticksOf } from "../../design/scale";

interface SpreadBarProps {
  spread: Spread | null;
  scale: Scale;
  live?: boolean;
}

/** Eight of ten runs as a bar, the middle one as a stroke. */
export function SpreadBar({ spread, scale, live }: SpreadBarProps) {
  return (
    <div className={live ? "spread live" : "spread"} aria-hidden="true">
      {ticksOf(scale).map(tick => (
        <i key={tick} className="grade" style={{ left: percentOf(tick, scale) }} />
      ))}
      {spread ? (
        <>
          <i
            className="range"
            style={{
              left: percentOf(spread.p10_ms, scale),
              width: percentOf(spread.p90_ms - spread.p10_ms, scale),
            }}
          />
          <i className="median" style={{ left: percentOf(spread.median_ms, scale) }} />
        </>
      ) : null}
    </div>
  );
}
