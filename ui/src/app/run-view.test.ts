import { describe, expect, it } from "vitest";
import { FAKE_RUN, factsOf, SCENARIOS, type ScenarioName } from "../host/fake/scenarios";
import { applyFact, emptyRun, replay } from "./run-view";
import { recordedStreams } from "./test-streams";

const NAMES = Object.keys(SCENARIOS) as ScenarioName[];

describe("the fold", () => {
  it("agrees with the engine's on every recorded stream", () => {
    for (const { name, facts, view } of recordedStreams()) {
      expect(replay(facts[0]?.run ?? "", facts), name).toEqual(view);
    }
  });

  it.each(NAMES)("%s: a stream told twice changes nothing", name => {
    const facts = factsOf(name);
    const once = replay(FAKE_RUN, facts);
    expect(facts.reduce(applyFact, once)).toBe(once);
  });

  it.each(NAMES)("%s: joining late gives the same view", name => {
    const facts = factsOf(name);
    const half = Math.floor(facts.length / 2);
    const late = facts.slice(half).reduce(applyFact, replay(FAKE_RUN, facts.slice(0, half)));
    expect(late).toEqual(replay(FAKE_RUN, facts));
  });

  it("changes nothing it is given", () => {
    const freeze = <T>(value: T): T => {
      if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
        Object.freeze(value);
        Object.values(value).forEach(freeze);
      }
      return value;
    };
    let view = freeze(emptyRun(FAKE_RUN));
    for (const fact of factsOf("second-heat")) view = freeze(applyFact(view, freeze(fact)));
    expect(view.phase).toBe("ready");
  });

  it("leaves lanes alone that a fact does not speak of", () => {
    const facts = factsOf("wave-2");
    const at = facts.findIndex(fact => fact.fact === "machine_booted");
    const before = replay(FAKE_RUN, facts.slice(0, at));
    const fact = facts[at];
    if (fact?.fact !== "machine_booted") throw new Error("no machine boots");
    const after = applyFact(before, fact);
    for (const [index, lane] of after.lanes.entries()) {
      expect(lane === before.lanes[index]).toBe(lane.brief.lane !== fact.lane);
    }
  });

  it("keeps the last 120 throughput readings", () => {
    const facts = factsOf("extended");
    const readings = facts.filter(fact => fact.fact === "restore_advanced");
    const rates = replay(FAKE_RUN, facts).restore?.rates ?? [];
    expect(readings.length).toBeGreaterThan(120);
    expect(rates).toHaveLength(120);
    expect(rates.at(-1)?.at_ms).toBe(readings.at(-1)?.elapsed_ms);
  });

  it("takes a second offer in the same lane", () => {
    const facts = factsOf("wave-2");
    const view = replay(
      FAKE_RUN,
      facts.filter(fact => fact.elapsed_ms < 1_000),
    );
    const lane = view.lanes.find(lane => lane.brief.lane === 2);
    expect(lane?.refusals).toBeGreaterThan(0);
    expect(view.lanes.filter(lane => lane.brief.lane === 2)).toHaveLength(1);
    expect(lane?.started_ms).toBeLessThan(500);
  });

  it("forgets a winner that failed, and finds the next", () => {
    const facts = factsOf("second-heat");
    const lost = facts.findIndex(
      fact => fact.fact === "lane_lost" && fact.reason === "install-too-slow",
    );
    const between = replay(FAKE_RUN, facts.slice(0, lost + 1));
    expect(between.winner).toBeNull();
    const view = replay(FAKE_RUN, facts);
    expect(view.heat).toBe(2);
    expect(view.winner).toBeGreaterThan(15);
    expect(view.phase).toBe("ready");
  });

  it.each([
    ["wave-1", "ready", null],
    ["no-machine", "failed", "no-machine-ready"],
    ["leftovers", "failed", "still-running"],
    ["incomplete", "failed", "restore-incomplete"],
    ["cancelled", "cancelled", null],
    ["refused", "failed", "credit-too-low"],
  ] as const)("%s ends %s", (name, phase, failure) => {
    const view = replay(FAKE_RUN, factsOf(name));
    expect(view.phase).toBe(phase);
    expect(view.failure).toBe(failure);
  });
});
