// The price histogram and its slider, in micro-dollars an hour.

import type { Rate } from "../../bindings";

const CENT = 10_000;
const BINS = 30;
/** The dearest few would squeeze all others together. */
const SHOWN_SHARE = 0.96;

export interface PricePlot {
  /** Left edge. */
  min: number;
  /** Right edge; here there is no cap any more. */
  max: number;
  /** Offers per bin, from edge to edge. */
  bins: number[];
}

export function pricePlot(prices: Rate[], cap: Rate | null): PricePlot {
  const sorted = [...prices].sort((a, b) => a - b);
  const last = sorted[Math.floor((sorted.length - 1) * SHOWN_SHARE)] ?? 100 * CENT;
  const widest = Math.max(last * 1.08, (cap ?? 0) * 1.1, 10 * CENT);
  const unit = widest > 200 * CENT ? 50 * CENT : 5 * CENT;
  const max = Math.ceil(widest / unit) * unit;
  const lowest = Math.min(sorted[0] ?? 0, cap ?? Number.POSITIVE_INFINITY);
  const min = Math.max(Math.floor((lowest * 0.7) / (5 * CENT)) * 5 * CENT, CENT);
  const bins = new Array<number>(BINS).fill(0);
  for (const price of sorted) {
    const bin = Math.min(Math.max(Math.floor(((price - min) / (max - min)) * BINS), 0), BINS - 1);
    bins[bin] = (bins[bin] ?? 0) + 1;
  }
  return { min, max, bins };
}

/** Reads `0.60` and `0,60`; `null` for nothing, `undefined` for nonsense. */
export function parsePrice(text: string): Rate | null | undefined {
  const plain = text.trim().replace(",", ".");
  if (plain === "") return null;
  if (!/^\d{1,4}(\.\d{0,6})?$/.test(plain)) return undefined;
  const micros = Math.round(Number(plain) * 1e6);
  return micros > 0 ? micros : undefined;
}

export const PRICE_STEP = CENT;
