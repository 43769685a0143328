// The race's second scale. It starts at the run's beginning, holds 30 s, and
// grows in steps when the race lasts longer.

import type { RunView } from "../../bindings";
import { type Scale, scaleFor } from "../../design/scale";

const LEAST_MS = 30_000;
/** The playhead never comes nearer to the right edge than this share. */
const ROOM = 0.96;
const GROWTH = [30, 45, 60, 90, 120, 180, 240, 300].map(s => s * 1_000);

/** `until`: the last moment that must be on it. */
export function raceScale(until: number): Scale {
  const end = GROWTH.find(ms => until <= ms * ROOM) ?? Math.ceil(until / 60_000 + 1) * 60_000;
  return { ...scaleFor(end, 6), end: Math.max(end, LEAST_MS) };
}

/** Where the race's clock stops: at the win, or at the last lane's end. */
export function raceEnd(view: RunView): number | null {
  if (view.winner !== null && view.marks.shell_ms !== null) return view.marks.shell_ms;
  if (view.phase !== "failed" && view.phase !== "cancelled") return null;
  const ends = view.lanes.flatMap(lane => (lane.lost_ms === null ? [] : [lane.lost_ms]));
  return ends.length ? Math.max(...ends) : view.elapsed_ms;
}

/** A heat's three waves are due within this time of its first create. */
const HEAT_MS = 28_000;

/** The last moment the drawing must hold. */
export function raceUntil(view: RunView, now: number): number {
  const begun = view.waves_at_ms[0] ?? view.heat_at_ms ?? 0;
  return Math.max(raceEnd(view) ?? now, view.restore?.installed_ms ?? 0, begun + HEAT_MS);
}
