// The made-up runs obey the rules of the real ones: only then do the screens
// tested on them mean anything.

import { describe, expect, it } from "vitest";
import { RULES } from "../../app/rules";
import { replay } from "../../app/run-view";
import { fateOf } from "../../features/race/lane";
import { FAKE_RUN, factsOf, SCENARIOS, type ScenarioName } from "./scenarios";

const NAMES = Object.keys(SCENARIOS) as ScenarioName[];

describe.each(NAMES)("%s", name => {
  const facts = factsOf(name);

  it("is numbered without a gap, and time never runs back", () => {
    expect(facts.map(fact => fact.seq)).toEqual(facts.map((_, index) => index + 1));
    for (const [index, fact] of facts.entries()) {
      expect(fact.elapsed_ms).toBeGreaterThanOrEqual(facts[index - 1]?.elapsed_ms ?? 0);
    }
    expect(facts[0]?.fact).toBe("run_started");
  });

  it("has at most one winner and 15 lanes a heat", () => {
    let winners = 0;
    const lanes = new Set<number>();
    for (const fact of facts) {
      if (fact.fact === "heat_started") {
        winners = 0;
        lanes.clear();
      }
      if (fact.fact === "winner_chosen") winners += 1;
      if (fact.fact === "lane_started") lanes.add(fact.lane);
      expect(winners).toBeLessThanOrEqual(1);
      expect(lanes.size).toBeLessThanOrEqual(RULES.lanes);
    }
  });

  it("destroys everything but the winner and what it names", () => {
    const view = replay(FAKE_RUN, facts);
    for (const lane of view.lanes) {
      if (lane.brief.lane === view.winner) continue;
      const fate = fateOf(lane);
      if (fate === "destroying") expect(view.leftovers).toContain(lane.machine);
      else expect(["gone", "none"]).toContain(fate);
    }
  });

  it("replaces a lost lane at once", () => {
    const lost = new Map<number, number>();
    for (const fact of facts) {
      if (fact.fact === "lane_lost") lost.set(fact.lane, fact.elapsed_ms);
      if (fact.fact === "lane_started" && fact.replaces !== null) {
        expect(fact.elapsed_ms).toBe(lost.get(fact.replaces));
      }
    }
  });
});

describe("a wave started by hand", () => {
  it("changes nothing that has happened", () => {
    const before = factsOf("wave-2").filter(fact => fact.elapsed_ms < 4_000);
    const after = factsOf("wave-2", { early: { 2: 4_000 } });
    expect(after.slice(0, before.length)).toEqual(before);
    const wave = after.find(fact => fact.fact === "wave_started" && fact.wave === 2);
    expect(wave?.elapsed_ms).toBe(3_995);
  });
});
