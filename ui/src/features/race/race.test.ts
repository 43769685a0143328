import { describe, expect, it } from "vitest";
import { replay } from "../../app/run-view";
import { FAKE_RUN, factsOf, type ScenarioName } from "../../host/fake/scenarios";
import { headlineOf } from "./headline";
import { currentStep, fateOf, stepsOf } from "./lane";
import { raceEnd, raceScale, raceUntil } from "./timeline";
import { totalsByCloud, totalsOf } from "./totals";
import { nextWave, wavesOf } from "./waves";

const at = (name: ScenarioName, ms: number) =>
  replay(
    FAKE_RUN,
    factsOf(name).filter(fact => fact.elapsed_ms <= ms),
  );
const lane = (view: ReturnType<typeof at>, no: number) => {
  const found = view.lanes.find(lane => lane.brief.lane === no);
  if (!found) throw new Error(`no lane ${no}`);
  return found;
};

describe("waves", () => {
  it("hold 15 lanes in their places, started or not", () => {
    const waves = wavesOf(at("wave-2", 5_000));
    expect(waves.map(wave => wave.entries.length)).toEqual([5, 5, 5]);
    expect(waves.flatMap(wave => wave.entries.map(entry => entry.brief.lane))).toEqual(
      Array.from({ length: 15 }, (_, index) => index + 1),
    );
    expect(waves.map(wave => wave.started)).toEqual([true, false, false]);
    expect(waves.map(wave => wave.at)).toEqual([295, 10_295, 20_295]);
  });

  it("show fewer rows where there are fewer offers", () => {
    expect(wavesOf(at("practice", 2_000)).map(wave => wave.entries.length)).toEqual([5, 5]);
  });

  it("know the next one, until nothing more starts", () => {
    expect(nextWave(at("wave-2", 5_000))?.wave).toBe(2);
    expect(nextWave(at("wave-2", 12_000))?.wave).toBe(3);
    expect(nextWave(at("wave-2", 23_000))).toBeNull();
    expect(nextWave(at("cancelled", 15_000))).toBeNull();
    expect(nextWave(at("all-at-once", 2_000))).toBeNull();
  });

  it("number a second heat anew", () => {
    const waves = wavesOf(at("second-heat", 21_000)).filter(wave => wave.heat === 2);
    expect(waves.map(wave => wave.wave)).toEqual([1, 2, 3]);
    expect(waves[0]?.entries[0]?.brief.lane).toBe(16);
  });
});

describe("a lane", () => {
  it("counts each step from its own beginning", () => {
    const view = at("wave-2", 5_000);
    const step = currentStep(lane(view, 1), view);
    expect(step?.step).toBe("boot");
    expect(step?.from).toBe(lane(view, 1).rented_ms);
    expect(step?.limit).toBe(10_000);
  });

  it("stands still in the queue of a throttling cloud", () => {
    const view = at("throttled", 2_000);
    expect(lane(view, 3).throttled).toBe(true);
    expect(stepsOf(lane(view, 3), view)).toEqual([]);
  });

  it("ends its last step where it was lost", () => {
    const view = at("wave-2", 30_000);
    const steps = stepsOf(lane(view, 3), view);
    expect(steps.map(step => step.step)).toEqual(["create", "boot", "connect"]);
    expect(steps.at(-1)?.to).toBe(lane(view, 3).lost_ms);
  });

  it("owes nothing when nothing was rented", () => {
    expect(fateOf(lane(at("wave-2", 5_000), 2))).toBe("none");
  });

  it("is gone only when the cloud's list says so", () => {
    const lost = at("wave-2", 11_700);
    expect(fateOf(lane(lost, 1))).toBe("destroying");
    expect(fateOf(lane(at("wave-2", 13_000), 1))).toBe("gone");
  });
});

describe("the headline", () => {
  const say = (name: ScenarioName, ms: number) => headlineOf(at(name, ms), ms).say;
  it("tells the newest event, then who is ahead", () => {
    expect(say("wave-2", 100)).toBe("asking");
    expect(say("wave-2", 800)).toBe("first-wave");
    expect(say("wave-2", 1_700)).toBe("out");
    expect(say("wave-2", 10_400)).toBe("wave");
    expect(say("wave-2", 18_400)).toBe("tight");
    expect(say("wave-2", 22_000)).toBe("won");
  });

  it("tells of queues, slow lanes, second heats and ends", () => {
    expect(say("throttled", 2_000)).toBe("throttled");
    expect(say("slow", 32_000)).toBe("slow");
    expect(say("second-heat", 20_600)).toBe("second-heat");
    expect(say("cancelled", 15_000)).toBe("cancelling");
  });

  it("names the lane that takes a lost one's place", () => {
    const headline = headlineOf(at("wave-2", 1_700), 1_700);
    expect(headline.say === "out" && headline.replacedBy?.brief.lane).toBe(7);
  });
});

describe("sums", () => {
  it("add up at every moment", () => {
    for (const name of ["wave-2", "no-machine", "cancelled", "second-heat"] as const) {
      for (let ms = 0; ms < 40_000; ms += 1_700) {
        const sum = totalsOf(at(name, ms));
        const winner = at(name, ms).winner === null ? 0 : 1;
        expect(sum.racing + sum.out + winner).toBe(sum.asked);
        expect(sum.gone + sum.leaving + sum.unconfirmed + sum.never).toBe(sum.out);
      }
    }
  });

  it("speak for each cloud", () => {
    const clouds = totalsByCloud(at("wave-2", 60_000));
    expect(clouds.map(cloud => cloud.cloud).sort()).toEqual(["runpod", "vast"]);
    expect(clouds.every(cloud => cloud.gone === cloud.rented)).toBe(true);
  });
});

describe("the second scale", () => {
  it("holds 30 s and grows before the playhead leaves it", () => {
    expect(raceScale(0).end).toBe(30_000);
    for (let ms = 0; ms < 400_000; ms += 900) {
      const { end, step } = raceScale(ms);
      expect(ms).toBeLessThanOrEqual(end * 0.97);
      expect(end / step).toBeLessThanOrEqual(8);
    }
  });

  it("holds every wave of a second heat", () => {
    const view = at("second-heat", 21_000);
    const last = wavesOf(view).at(-1)?.at ?? 0;
    expect(raceScale(raceUntil(view, 21_000)).end).toBeGreaterThan(last);
    expect(raceScale(raceUntil(at("wave-2", 5_000), 5_000)).end).toBe(30_000);
  });

  it("stops at the win, or with the last lane", () => {
    expect(raceEnd(at("wave-2", 10_000))).toBeNull();
    const won = at("wave-2", 30_000);
    expect(raceEnd(won)).toBe(won.marks.shell_ms);
    const failed = at("no-machine", 200_000);
    expect(raceEnd(failed)).toBe(Math.max(...failed.lanes.map(lane => lane.lost_ms ?? 0)));
  });
});
