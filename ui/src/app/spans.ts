// Where the winner's seconds went, step by step, since the run began: the same
// spans a run's history shows, while the run still goes on.

import type { LaneView, RunView, StepSpan } from "../bindings";

/** The winner's lane. */
export function winnerOf(view: RunView): LaneView | null {
  return view.lanes.find(lane => lane.brief.lane === view.winner) ?? null;
}

/** `now` closes the step that is under way. */
export function winnerSpans(view: RunView, now: number): StepSpan[] {
  const lane = winnerOf(view);
  if (!lane) return [];
  const first = Math.min(...view.lanes.map(other => other.started_ms));
  const { shell_ms, complete_ms } = view.marks;
  const installed = view.restore?.installed_ms ?? null;
  const moments: [StepSpan["step"], number | null][] = [
    ["offers", 0],
    [null, first],
    ["create", lane.requested_ms],
    ["boot", lane.rented_ms],
    ["connect", lane.booted_ms],
    ["install", view.restore ? shell_ms : null],
    ["restore", installed],
  ];
  const end = complete_ms ?? (view.restore ? now : (shell_ms ?? now));
  const reached = moments.filter(
    (moment): moment is [StepSpan["step"], number] => moment[1] !== null,
  );
  return reached
    .map(([step, from_ms], index) => ({
      step,
      from_ms,
      to_ms: Math.max(reached[index + 1]?.[1] ?? end, from_ms),
    }))
    .filter(
      span => span.to_ms > span.from_ms && (span.step !== null || span.to_ms - span.from_ms > 100),
    );
}
