import { describe, expect, it } from "vitest";
import { hostViews } from "../../host/fake/hosts";
import { FAKE_START } from "../../host/fake/scenarios";
import { groupOf, quantile, sumsOf } from "./sums";

const HOSTS = hostViews();

describe("sums", () => {
  const sums = sumsOf(HOSTS, FAKE_START);

  it("count every boot of the last days once", () => {
    expect(sums.boots).toBe(HOSTS.reduce((sum, host) => sum + host.boots.length, 0));
    expect(sums.hosts).toBe(HOSTS.filter(host => host.boots.length).length);
    expect(sumsOf(HOSTS, FAKE_START + 400 * 86_400_000).boots).toBe(0);
  });

  it("never count the beaten as losers", () => {
    expect(sums.reasons.some(({ reason }) => reason === "beaten")).toBe(false);
    expect(sums.reasons.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1);
    expect(sums.preferredWins).toBeLessThanOrEqual(sums.wins);
  });

  it("of nothing are nothing", () => {
    expect(sumsOf([], FAKE_START)).toMatchObject({ boots: 0, median_ms: null, reasons: [] });
    expect(quantile([], 0.5)).toBeNull();
    expect(quantile([3, 1, 2], 0.5)).toBe(2);
  });
});

it("a host rests while its time is not up", () => {
  const host = HOSTS.find(host => host.standing === "none");
  if (!host) throw new Error("no such host");
  const at = (ms: number) => new Date(FAKE_START + ms).toISOString();
  const with_ = (rests_until: string | null) => ({
    ...host,
    record: { ...host.record, rests_until },
  });
  expect(groupOf(with_(at(1_000)), FAKE_START)).toBe("resting");
  expect(groupOf(with_(at(-1_000)), FAKE_START)).toBe("seen");
  expect(groupOf(with_(null), FAKE_START)).toBe("seen");
});
