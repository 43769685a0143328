// A run's view as screens read it: what an earlier heat left behind is taken
// out. The fold keeps marks and restore until newer facts replace them.

import type { RestoreView, RunView } from "../bindings";

/** A projection from fewer readings is a guess. */
const READINGS_FOR_ETA = 4;

export function shownView(view: RunView): RunView {
  // What a run ended with is all there is: nothing in it is stale.
  if (view.phase === "failed" || view.phase === "cancelled") return view;
  const racing = view.phase === "preparing" || view.phase === "racing";
  return {
    ...view,
    marks: racing ? { shell_ms: null, critical_ms: null, complete_ms: null } : view.marks,
    restore: view.restore && shownRestore(view.restore, racing ? null : view.marks.shell_ms),
  };
}

/** `shell`: when the present winner was found. */
function shownRestore(restore: RestoreView, shell: number | null): RestoreView {
  const installed = restore.installed_ms;
  if (installed === null || shell === null || installed < shell) {
    return { ...restore, tool: null, installed_ms: null, ...NOTHING };
  }
  const rates = restore.rates.filter(rate => rate.at_ms >= installed);
  if (rates.length === 0 && !restore.verified) return { ...restore, ...NOTHING };
  const eta_ms = rates.length < READINGS_FOR_ETA ? null : restore.eta_ms;
  return { ...restore, rates, eta_ms };
}

const NOTHING = {
  files_done: 0,
  bytes_done: 0,
  bytes_per_s: 0,
  rates: [],
  eta_ms: null,
  failed: [],
} satisfies Partial<RestoreView>;
