// How this run compares with the earlier ones of its recipe.

import type { RunSummary, RunView } from "../../bindings";

export interface Usual {
  median_ms: number;
  best_ms: number;
  /** How many runs it stands on. */
  runs: number;
}

/** Fewer runs are no habit. */
const LEAST_RUNS = 2;

export function usualOf(runs: RunSummary[], view: RunView): Usual | null {
  const times = runs
    .filter(run => run.run !== view.run && run.title === view.title && run.phase === "ready")
    .flatMap(run => run.marks.complete_ms ?? [])
    .sort((a, b) => a - b);
  const best_ms = times[0];
  const median_ms = times[Math.floor((times.length - 1) / 2)];
  if (times.length < LEAST_RUNS || best_ms === undefined || median_ms === undefined) return null;
  return { median_ms, best_ms, runs: times.length };
}
