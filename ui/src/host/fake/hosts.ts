// What the fake engine saw of hosts: the market's, with every boot behind the
// little history their offers carry.

import type { HostBoot, HostView, LostReason, StepStat } from "../../bindings";
import { briefFor, LANES } from "./market";
import { FAKE_START } from "./scenarios";

const DAY = 86_400_000;
const BLOCKED = 20;
const RESTING = 15;
const REASONS: LostReason[] = [
  "slow-boot",
  "slow-connect",
  "slow-boot",
  "exited",
  "out-of-time",
  "offline",
];

export function hostViews(): HostView[] {
  const views: HostView[] = [];
  for (let lane = 1; lane <= LANES; lane++) {
    const brief = briefFor(lane);
    const { history } = brief;
    if (!history || brief.host === null) continue;
    const boots = history.recent.map((inTime, index) => bootOf(lane, index, inTime));
    const blocked = lane === BLOCKED;
    const rests_until = lane === RESTING ? new Date(FAKE_START + DAY * 0.8).toISOString() : null;
    views.push({
      cloud: brief.cloud,
      host: brief.host,
      owner: brief.owner,
      gpu: lane % 4 === 0 ? "RTX 3090" : brief.gpu,
      location: brief.location,
      record: { ...history, rests_until },
      steps: stepsOf(history.median_ready_ms ?? 0, history.lanes),
      boots,
      failures: boots
        .filter(boot => boot.reason !== null && boot.reason !== "beaten")
        .reverse()
        .map(boot => ({ at: boot.at, reason: boot.reason ?? "slow-boot" })),
      standing: blocked ? "blocked" : history.standing,
      last: boots.at(-1)?.at ?? new Date(FAKE_START - DAY).toISOString(),
    });
  }
  return views;
}

function bootOf(lane: number, index: number, inTime: boolean): HostBoot {
  const median = briefFor(lane).history?.median_ready_ms ?? 0;
  const spread = ((lane * 37 + index * 53) % 17) * 240 - 1_900;
  const never = !inTime && (lane + index) % 3 === 0;
  const reason = REASONS[(lane * 5 + index * 7) % REASONS.length] ?? "slow-boot";
  return {
    at: new Date(FAKE_START - DAY * (1 + ((lane * 3 + (8 - index) * 5) % 27))).toISOString(),
    ready_ms: never ? null : median + spread + (inTime ? -400 : 900),
    won: inTime,
    reason: inTime ? null : never ? reason : "beaten",
  };
}

function stepsOf(median: number, count: number): StepStat[] {
  const part = (step: StepStat["step"], share: number): StepStat => ({
    step,
    count,
    median_ms: Math.round(median * share),
    p90_ms: Math.round(median * share * 1.4),
  });
  return [part("create", 0.13), part("boot", 0.7), part("connect", 0.17)];
}
