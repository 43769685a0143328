// The run as one bar: what the winner did, and what is still to come.

import { useElapsed } from "../../app/live";
import { useRun } from "../../app/run";
import { winnerSpans } from "../../app/spans";
import { Axis, Gridlines } from "../../design/axis";
import { scaleFor } from "../../design/scale";
import { type Pin, TimeBar } from "../../design/time-bar";

const FRAME_MS = 16;

export function RunBar() {
  const { view } = useRun();
  const now = useElapsed(FRAME_MS);
  const { marks, restore } = view;
  const last = restore?.rates.at(-1)?.at_ms ?? view.elapsed_ms;
  const end = restore?.eta_ms != null ? Math.max(last + restore.eta_ms, now) : null;
  const scale = scaleFor((end ?? marks.complete_ms ?? now) * 1.04, 12);
  const pins: Pin[] = [];
  if (marks.shell_ms !== null) pins.push({ mark: "shell", at: marks.shell_ms });
  if (marks.critical_ms !== null) pins.push({ mark: "critical", at: marks.critical_ms });
  if (marks.complete_ms !== null) pins.push({ mark: "complete", at: marks.complete_ms });
  else if (end !== null) pins.push({ mark: "complete", at: end, ahead: true });
  return (
    <div className="card mt-3 px-4 pt-3 pb-2">
      <div className="relative">
        <Gridlines scale={scale} strongEvery={10_000} />
        <TimeBar
          spans={winnerSpans(view, now)}
          scale={scale}
          tone="won"
          pins={pins}
          labels
          runwayTo={end}
        />
      </div>
      <Axis scale={scale} />
    </div>
  );
}
