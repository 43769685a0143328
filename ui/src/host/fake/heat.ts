// One heat of a race, played out by the rules: waves at their ticks, lost lanes
// replaced at once, the first complete connection wins. Everything comes out as
// facts in order; the numbers of a lane are given, nothing is drawn by chance.

import { RULES } from "../../app/rules";
import type { FactBody, LaneNo, LostReason, RacePolicy, Rented, Step } from "../../bindings";
import { briefFor } from "./market";

/** A fact that has no place in the stream yet. */
export type Event = { at: number } & FactBody;

/** What a lane would do if nobody stopped it; times in milliseconds. */
export interface LanePlan {
  /** Waits the cloud asks for before it takes the create call. */
  throttled?: number[];
  /** Offers refused before one is taken. */
  refused?: number;
  create?: number;
  boot?: number;
  connect?: number;
  /** The lane ends by itself, this long after the step began. */
  lost?: { step: Step; reason: LostReason; after: number; rented?: Rented; details?: string };
  /** From its loss to the confirmation; `null` if none ever comes. */
  gone?: number | null;
  /** The dead-man's switch is missing. */
  unarmed?: boolean;
}

export interface HeatPlan {
  heat: number;
  policy: RacePolicy;
  /** When its first create leaves the queue, since `run_started`. */
  from: number;
  lanes: LanePlan[];
  /** When a wave starts before its tick: wave number to milliseconds. */
  early?: Record<number, number>;
}

export interface HeatResult {
  events: Event[];
  /** The winner's lane, and when. */
  winner: { lane: LaneNo; machine: string; at: number } | null;
  /** When nothing was left. */
  over: number;
}

const NEVER = Number.POSITIVE_INFINITY;

interface Played {
  lane: LaneNo;
  start: number;
  events: Event[];
  connectedAt: number;
  lostAt: number;
  /** Begin of each step that was reached. */
  steps: [Step, number][];
}

export function playHeat(plan: HeatPlan): HeatResult {
  const first = (plan.heat - 1) * RULES.lanes + 1;
  const tick = (wave: number) =>
    plan.policy === "all-at-once"
      ? plan.from
      : (plan.early?.[wave] ?? plan.from + (wave - 1) * RULES.wave_gap_ms);

  const played: Played[] = [];
  for (const [index, lanePlan] of plan.lanes.entries()) {
    const wave = Math.floor(index / RULES.wave_lanes) + 1;
    const due = tick(wave) + (index % RULES.wave_lanes) * 30;
    const replaced = played[index - RULES.wave_lanes];
    const start = Math.min(due, replaced?.lostAt ?? NEVER);
    played.push(
      playLane(
        plan,
        first + index,
        lanePlan,
        start,
        start < due && replaced ? replaced.lane : null,
      ),
    );
  }

  const winner = played.reduce<Played | null>(
    (best, lane) =>
      lane.connectedAt < (best?.connectedAt ?? NEVER) && lane.lostAt > lane.connectedAt
        ? lane
        : best,
    null,
  );
  const end = winner?.connectedAt ?? NEVER;

  const events: Event[] = [{ at: plan.from - 20, fact: "heat_started", heat: plan.heat }];
  for (let wave = 1; (wave - 1) * RULES.wave_lanes < plan.lanes.length; wave++) {
    const at = tick(wave) - 5;
    if (at > end) break;
    const lanes = played
      .filter(
        lane => Math.floor((lane.lane - first) / RULES.wave_lanes) + 1 === wave && lane.start >= at,
      )
      .map(lane => lane.lane);
    if (played.some(lane => lane.start >= at)) {
      events.push({ at, fact: "wave_started", heat: plan.heat, wave, lanes });
    }
  }
  let over = 0;
  for (const [index, lane] of played.entries()) {
    const lanePlan = plan.lanes[index] ?? {};
    if (lane.start > end) continue;
    events.push(...lane.events.filter(event => event.at <= end));
    if (lane === winner) continue;
    if (lane.lostAt > end) events.push(beaten(lane, end));
    const lostAt = Math.min(lane.lostAt, end);
    if (lostAt < NEVER) over = Math.max(over, lostAt);
    const destroyed = destruction(lane, lanePlan, lostAt, events);
    if (destroyed) {
      events.push(destroyed);
    }
  }
  if (winner) {
    const brief = briefFor(winner.lane);
    events.push({
      at: end,
      fact: "winner_chosen",
      lane: winner.lane,
      cloud: brief.cloud,
      machine: machineOf(winner.lane),
      host: brief.host,
      owner: brief.owner,
      race_ms: end - plan.from,
    });
  }
  return {
    events,
    winner: winner && { lane: winner.lane, machine: machineOf(winner.lane), at: end },
    over,
  };
}

