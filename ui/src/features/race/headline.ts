// The one sentence that tells the race: the newest event, or who is ahead.
// Pure; the words are looked up elsewhere.

import type { CloudId, LaneView, LostReason, RunView, Step } from "../../bindings";
import { currentStep, type LaneStep } from "./lane";

export type Headline =
  | { say: "asking" }
  | { say: "first-wave"; count: number; at: number }
  | { say: "wave"; wave: number; count: number; at: number }
  | { say: "out"; lane: LaneView; reason: LostReason; replacedBy: LaneView | null; at: number }
  | { say: "booted"; lane: LaneView; at: number }
  | { say: "slow"; lane: LaneView; step: Step; at: number }
  | { say: "throttled"; cloud: CloudId; count: number }
  | { say: "side-by-side"; first: LaneView; second: LaneView; step: Step }
  | { say: "tight"; lane: LaneView; left: number }
  | { say: "racing"; count: number; step: Step }
  | { say: "won"; lane: LaneView; at: number }
  | { say: "second-heat"; at: number }
  | { say: "cancelling"; count: number }
  | { say: "waiting" };

/** An event is told this long, unless a newer one comes. */
const EVENT_MS = 3_000;
const TIGHT_MS = 4_000;
const NEAR_MS = 1_500;

export function headlineOf(view: RunView, now: number): Headline {
  const winner = view.lanes.find(lane => lane.brief.lane === view.winner);
  if (winner && view.marks.shell_ms !== null) {
    return { say: "won", lane: winner, at: view.marks.shell_ms };
  }
  if (view.phase === "preparing") return { say: "asking" };
  const leaving = view.lanes.filter(
    lane => lane.reason === "cancelled" && lane.destroyed_ms === null,
  );
  if (view.lanes.some(lane => lane.reason === "cancelled")) {
    return { say: "cancelling", count: leaving.length };
  }
  const waiting = view.lanes.filter(lane => lane.throttled);
  if (view.throttled && waiting.length) {
    return { say: "throttled", cloud: view.throttled, count: waiting.length };
  }
  const event = events(view).findLast(event => event.at <= now);
  if (event && now - event.at < EVENT_MS) return event;
  return standing(view, now) ?? event ?? { say: "waiting" };
}

type Event = Extract<Headline, { at: number }>;

function events(view: RunView): Event[] {
  const found: Event[] = [];
  for (const [index, at] of view.waves_at_ms.entries()) {
    const count = view.lanes.filter(
      lane => lane.heat === view.heat && Math.abs(lane.started_ms - at) < 500,
    ).length;
    if (index > 0) found.push({ say: "wave", wave: index + 1, count, at });
    else if (view.heat > 1) found.push({ say: "second-heat", at });
    else found.push({ say: "first-wave", count, at });
  }
  for (const lane of view.lanes) {
    if (lane.lost_ms !== null && lane.reason && lane.reason !== "beaten") {
      const replacedBy = view.lanes.find(other => other.replaces === lane.brief.lane) ?? null;
      found.push({ say: "out", lane, reason: lane.reason, replacedBy, at: lane.lost_ms });
    }
    if (lane.booted_ms !== null && lane.lost_ms === null) {
      found.push({ say: "booted", lane, at: lane.booted_ms });
    }
    if (lane.slow) {
      const step = currentStep(lane, view);
      if (step) found.push({ say: "slow", lane, step: lane.slow, at: step.from + step.limit });
    }
  }
  return found.sort((a, b) => a.at - b.at);
}

const ORDER: Step[] = ["offers", "create", "boot", "connect", "install", "restore"];

function standing(view: RunView, now: number): Headline | null {
  const running = view.lanes
    .map(lane => ({ lane, step: currentStep(lane, view) }))
    .filter(
      (one): one is { lane: LaneView; step: LaneStep & { limit: number } } => one.step !== null,
    )
    .sort(
      (a, b) =>
        ORDER.indexOf(b.step.step) - ORDER.indexOf(a.step.step) || a.step.from - b.step.from,
    );
  const [first, second] = running;
  if (!first) return null;
  const left = first.step.from + first.step.limit - now;
  if (first.step.step === "connect" && left > 0 && left < TIGHT_MS) {
    return { say: "tight", lane: first.lane, left };
  }
  if (
    second &&
    first.step.step === second.step.step &&
    first.step.step !== "create" &&
    Math.abs(first.step.from - second.step.from) < NEAR_MS
  ) {
    const others = running.filter(one => one.step.step === first.step.step);
    if (others.length < 4) {
      return { say: "side-by-side", first: first.lane, second: second.lane, step: first.step.step };
    }
  }
  const same = running.filter(one => one.step.step === first.step.step).length;
  return { say: "racing", count: same, step: first.step.step };
}
