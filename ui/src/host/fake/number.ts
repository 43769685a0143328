// Puts events into one stream: sorted, numbered without a gap, dated, and with
// the money counted once a second, as the engine does.

import type { Fact, RunId } from "../../bindings";
import type { Event } from "./heat";
import { briefFor } from "./market";

export function number(events: Event[], run: RunId, startedAt: number): Fact[] {
  const sorted = [...withSpend(events)].sort((a, b) => a.at - b.at);
  return sorted.map(({ at, ...body }, index) => ({
    run,
    seq: index + 1,
    at: new Date(startedAt + at).toISOString(),
    elapsed_ms: Math.round(at),
    ...body,
  })) as Fact[];
}

function withSpend(events: Event[]): Event[] {
  const last = Math.max(...events.map(event => event.at));
  const spans = new Map<number, { from: number; to: number; rate: number }>();
  for (const event of [...events].sort((a, b) => a.at - b.at)) {
    if (event.fact === "machine_requested") {
      const rate = briefFor(event.lane).usd_micros_per_hour;
      spans.set(event.lane, { from: event.at, to: Number.POSITIVE_INFINITY, rate });
    }
    const span =
      "lane" in event && typeof event.lane === "number" ? spans.get(event.lane) : undefined;
    if (!span) continue;
    if (event.fact === "create_refused") spans.delete(event.lane as number);
    if (event.fact === "machine_destroyed") span.to = event.at;
    if (event.fact === "lane_lost" && event.rented === "no") spans.delete(event.lane);
  }
  const counted: Event[] = [];
  for (let at = 1_000; at <= last + 1_000; at += 1_000) {
    let micros = 0;
    let rate = 0;
    let machines = 0;
    for (const span of spans.values()) {
      if (span.from > at) continue;
      micros += (span.rate * (Math.min(at, span.to) - span.from)) / 3_600_000;
      if (span.to > at) {
        machines += 1;
        rate += span.rate;
      }
    }
    counted.push({
      at,
      fact: "spend_counted",
      usd_micros: Math.ceil(micros),
      machines,
      usd_micros_per_hour: rate,
    });
  }
  return [...events, ...counted];
}
