import { describe, expect, it } from "vitest";
import type { OfferRow } from "../../bindings";
import { offerRows } from "../../host/fake/offers";
import { arrange, bestOf, type Column, countSet, passes, worthOf } from "./rows";

const ROWS = offerRows(400);
const ids = (rows: OfferRow[]) => rows.map(row => row.offer.id);

describe("filters", () => {
  it("pass everything when they say nothing", () => {
    expect(ROWS.every(row => passes(row, {}, {}))).toBe(true);
    expect(countSet({ countries: [], verified_only: false, gpu: null }, {})).toBe(0);
  });

  it("each take away what they say", () => {
    const cases: [Parameters<typeof passes>[1], Parameters<typeof passes>[2]][] = [
      [{ gpu: "RTX 4090" }, {}],
      [{ max_price: 400_000 }, {}],
      [{ min_gpu_ram_mb: 30_000 }, {}],
      [{ min_reliability: 0.99 }, {}],
      [{ verified_only: true }, {}],
      [{ datacenter_only: true }, {}],
      [{ countries: ["US"] }, {}],
      [{ min_cuda: 12.8 }, {}],
      [{}, { max_ready_ms: 11_000 }],
      [{}, { min_value: 250 }],
      [{}, { min_direct_ports: 20 }],
    ];
    for (const [filter, own] of cases) {
      const kept = ROWS.filter(row => passes(row, filter, own));
      expect(kept.length, JSON.stringify([filter, own])).toBeGreaterThan(0);
      expect(kept.length, JSON.stringify([filter, own])).toBeLessThan(ROWS.length);
      expect(countSet(filter, own)).toBe(1);
    }
  });

  it("on our own boots leave out hosts we have not seen", () => {
    const kept = ROWS.filter(row => passes(row, {}, { max_ready_ms: 60_000 }));
    expect(kept.every(row => row.history?.median_ready_ms != null)).toBe(true);
  });
});

describe("the order", () => {
  const columns: Column[] = ["price", "value", "down", "place", "boots", "gpu", "traffic"];
  it.each(columns)("by %s runs one way, then the other", column => {
    const up = arrange(ROWS, {}, {}, { column, descending: false });
    const down = arrange(ROWS, {}, {}, { column, descending: true });
    expect(ids(up)).not.toEqual(ids(down));
    expect([...ids(up)].sort()).toEqual([...ids(down)].sort());
  });

  it("puts what is not known, and what is blocked, last both ways", () => {
    for (const descending of [false, true]) {
      const sorted = arrange(ROWS, {}, {}, { column: "boots", descending });
      const free = sorted.filter(row => row.history?.standing !== "blocked");
      const firstUnknown = free.findIndex(row => row.history?.median_ready_ms == null);
      expect(free.slice(firstUnknown).every(row => row.history?.median_ready_ms == null)).toBe(
        true,
      );
      expect(sorted.at(-1)?.history?.standing).toBe("blocked");
    }
  });

  it("by rank is the engine's", () => {
    const free = ROWS.filter(row => row.history?.standing !== "blocked");
    const ranked = arrange(ROWS, {}, {}, { column: "rank", descending: false });
    expect(ids(ranked).slice(0, free.length)).toEqual(ids(free));
  });
});

describe("the best", () => {
  it("are one a physical machine and never blocked", () => {
    const best = bestOf(ROWS, 15);
    expect(best).toHaveLength(15);
    const picked = ROWS.filter(row => best.includes(row.offer.id));
    expect(new Set(picked.map(row => row.offer.host ?? row.offer.id)).size).toBe(15);
    expect(picked.some(row => row.history?.standing === "blocked")).toBe(false);
  });

  it("are fewer where there are fewer", () => {
    expect(bestOf(ROWS.slice(0, 2), 15).length).toBeLessThanOrEqual(2);
    expect(bestOf([], 15)).toEqual([]);
  });
});

it("performance for the money is per dollar and hour", () => {
  const row = ROWS[0];
  if (!row) throw new Error("no row");
  expect(worthOf({ ...row, offer: { ...row.offer, dlperf: 100, price: 500_000 } })).toBe(200);
  expect(worthOf({ ...row, offer: { ...row.offer, price: 0 } })).toBe(0);
});