/** The id the cloud gives a lane's machine. */
export function machineOf(lane: LaneNo): string {
  return `${7_835_600 + lane * 7}`;
}

function playLane(
  plan: HeatPlan,
  lane: LaneNo,
  lanePlan: LanePlan,
  start: number,
  replaces: LaneNo | null,
): Played {
  const brief = briefFor(lane);
  const machine = machineOf(lane);
  const events: Event[] = [{ at: start, fact: "lane_started", replaces, ...brief }];
  const steps: [Step, number][] = [];
  const out: Played = { lane, start, events, steps, connectedAt: NEVER, lostAt: NEVER };
  // Replaced at once only while a lane is left that can take its place.
  const replaceable = lane + RULES.wave_lanes <= (plan.heat - 1) * RULES.lanes + plan.lanes.length;
  const lost = lanePlan.lost;

  const lose = (step: Step, reason: LostReason, at: number, took: number, rented: Rented) => {
    out.lostAt = at;
    events.push({
      at,
      fact: "lane_lost",
      lane,
      step,
      reason,
      details: lost?.reason === reason ? (lost.details ?? "") : "",
      took_ms: took,
      rented,
      machine: rented === "yes" ? machine : null,
    });
    return out;
  };

  /** Plays one step; the end of it, or `null` when the lane is lost in it. */
  const playStep = (step: Step, from: number, takes: number): number | null => {
    steps.push([step, from]);
    const limit =
      step === "create" ? RULES.create_ms : step === "boot" ? RULES.boot_ms : RULES.connect_ms;
    const rented: Rented = step === "create" ? "unknown" : "yes";
    if (lost?.step === step && lost.after <= limit) {
      lose(step, lost.reason, from + lost.after, lost.after, lost.rented ?? rented);
      return null;
    }
    if (takes > limit) {
      if (step === "create") {
        lose(step, "create-unknown", from + limit, limit, "unknown");
        return null;
      }
      if (plan.policy === "strict" && replaceable) {
        lose(step, step === "boot" ? "slow-boot" : "slow-connect", from + limit, limit, "yes");
        return null;
      }
      events.push({ at: from + limit, fact: "machine_slow", lane, machine, step, limit_ms: limit });
    }
    if (lost?.step === step && lost.after <= takes) {
      lose(step, lost.reason, from + lost.after, lost.after, lost.rented ?? rented);
      return null;
    }
    const cut = plan.from + RULES.race_limit_ms;
    if (from + takes > cut) {
      lose(step, "out-of-time", cut, cut - from, "yes");
      return null;
    }
    return from + takes;
  };

  let asked = start + 5;
  const request = (offer: string) =>
    events.push({
      at: asked,
      fact: "machine_requested",
      lane,
      cloud: brief.cloud,
      offer,
      label: `dumont/k3j5w2ab-q7m2x4n6pa/${lane}`,
    });
  for (const wait of lanePlan.throttled ?? []) {
    request(brief.offer);
    asked += 180;
    events.push({
      at: asked,
      fact: "cloud_throttled",
      cloud: brief.cloud,
      call: "create",
      lane,
      wait_ms: wait,
    });
    asked += wait;
  }
  for (let refusal = 0; refusal < (lanePlan.refused ?? 0); refusal++) {
    const offer = refusal === 0 ? brief.offer : `${brief.offer}${refusal}`;
    if (refusal > 0)
      events.push({ at: asked, fact: "lane_started", replaces: null, ...brief, offer });
    request(offer);
    asked += 260;
    events.push({
      at: asked,
      fact: "create_refused",
      lane,
      offer,
      reason: "the offer is not available any more",
      took_ms: 260,
    });
    asked += 10;
    if (refusal === RULES.retries_after_refusal) {
      return lose("create", "offers-refused", asked, asked - start, "no");
    }
  }
  if (lost?.reason === "no-offer")
    return lose("create", "no-offer", asked + lost.after, lost.after, "no");
  request(brief.offer);

  const rentedAt = playStep("create", asked, lanePlan.create ?? 1_200);
  if (rentedAt === null) return out;
  events.push({
    at: rentedAt,
    fact: "machine_rented",
    lane,
    cloud: brief.cloud,
    machine,
    took_ms: rentedAt - asked,
  });
  const bootedAt = playStep("boot", rentedAt, lanePlan.boot ?? 9_000);
  if (bootedAt === null) return out;
  events.push({
    at: bootedAt,
    fact: "machine_booted",
    lane,
    machine,
    by: lane % 2 ? "list" : "banner",
    took_ms: bootedAt - rentedAt,
  });
  const connectedAt = playStep("connect", bootedAt, lanePlan.connect ?? 2_000);
  if (connectedAt === null) return out;
  out.connectedAt = connectedAt;
  events.push(
    { at: connectedAt, fact: "deadman_armed", lane, machine, armed: !lanePlan.unarmed },
    {
      at: connectedAt,
      fact: "machine_connected",
      lane,
      machine,
      route: "direct",
      proof: "proved",
      host_key: "SHA256:q4XnV0mR7cJd2Yt9sLwB6uHfKzPe1Ga5NoTi8rQxC3k",
      report: {
        disk_free_bytes: 412_000_000_000,
        gpus: [{ name: brief.gpu, memory_mb: 24_564 }],
        driver: "570.124.06",
        cuda: "12.8",
        arch: "x86_64",
        libc: "glibc 2.39",
        clock_skew_ms: 120,
        restic: null,
        tools: ["curl", "tar"],
        deadman_armed: !lanePlan.unarmed,
      },
      took_ms: connectedAt - bootedAt,
    },
  );
  return out;
}

