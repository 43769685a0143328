// Where the winner's seconds went, step by step, since the run began: the same
// spans a run's history shows, while the run still goes on.

import type { LaneView, MachineId, RunView, StepSpan } from "../bindings";

/** The winner's lane. */
export function winnerOf(view: RunView): LaneView | null {
  return view.lanes.find(lane => lane.brief.lane === view.winner) ?? null;
}

/** The machine a run is about: the one that won, or the one it restores onto. */
export function machineIdOf(view: RunView): MachineId | null {
  if (view.destination?.kind === "machine") return view.destination.machine;
  return winnerOf(view)?.machine ?? null;
}

type Moment = [step: StepSpan["step"], from: number | null];

function momentsOf(view: RunView): Moment[] {
  const installed = view.restore?.installed_ms ?? null;
  const lane = winnerOf(view);
  if (!lane) {
    return view.destination
      ? [
          ["install", 0],
          ["restore", installed],
        ]
      : [];
  }
  return [
    ["offers", 0],
    [null, Math.min(...view.lanes.map(other => other.started_ms))],
    ["create", lane.requested_ms],
    ["boot", lane.rented_ms],
    ["connect", lane.booted_ms],
    ["install", view.restore ? view.marks.shell_ms : null],
    ["restore", installed],
  ];
}

/** `now` closes the step that is under way. */
export function winnerSpans(view: RunView, now: number): StepSpan[] {
  const moments = momentsOf(view);
  const { shell_ms, complete_ms } = view.marks;
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
