// A run's view as screens read it: what is still a guess is taken out.

import type { RunView } from "../bindings";

/** A projection from fewer readings is a guess. */
const READINGS_FOR_ETA = 4;

export function shownView(view: RunView): RunView {
  if (!view.restore || view.restore.rates.length >= READINGS_FOR_ETA) return view;
  return { ...view, restore: { ...view.restore, eta_ms: null } };
}
