import { useFormats } from "../app/format";
import { percentOf, type Scale, ticksOf } from "./scale";

/** The printed second scale. */
export function Axis({ scale }: { scale: Scale }) {
  const f = useFormats();
  const ticks = ticksOf(scale);
  return (
    <div className="axis" aria-hidden="true">
      {ticks.map((tick, index) => (
        <span
          key={tick}
          className={index === 0 ? "begin" : index === ticks.length - 1 ? "end" : undefined}
          style={{ left: percentOf(tick, scale) }}
        >
          {f.roughly(tick)}
        </span>
      ))}
    </div>
  );
}

export function Gridlines({ scale, strongEvery = 0 }: { scale: Scale; strongEvery?: number }) {
  return (
    <div className="gridlines" aria-hidden="true">
      {ticksOf(scale).map(tick => (
        <i
          key={tick}
          className={strongEvery && tick && tick % strongEvery === 0 ? "strong" : undefined}
          style={{ left: percentOf(tick, scale) }}
        />
      ))}
    </div>
  );
}
