// What a lane's row shows, as pure functions of the lane and the run's time.

import { RULES } from "../../app/rules";
import type { LaneBrief, LaneView, RunView, Step } from "../../bindings";

export interface LaneStep {
  step: Step;
  from: number;
  /** Absent while the step is under way. */
  to: number | null;
}

/** A lane of the race, or one that stands by. */
export type Entry =
  | { kind: "lane"; brief: LaneBrief; lane: LaneView }
  | { kind: "planned"; brief: LaneBrief };

const LIMITS: Partial<Record<Step, number>> = {
  create: RULES.create_ms,
  boot: RULES.boot_ms,
  connect: RULES.connect_ms,
  install: RULES.install_ms,
};

/** The steps a lane has reached, in order. */
export function stepsOf(lane: LaneView, view: RunView): LaneStep[] {
  const end = lane.lost_ms ?? (lane.phase === "won" ? view.marks.shell_ms : null);
  const steps: LaneStep[] = [];
  const add = (step: Step, from: number | null, to: number | null) => {
    if (from === null || (end !== null && from > end)) return;
    steps.push({ step, from, to: to !== null && (end === null || to <= end) ? to : end });
  };
  // In the queue the create clock stands still.
  const searched = lane.refusals > 0 && lane.phase === "lost";
  const asked = searched ? lane.started_ms : lane.requested_ms;
  if (lane.phase !== "queued") add("create", asked, lane.rented_ms);
  add("boot", lane.rented_ms, lane.booted_ms);
  add("connect", lane.booted_ms, lane.connected_ms);
  if (lane.lost_step === "install") add("install", lane.connected_ms, lane.lost_ms);
  if (lane.phase === "won" && view.marks.shell_ms !== null) {
    steps.push({
      step: "install",
      from: view.marks.shell_ms,
      to: view.restore?.installed_ms ?? null,
    });
  }
  return steps;
}

/** The step under way, and how long it may take. */
export function currentStep(lane: LaneView, view: RunView): (LaneStep & { limit: number }) | null {
  if (lane.phase === "lost") return null;
  const last = stepsOf(lane, view).at(-1);
  if (!last || last.to !== null) return null;
  return { ...last, limit: LIMITS[last.step] ?? RULES.boot_ms };
}

export type LaneTone = "stand" | "queued" | "live" | "won" | "out";

export function toneOf(entry: Entry): LaneTone {
  if (entry.kind === "planned") return "stand";
  switch (entry.lane.phase) {
    case "queued":
      return "queued";
    case "won":
      return "won";
    case "lost":
      return "out";
    default:
      return "live";
  }
}

/** What became of a lost lane's machine. */
export type Fate = "none" | "destroying" | "looking" | "gone" | "unconfirmed";

export function fateOf(lane: LaneView): Fate {
  if (lane.rented === "no" || lane.rented === null) return "none";
  if (lane.destroyed_ms !== null) return lane.destroyed_confirmed ? "gone" : "unconfirmed";
  return lane.rented === "unknown" && lane.machine === null ? "looking" : "destroying";
}

/** How long the step took in which the lane was lost. */
export function lostAfter(lane: LaneView, view: RunView): number {
  const begun = stepsOf(lane, view).findLast(step => step.step === lane.lost_step)?.from;
  return Math.max((lane.lost_ms ?? 0) - (begun ?? lane.connected_ms ?? lane.started_ms), 0);
}

/** The town, without the country. */
export function placeOf(brief: LaneBrief): string {
  return brief.location.split(",")[0] ?? brief.location;
}

/** `08`. */
export function bibOf(lane: number): string {
  return String(lane).padStart(2, "0");
}
