// How the window looks and what it says by itself: read once at the start,
// changed at once, kept by the shell.

import { createContext, type ReactNode, useContext, useMemo, useSyncExternalStore } from "react";
import type { Preferences } from "../bindings";
import type { Host, HostError } from "../host";
import { hostError } from "../host";
import { preferredLanguage, setLanguage, shownLanguage } from "./i18n";
import { applyTheme } from "./theme";

/** Every field, as the shell always sends them. */
export type FullPreferences = Required<Preferences>;

export interface PreferencesStore {
  get(): FullPreferences;
  /** Changes the window at once; what cannot be kept is taken back. */
  change(part: Partial<Preferences>): void;
  /** Why the last change was taken back. */
  error(): HostError | null;
  subscribe(listener: () => void): () => void;
}

const DEFAULTS: FullPreferences = {
  theme: "system",
  language: "system",
  notify: {
    shell: false,
    critical: true,
    complete: true,
    failure: true,
    leftovers: true,
    caps: true,
  },
  letter_keys: true,
  start_at_login: false,
  rail: false,
  saved_filters: [],
  told_about_tray: false,
  guided: false,
};

export function createPreferences(host: Host, first: Preferences): PreferencesStore {
  let now: FullPreferences = { ...DEFAULTS, ...first };
  let error: HostError | null = null;
  const listeners = new Set<() => void>();
  const set = (next: FullPreferences) => {
    now = next;
    applyTheme(next.theme);
    // A test may show another language than the kept one.
    if (shownLanguage() !== "pseudo") {
      setLanguage(
        next.language === "system" ? preferredLanguage(navigator.languages) : next.language,
      );
    }
    for (const listener of listeners) listener();
  };
  return {
    get: () => now,
    error: () => error,
    change(part) {
      const before = now;
      error = null;
      set({ ...now, ...part });
      host.preferencesSet(now).catch(cause => {
        error = hostError(cause);
        set(before);
      });
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

const PreferencesContext = createContext<PreferencesStore | null>(null);

export function PreferencesProvider({
  store,
  children,
}: {
  store: PreferencesStore;
  children: ReactNode;
}) {
  return <PreferencesContext value={store}>{children}</PreferencesContext>;
}

export function usePreferences() {
  const store = useContext(PreferencesContext);
  if (!store) throw new Error("no preferences above this component");
  const preferences = useSyncExternalStore(store.subscribe, store.get);
  const error = useSyncExternalStore(store.subscribe, store.error);
  return useMemo(() => ({ preferences, error, change: store.change }), [preferences, error, store]);
}
