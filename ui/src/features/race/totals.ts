// Sums over the lanes of a run.

import type { CloudId, RunView } from "../../bindings";
import { fateOf } from "./lane";

export interface Totals {
  /** Lanes that asked a cloud for a machine, or were to. */
  asked: number;
  racing: number;
  out: number;
  /** Losers whose machine existed. */
  rented: number;
  /** Of those, confirmed gone. */
  gone: number;
  /** Of those, still on their way out. */
  leaving: number;
  /** Of those, not confirmed in time. */
  unconfirmed: number;
  /** Losers for which nothing was ever rented. */
  never: number;
  standingBy: number;
  /** What the losers cost. */
  spent: number;
  /** When the last destruction was confirmed, since `run_started`. */
  confirmedAt: number | null;
}

export function totalsOf(view: RunView): Totals {
  const lost = view.lanes.filter(lane => lane.phase === "lost");
  const fates = lost.map(fateOf);
  const count = (...wanted: ReturnType<typeof fateOf>[]) =>
    fates.filter(fate => wanted.includes(fate)).length;
  const confirmed = lost.flatMap(lane =>
    fateOf(lane) === "gone" && lane.destroyed_ms !== null ? [lane.destroyed_ms] : [],
  );
  const never = count("none");
  return {
    asked: view.lanes.length,
    racing: view.lanes.filter(lane => lane.phase !== "lost" && lane.phase !== "won").length,
    out: lost.length,
    rented: lost.length - never,
    gone: count("gone"),
    leaving: count("destroying", "looking"),
    unconfirmed: count("unconfirmed"),
    never,
    standingBy: view.planned.filter(
      planned => !view.lanes.some(lane => lane.brief.lane === planned.lane),
    ).length,
    spent: lost.reduce((sum, lane) => sum + lane.spent, 0),
    confirmedAt: confirmed.length ? Math.max(...confirmed) : null,
  };
}

export interface CloudTotals {
  cloud: CloudId;
  rented: number;
  gone: number;
  confirmedAt: number | null;
}

/** The losers' machines, cloud by cloud. */
export function totalsByCloud(view: RunView): CloudTotals[] {
  const clouds = new Map<CloudId, CloudTotals>();
  for (const lane of view.lanes) {
    const fate = lane.phase === "lost" ? fateOf(lane) : "none";
    if (fate === "none") continue;
    const cloud = lane.brief.cloud;
    const sum = clouds.get(cloud) ?? { cloud, rented: 0, gone: 0, confirmedAt: null };
    sum.rented += 1;
    if (fate === "gone") {
      sum.gone += 1;
      sum.confirmedAt = Math.max(sum.confirmedAt ?? 0, lane.destroyed_ms ?? 0);
    }
    clouds.set(cloud, sum);
  }
  return [...clouds.values()];
}
