// One watched run: frames in, a state out that React can subscribe to, and a
// clock that runs on between facts. The truth stays in the engine; this only
// folds what it says.

import type { Fact, RunId, RunView } from "../bindings";
import type { Host, HostError } from "../host";
import { shownTime } from "./frames";
import { applyFact, emptyRun } from "./run-view";

export interface RunState {
  view: RunView;
  /** The first frame has come. */
  known: boolean;
  /** Watching failed. */
  error: HostError | null;
}

export interface RunStore {
  readonly run: RunId;
  subscribe(listener: () => void): () => void;
  getSnapshot(): RunState;
  /** Milliseconds since `run_started`, running on between facts. */
  elapsed(): number;
  /** Asks again after an error. */
  retry(): void;
}

/** A fact this far behind the clock means the clock was wrong. */
const CLOCK_SLACK_MS = 2_000;
/** The longest silence a fresh view is believed to have had. */
const SILENCE_MS = 60_000;

export function createRunStore(host: Host, run: RunId): RunStore {
  let state: RunState = { view: emptyRun(run), known: false, error: null };
  let stop: (() => void) | null = null;
  /** The host's clock at `run_started`. */
  let zero = host.clock.now();
  const listeners = new Set<() => void>();

  let due = false;
  const tell = () => {
    due = false;
    for (const listener of listeners) listener();
  };
  const set = (next: Partial<RunState>) => {
    state = { ...state, ...next };
    tell();
  };
  /** A race says more than there are frames: what came since the last is shown at once. */
  const setInFrame = (next: Partial<RunState>) => {
    state = { ...state, ...next };
    if (document.hidden) tell();
    else if (!due) requestAnimationFrame(tell);
    due = !document.hidden;
  };

  const anchorView = (view: RunView) => {
    const wall = host.clock.wall() - Date.parse(view.started);
    const elapsed = Math.min(Math.max(wall, view.elapsed_ms), view.elapsed_ms + SILENCE_MS);
    zero = host.clock.now() - elapsed;
  };
  const anchorFact = (fact: Fact) => {
    const seen = host.clock.now() - fact.elapsed_ms;
    // Facts arrive late, never early: the earliest arrival is nearest the truth.
    if (seen < zero || seen > zero + CLOCK_SLACK_MS) zero = seen;
  };

  const watch = () => {
    stop?.();
    stop = host.watch(
      run,
      frame => {
        if (frame.kind === "view") {
          anchorView(frame.view);
          set({ view: frame.view, known: true, error: null });
          return;
        }
        if (frame.fact.seq <= state.view.seq) return;
        anchorFact(frame.fact);
        setInFrame({ view: applyFact(state.view, frame.fact), known: true, error: null });
      },
      error => set({ error }),
    );
  };
  watch();

  return {
    run,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    getSnapshot: () => state,
    elapsed: () => shownTime(Math.max(host.clock.now() - zero, 0)),
    retry: watch,
  };
}

/** Nothing more will happen but confirmations. */
export function isOver(view: RunView): boolean {
  return view.phase === "ready" || view.phase === "failed" || view.phase === "cancelled";
}
