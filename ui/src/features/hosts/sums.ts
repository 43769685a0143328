// What all hosts together say. Pure.

import type { HostBoot, HostView, LostReason } from "../../bindings";

const DAY = 86_400_000;

/** The value below which this share of a list lies. */
export function quantile(values: number[], share: number): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.round((sorted.length - 1) * share)] ?? null;
}

export interface HostSums {
  boots: number;
  hosts: number;
  median_ms: number | null;
  p90_ms: number | null;
  /** Wins of preferred hosts, and all wins. */
  preferredWins: number;
  wins: number;
  /** The most frequent reasons, with their share of all losses. */
  reasons: { reason: LostReason; share: number }[];
}

/** Beaten and cancelled lanes lost by nobody's fault. */
export const counts = (reason: LostReason | null): reason is LostReason =>
  reason !== null && reason !== "beaten" && reason !== "cancelled";

export function sumsOf(hosts: HostView[], now: number, days = 30): HostSums {
  const from = now - days * DAY;
  const recent = (host: HostView) => host.boots.filter(boot => Date.parse(boot.at) >= from);
  const all: HostBoot[] = hosts.flatMap(recent);
  const ready = all.flatMap(boot => boot.ready_ms ?? []);
  const reasons = new Map<LostReason, number>();
  for (const { reason } of all)
    if (counts(reason)) reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  const lost = [...reasons.values()].reduce((sum, count) => sum + count, 0);
  const wins = (list: HostView[]) => list.flatMap(recent).filter(boot => boot.won).length;
  return {
    boots: all.length,
    hosts: hosts.filter(host => recent(host).length).length,
    median_ms: quantile(ready, 0.5),
    p90_ms: quantile(ready, 0.9),
    preferredWins: wins(hosts.filter(host => host.standing === "preferred")),
    wins: wins(hosts),
    reasons: [...reasons]
      .sort(([, a], [, b]) => b - a)
      .map(([reason, count]) => ({ reason, share: count / lost })),
  };
}

export type Group = "preferred" | "seen" | "resting" | "blocked";

/** Where a host stands in the list. */
export function groupOf(host: HostView, now: number): Group {
  if (host.standing !== "none") return host.standing;
  const rests = host.record.rests_until;
  return rests !== null && Date.parse(rests) > now ? "resting" : "seen";
}
