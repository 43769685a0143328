// The lanes of a run in waves, in their fixed places.

import { RULES } from "../../app/rules";
import type { RunView } from "../../bindings";
import type { Entry } from "./lane";

export interface Wave {
  heat: number;
  /** 1, 2, 3. */
  wave: number;
  entries: Entry[];
  /** When it started, or is due; since `run_started`. */
  at: number | null;
  started: boolean;
}

export const heatOf = (lane: number) => Math.ceil(lane / RULES.lanes);
export const waveOf = (lane: number) =>
  Math.ceil((((lane - 1) % RULES.lanes) + 1) / RULES.wave_lanes);

/** Every wave with at least one machine, by heat and wave. */
export function wavesOf(view: RunView): Wave[] {
  const entries: Entry[] = [
    ...view.lanes.map(lane => ({ kind: "lane" as const, brief: lane.brief, lane })),
    ...view.planned
      .filter(brief => !view.lanes.some(lane => lane.brief.lane === brief.lane))
      .map(brief => ({ kind: "planned" as const, brief })),
  ].sort((a, b) => a.brief.lane - b.brief.lane);

  const waves: Wave[] = [];
  for (const entry of entries) {
    const heat = heatOf(entry.brief.lane);
    const wave = waveOf(entry.brief.lane);
    const last = waves.at(-1);
    if (last?.heat === heat && last.wave === wave) {
      last.entries.push(entry);
    } else {
      waves.push({ heat, wave, entries: [entry], ...startOf(view, heat, wave) });
    }
  }
  for (const wave of waves) wave.at ??= firstStart(wave);
  return waves;
}

function startOf(view: RunView, heat: number, wave: number): Pick<Wave, "at" | "started"> {
  if (heat !== Math.max(view.heat, 1)) return { at: null, started: true };
  const at = view.waves_at_ms[wave - 1];
  if (at !== undefined) return { at, started: true };
  const first = view.waves_at_ms[0] ?? view.heat_at_ms;
  if (first === null || first === undefined) return { at: null, started: false };
  const gap = view.policy === "all-at-once" ? 0 : RULES.wave_gap_ms;
  return { at: first + (wave - 1) * gap, started: false };
}

function firstStart(wave: Wave): number | null {
  const starts = wave.entries.flatMap(entry =>
    entry.kind === "lane" ? [entry.lane.started_ms] : [],
  );
  return starts.length ? Math.min(...starts) : null;
}

/** No lane will start any more. */
export function isSettled(view: RunView): boolean {
  return (
    view.winner !== null ||
    view.phase === "failed" ||
    view.phase === "cancelled" ||
    view.lanes.some(lane => lane.reason === "cancelled" || lane.reason === "cap-reached")
  );
}

/** The wave that "next wave now" would start, while there is one. */
export function nextWave(view: RunView): Wave | null {
  if (view.phase !== "racing" || view.policy === "all-at-once" || isSettled(view)) return null;
  return (
    wavesOf(view).find(
      wave =>
        wave.heat === view.heat &&
        !wave.started &&
        wave.entries.some(entry => entry.kind === "planned"),
    ) ?? null
  );
}
