// What earlier runs of a recipe say about each policy. Without enough of them
// nothing is said (rules.md M7). Pure.

import type { Money, RacePolicy, RunSummary } from "../../bindings";

export interface PolicyRecord {
  /** How many runs it stands on. */
  runs: number;
  /** The share that had a winner. */
  chance: number;
  /** What a run with a winner cost, in the middle. */
  usual: Money;
}

export type Records = Record<RacePolicy, PolicyRecord | null>;

/** Fewer runs are no ground for a figure. */
const LEAST = 3;

export function recordsOf(runs: RunSummary[], recipe: string): Records {
  const of = (policy: RacePolicy): PolicyRecord | null => {
    const ended = runs.filter(
      run =>
        run.recipe === recipe &&
        run.policy === policy &&
        (run.marks.shell_ms !== null || run.failure === "no-machine-ready"),
    );
    const won = ended.filter(run => run.marks.shell_ms !== null);
    const costs = won.map(run => run.spent).sort((a, b) => a - b);
    const usual = costs[Math.floor((costs.length - 1) / 2)];
    if (ended.length < LEAST || usual === undefined) return null;
    return { runs: ended.length, chance: won.length / ended.length, usual };
  };
  return {
    strict: of("strict"),
    "keep-racing": of("keep-racing"),
    "all-at-once": of("all-at-once"),
  };
}