function beaten(lane: Played, at: number): Event {
  const [step, from] = lane.steps.filter(([, begun]) => begun <= at).at(-1) ?? [
    "create" as const,
    at,
  ];
  const rented: Rented = step === "create" ? (lane.steps.length ? "unknown" : "no") : "yes";
  return {
    at,
    fact: "lane_lost",
    lane: lane.lane,
    step,
    reason: "beaten",
    details: "",
    took_ms: at - from,
    rented,
    machine: rented === "yes" ? machineOf(lane.lane) : null,
  };
}

function destruction(lane: Played, plan: LanePlan, lostAt: number, events: Event[]): Event | null {
  const loss = events.find(event => event.fact === "lane_lost" && event.lane === lane.lane);
  if (loss?.fact !== "lane_lost" || loss.rented === "no" || plan.gone === null) return null;
  const brief = briefFor(lane.lane);
  const took = plan.gone ?? (brief.cloud === "runpod" ? 8_200 : 2_100 + (lane.lane % 4) * 900);
  const from = lane.steps[0]?.[1] ?? lostAt;
  // A create that was beaten before its answer often rented nothing at all.
  const nothing = loss.reason === "create-unknown" && lane.lane % 2 === 1;
  return {
    at: lostAt + took,
    fact: "machine_destroyed",
    lane: lane.lane,
    cloud: brief.cloud,
    machine: nothing ? null : machineOf(lane.lane),
    confirmed: true,
    took_ms: took,
    usd_micros: nothing
      ? 0
      : Math.ceil((brief.usd_micros_per_hour * (lostAt + took - from)) / 3_600_000),
  };
}
