// The run a screen shows.

import { createContext, type ReactNode, useContext, useMemo } from "react";
import type { RunState, RunStore } from "./run-store";
import { useRunState } from "./session";
import { shownView } from "./shown-view";

interface RunContextValue extends RunState {
  store: RunStore;
}

/** Absent on screens that show no run. */
export const RunContext = createContext<RunContextValue | null>(null);

export function RunProvider({ store, children }: { store: RunStore; children: ReactNode }) {
  const state = useRunState(store);
  const value = useMemo(() => ({ ...state, view: shownView(state.view), store }), [state, store]);
  return <RunContext value={value}>{children}</RunContext>;
}

export function useRun(): RunContextValue {
  const run = useContext(RunContext);
  if (!run) throw new Error("no run above this component");
  return run;
}
