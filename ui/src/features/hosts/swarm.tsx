// A host's boots on the second scale: every one a dot, the middle half a bar,
// the middle one a stroke, those that never came a cross at the edge.

import type { HostBoot } from "../../bindings";
import { percentOf, type Scale } from "../../design/scale";
import { counts, quantile } from "./sums";

/** Dots nearer than this lie over each other. */
const NEAR_MS = 400;
const ROWS = [0, -1, 1, -2, 2];

export function Swarm({
  boots,
  scale,
  blocked,
}: {
  boots: HostBoot[];
  scale: Scale;
  blocked: boolean;
}) {
  const ready = boots.flatMap(boot => boot.ready_ms ?? []).sort((a, b) => a - b);
  const never = boots.filter(boot => boot.ready_ms === null && counts(boot.reason)).length;
  const [low, middle, high] = [quantile(ready, 0.25), quantile(ready, 0.5), quantile(ready, 0.75)];
  let last = Number.NEGATIVE_INFINITY;
  let row = 0;
  return (
    <div className={blocked ? "swarm blocked" : "swarm"} aria-hidden="true">
      {low !== null && high !== null && ready.length > 2 ? (
        <i
          className="half"
          style={{ left: percentOf(low, scale), width: percentOf(high - low, scale) }}
        />
      ) : null}
      {ready.map((ms, index) => {
        row = ms - last < NEAR_MS ? row + 1 : 0;
        last = ms;
        return (
          <i
            // biome-ignore lint/suspicious/noArrayIndexKey: dots have no identity
            key={index}
            className="boot"
            style={{
              left: percentOf(ms, scale),
              top: `calc(50% + ${(ROWS[row % ROWS.length] ?? 0) * 5}px)`,
            }}
          />
        );
      })}
      {middle === null ? null : <i className="middle" style={{ left: percentOf(middle, scale) }} />}
      {never ? <b className="never">{"×".repeat(Math.min(never, 3))}</b> : null}
    </div>
  );
}
