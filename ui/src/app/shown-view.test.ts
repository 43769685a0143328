// Whatever the moment of whatever stream, the screens draw sense.

import { describe, expect, it } from "vitest";
import type { Fact } from "../bindings";
import { headlineOf } from "../features/race/headline";
import { currentStep, stepsOf } from "../features/race/lane";
import { raceScale, raceUntil } from "../features/race/timeline";
import { totalsOf } from "../features/race/totals";
import { wavesOf } from "../features/race/waves";
import { FAKE_RUN, factsOf } from "../host/fake/scenarios";
import { applyFact, emptyRun, replay } from "./run-view";
import { shownView } from "./shown-view";
import { winnerSpans } from "./spans";
import { allStreams } from "./test-streams";

describe.each(allStreams())("%s", (_, facts) => {
  it("draws sense after every fact", () => {
    let folded = emptyRun(facts[0]?.run ?? "");
    for (const fact of facts) {
      folded = applyFact(folded, fact);
      const view = shownView(folded);
      const now = view.elapsed_ms;

      let last = 0;
      for (const span of winnerSpans(view, now)) {
        expect(span.from_ms).toBeGreaterThanOrEqual(last);
        expect(span.to_ms).toBeGreaterThan(span.from_ms);
        last = span.to_ms;
      }
      for (const lane of view.lanes) {
        const steps = stepsOf(lane, view);
        for (const step of steps) {
          expect(step.to ?? now, `lane ${lane.brief.lane}`).toBeGreaterThanOrEqual(step.from);
        }
        if (lane.phase === "lost") expect(currentStep(lane, view)).toBeNull();
      }
      const places = wavesOf(view).flatMap(wave => wave.entries.map(entry => entry.brief.lane));
      expect(places).toEqual([...new Set(places)].sort((a, b) => a - b));
      const sum = totalsOf(view);
      expect(sum.racing + sum.out + (view.winner === null ? 0 : 1)).toBe(sum.asked);
      expect(raceScale(raceUntil(view, now)).end).toBeGreaterThanOrEqual(raceUntil(view, now));
      expect(headlineOf(view, now).say).toBeTruthy();
    }
  });
});

describe("a second heat", () => {
  const facts = factsOf("second-heat");
  const viewAfter = (name: string, nth: number) => {
    const indexes = facts.flatMap((fact, index) => (fact.fact === name ? [index] : []));
    return shownView(replay(FAKE_RUN, facts.slice(0, (indexes[nth] ?? 0) + 1)));
  };

  it("starts without the marks of the first", () => {
    expect(viewAfter("winner_chosen", 0).marks.shell_ms).not.toBeNull();
    expect(viewAfter("heat_started", 1).marks.shell_ms).toBeNull();
  });

  it("starts its restore at nothing", () => {
    const extended = factsOf("extended");
    const half = extended.slice(0, extended.length / 2);
    const again = replay(FAKE_RUN, [
      ...half,
      { ...(half.at(-1) as Fact), seq: half.length + 1, fact: "heat_started", heat: 2 } as Fact,
    ]);
    expect(replay(FAKE_RUN, half).restore?.bytes_done).toBeGreaterThan(0);
    expect(again.restore?.bytes_done).toBe(0);
    expect(again.restore?.installed_ms).toBeNull();
    expect(again.restore?.bytes).toBeGreaterThan(0);
  });
});
