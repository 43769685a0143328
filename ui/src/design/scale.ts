// The second scale a screen prints once and draws everything on.

export interface Scale {
  /** Milliseconds at the right edge; the left edge is zero. */
  end: number;
  /** Milliseconds between two ticks. */
  step: number;
}

const STEPS = [5, 10, 20, 30, 60, 120, 300, 600, 1_800, 3_600].map(s => s * 1_000);

/** A scale that holds `ms` with at most `ticks` steps. */
export function scaleFor(ms: number, ticks = 10): Scale {
  const step = STEPS.find(step => Math.ceil(ms / step) <= ticks) ?? 7_200_000;
  return { step, end: Math.max(Math.ceil(ms / step), 1) * step };
}

/** The ticks from zero to the end. */
export function ticksOf({ end, step }: Scale): number[] {
  return Array.from({ length: Math.round(end / step) + 1 }, (_, index) => index * step);
}

/** Where a moment stands, for CSS. */
export function percentOf(ms: number, { end }: Scale): string {
  return `${Math.round(Math.min(Math.max(ms / end, 0), 1) * 100_000) / 1_000}%`;
}
