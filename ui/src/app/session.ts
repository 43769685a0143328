// The runs this window knows: each is watched once, however many screens show
// it, and one of them is the current one.

import { createContext, useContext, useSyncExternalStore } from "react";
import type { RunId, Spread } from "../bindings";
import type { Host } from "../host";
import { createRunStore, type RunState, type RunStore } from "./run-store";

export interface Session {
  readonly host: Host;
  /** The store of a run, made and watched on first use. */
  run(id: RunId): RunStore;
  /** The run the side bar leads to. */
  current(): RunId | null;
  setCurrent(id: RunId): void;
  /** What was predicted when this window launched the run. */
  prediction(id: RunId): Spread | null;
  predict(id: RunId, shell: Spread | null): void;
  subscribe(listener: () => void): () => void;
}

export function createSession(host: Host): Session {
  const runs = new Map<RunId, RunStore>();
  const listeners = new Set<() => void>();
  const predictions = new Map<RunId, Spread>();
  let current: RunId | null = null;
  return {
    host,
    run(id) {
      const known = runs.get(id);
      if (known) return known;
      const store = createRunStore(host, id);
      runs.set(id, store);
      return store;
    },
    current: () => current,
    setCurrent(id) {
      current = id;
      for (const listener of listeners) listener();
    },
    prediction: id => predictions.get(id) ?? null,
    predict(id, shell) {
      if (shell) predictions.set(id, shell);
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

export const SessionContext = createContext<Session | null>(null);

export function useSession(): Session {
  const session = useContext(SessionContext);
  if (!session) throw new Error("no session above this component");
  return session;
}

export function useHost(): Host {
  return useSession().host;
}

export function useCurrentRun(): RunId | null {
  const session = useSession();
  return useSyncExternalStore(session.subscribe, session.current);
}

export function useRunState(store: RunStore): RunState {
  return useSyncExternalStore(store.subscribe, store.getSnapshot);
}
