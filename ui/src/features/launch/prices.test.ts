import { describe, expect, it } from "vitest";
import { PRICES } from "../../host/fake/market";
import { parsePrice, pricePlot } from "./prices";

describe("a price", () => {
  it("is read with a point or a comma", () => {
    expect(parsePrice("0.60")).toBe(600_000);
    expect(parsePrice(" 0,6 ")).toBe(600_000);
    expect(parsePrice("2")).toBe(2_000_000);
  });

  it("is no cap when nothing is written", () => {
    expect(parsePrice("  ")).toBeNull();
  });

  it("is refused when it makes no sense", () => {
    for (const text of ["9 9", "-1", "0", "1e3", "$1", "1.2.3", "99999"]) {
      expect(parsePrice(text), text).toBeUndefined();
    }
  });
});

describe("the histogram", () => {
  it("counts every offer once", () => {
    const plot = pricePlot(PRICES, null);
    expect(plot.bins.reduce((sum, count) => sum + count, 0)).toBe(PRICES.length);
  });

  it("always holds the cap", () => {
    for (const cap of [50_000, 600_000, 5_000_000]) {
      const { min, max } = pricePlot(PRICES, cap);
      expect(min).toBeLessThanOrEqual(cap);
      expect(max).toBeGreaterThan(cap);
    }
  });

  it("stands without any offer", () => {
    const { min, max, bins } = pricePlot([], null);
    expect(max).toBeGreaterThan(min);
    expect(bins.every(count => count === 0)).toBe(true);
  });
});
