// Whole runs for the fake host. Each scenario is a pure function of what the
// user did (waves started early), so that the stream up to now never changes.

import { RULES } from "../../app/rules";
import type { Fact, RacePolicy, RestoreDestination, RunId } from "../../bindings";
import { type Event, type HeatResult, type LanePlan, machineOf, playHeat } from "./heat";
import { briefFor } from "./market";
import { number } from "./number";

export const FAKE_RUN: RunId = "q7m2x4n6pa";
/** When every fake run started: 2026-11-23, 12:02:32.700 UTC. */
export const FAKE_START = Date.UTC(2026, 10, 23, 12, 2, 32, 700);

export interface Played {
  /** Which waves were started by hand, and when. */
  early?: Record<number, number>;
}

export interface Scenario {
  title: string;
  practice: boolean;
  policy: RacePolicy;
  events(played: Played): Event[];
}

const SNAPSHOT = "b41f09c2d7a8e6531b0c94f2a7d85e1360cb79f4428ae15d3f60b8c7219ea4d5";
const GB = 1e9;

/** The parts of the fake workspace, in the tree's order: their shares of all
 * files and bytes, and how early they are restored. */
const PARTS = [
  { path: "/workspace/ComfyUI", files: 0.28, bytes: 0.09, order: 0 },
  { path: "/workspace/checkpoints", files: 0.001, bytes: 0.46, order: 3 },
  { path: "/workspace/datasets", files: 0.3, bytes: 0.19, order: 4 },
  { path: "/workspace/notebooks", files: 0.019, bytes: 0.02, order: 2 },
  { path: "/workspace/venv", files: 0.36, bytes: 0.22, order: 1 },
  { path: "", files: 0.04, bytes: 0.02, order: 5 },
];
/** How much smaller the workspace is in its repository. */
const PACKED = 0.71;

/** Bytes done of each part when `done` of `bytes` are. */
function partsDone(done: number, bytes: number): number[] {
  return PARTS.map(part => {
    const before = PARTS.filter(other => other.order < part.order);
    const start = before.reduce((sum, other) => sum + other.bytes * bytes, 0);
    return Math.round(Math.min(Math.max(done - start, 0), part.bytes * bytes));
  });
}

interface RestorePlan {
  from: number;
  /** Absent: this computer. */
  machine: string | null;
  /** Why stock restic does it. */
  fallback?: string;
  install?: number;
  bytes?: number;
  files?: number;
  critical?: { bytes: number; files: number };
  /** Bytes per second at most. */
  speed?: number;
  /** Ends with these files missing. */
  failed?: string[];
  /** The recipe has an on-ready script; why it was not started, if it was not. */
  script?: string | null;
}

/** Install, restore and the end of a run whose winner stands. */
function restored(plan: RestorePlan): Event[] {
  const bytes = plan.bytes ?? 7.12 * GB;
  const files = plan.files ?? 48_213;
  const critical = plan.critical ?? { bytes: 1.31 * GB, files: 29_870 };
  const speed = plan.speed ?? 385e6;
  const installed = plan.from + (plan.install ?? 2_480);
  const events: Event[] = [
    {
      at: installed,
      fact: "tool_installed",
      machine: plan.machine,
      tool: plan.fallback
        ? { tool: "restic", version: "0.19.1" }
        : { tool: "agent", version: "0.1.0" },
      how: plan.machine === null ? "built-in" : plan.fallback ? "pushed" : "fetched",
      sha256: "5f0c6d2e".repeat(8),
      access: plan.machine === null ? "own" : plan.fallback ? "temporary" : "ticket",
      fallback: plan.fallback ?? null,
      took_ms: installed - plan.from,
    },
  ];
  let done = 0;
  let at = installed;
  let criticalAt: number | null = null;
  let step = 0;
  while (done < bytes && step < 2_000) {
    step += 1;
    at += 250;
    // Ramps up in two seconds, dips once, and breathes a little.
    const ramp = Math.min(1, step / 8);
    const dip = step % 60 === 24 || step % 60 === 25 ? 0.55 : 1;
    const now = Math.round(speed * ramp * dip * (0.95 + 0.05 * Math.sin(step * 1.7)));
    done = Math.min(bytes, done + now / 4);
    if (criticalAt === null && done >= critical.bytes) {
      criticalAt = at;
      events.push({
        at,
        fact: "critical_restored",
        files: critical.files,
        bytes: critical.bytes,
        took_ms: at - installed,
      });
    }
    const share = done / bytes;
    if (at - installed > 90_000 && !events.some(event => event.fact === "restore_extended")) {
      const rest = ((bytes - done) / speed) * 1_000;
      if (at - installed + rest > RULES.restore_ms) {
        events.push({
          at,
          fact: "restore_extended",
          critical_done: criticalAt !== null,
          eta_ms: null,
        });
      }
    }
    events.push({
      at,
      fact: "restore_advanced",
      // Critical files are small: they run ahead of their bytes.
      files_done: Math.round(
        criticalAt === null
          ? (critical.files * done) / critical.bytes
          : critical.files +
              (files - critical.files) *
                Math.max(0, (share * bytes - critical.bytes) / (bytes - critical.bytes)),
      ),
      bytes_done: Math.round(done),
      bytes,
      bytes_per_s: now,
      eta_ms: step < 4 ? null : Math.round(((bytes - done) / (speed * 0.96)) * 1_000),
      // Stock restic tells none of these.
      fetched_bytes: plan.fallback ? null : Math.round(done * PACKED),
      connections: plan.fallback ? null : Math.round(8 + 40 * ramp),
      groups_bytes: plan.fallback ? [] : partsDone(done, bytes),
    });
    if (plan.failed && share > 0.82) break;
  }
  const end = at + 120;
  events.push({
    at: end,
    fact: "restore_finished",
    files: plan.failed ? files - plan.failed.length : files,
    bytes: plan.failed ? Math.round(done) : bytes,
    verified: !plan.failed,
    failed: plan.failed ?? [],
    imperfect: [],
    took_ms: end - installed,
  });
  if (plan.failed && plan.machine !== null) {
    events.push(
      { at: end + 40, fact: "machine_kept", machine: plan.machine, reason: "critical-restored" },
      {
        at: end + 60,
        fact: "run_failed",
        code: "restore-incomplete",
        remedy: "restore-again",
        details: `${plan.failed.length} files could not be restored`,
        rented: 8,
        leftovers: [],
      },
    );
    return events;
  }
  events.push({
    at: end + 30,
    fact: "run_ready",
    machine: plan.machine,
    shell_ms: plan.from,
    critical_ms: criticalAt ?? end,
    complete_ms: end,
  });
  if (plan.script !== undefined && plan.machine !== null) {
    events.push({
      at: end + 640,
      fact: "ready_script_started",
      machine: plan.machine,
      log: "~/.dumont/jobs/ready/log",
      problem: plan.script,
    });
  }
  return events;
}

function planned(at: number, bytes = 7.12 * GB, files = 48_213): Event {
  return {
    at,
    fact: "restore_planned",
    snapshot: SNAPSHOT,
    taken: "2026-11-23T11:42:08.000Z",
    files,
    bytes,
    critical_files: Math.round(files * 0.62),
    critical_bytes: Math.round(bytes * 0.184),
    target: "/",
    fetched_bytes: Math.round(bytes * PACKED),
    groups: PARTS.map(part => ({
      path: part.path,
      files: Math.round(part.files * files),
      bytes: Math.round(part.bytes * bytes),
    })),
  };
}

interface Opening {
  at?: number;
  offers?: number;
  usable?: number;
  lanes?: number;
  heat?: number;
  atMost?: number;
}

function opening(
  title: string,
  policy: RacePolicy,
  practice: boolean,
  destination: RestoreDestination | null = null,
): Event {
  return {
    at: 0,
    fact: "run_started",
    recipe: title.toLowerCase().split(" ")[0] ?? title,
    title,
    policy,
    tool: "agent",
    practice,
    destination,
  };
}

function ranked({
  at = 280,
  offers = 64,
  usable = 61,
  lanes = 15,
  heat = 1,
  atMost = 75_000,
}: Opening): Event {
  const first = (heat - 1) * RULES.lanes + 1;
  return {
    at,
    fact: "offers_ranked",
    found: offers,
    usable,
    truncated: true,
    planned: Array.from({ length: lanes }, (_, index) => briefFor(first + index)),
    at_most_usd_micros: atMost,
    took_ms: at,
  };
}

/** What a strict race begins with. */
function prelude(): Event[] {
  return [opening("MuseTalk 1.5", "strict", false), ranked({}), planned(420)];
}

const SLOW: LanePlan = { create: 1_300, boot: 16_000 };

function wave2(): LanePlan[] {
  return [
    { create: 1_300, boot: 14_000, gone: 1_000 },
    { refused: 4 },
    { create: 1_100, boot: 8_200, lost: { step: "connect", reason: "exited", after: 4_100 } },
    { create: 2_200, boot: 9_600, connect: 9_900 },
    {
      create: 1_400,
      boot: 8_200,
      lost: { step: "connect", reason: "clock-skew", after: 1_300, details: "842 s ahead" },
      gone: 1_100,
    },
    { create: 1_100, boot: 13_000, gone: 1_100 },
    { create: 2_600, boot: 9_000, connect: 13_000 },
    { create: 1_200, boot: 8_600, connect: 1_750 },
    { refused: 4 },
    { create: 1_500, boot: 8_700, connect: 2_600 },
    { create: 1_200, boot: 9_000 },
    { create: 1_800, boot: 9_000 },
    { create: 2_400, boot: 9_000 },
    { create: 1_100, boot: 12_500 },
    { create: 900, boot: 9_000 },
  ];
}

function heat(
  lanes: LanePlan[],
  played: Played,
  over: { policy?: RacePolicy; from?: number; heat?: number } = {},
): HeatResult {
  return playHeat({
    heat: over.heat ?? 1,
    policy: over.policy ?? "strict",
    from: over.from ?? 300,
    lanes,
    ...(played.early ? { early: played.early } : {}),
  });
}

function won(result: HeatResult): { lane: number; machine: string; at: number } {
  if (!result.winner) throw new Error("this scenario has a winner");
  return result.winner;
}

function fill(lanes: LanePlan[], rest: LanePlan): LanePlan[] {
  return Array.from({ length: RULES.lanes }, (_, index) => lanes[index] ?? rest);
}

/** 15 lanes lost in as many ways as fit into one race without a winner. */
const LOSSES: LanePlan[] = [
  { boot: 12_000 },
  { boot: 7_000, connect: 12_000 },
  {
    lost: {
      step: "boot",
      reason: "dead-message",
      after: 4_200,
      details: "OCI runtime create failed",
    },
  },
  { create: 12_000, gone: 14_000 },
  { lost: { step: "create", reason: "create-failed-rented", after: 1_900, rented: "yes" } },
  { lost: { step: "boot", reason: "exited", after: 5_100 } },
  { lost: { step: "boot", reason: "offline", after: 6_300 } },
  { boot: 6_400, lost: { step: "connect", reason: "machine-not-proved", after: 1_800 } },
  {
    boot: 7_100,
    lost: { step: "connect", reason: "disk-too-small", after: 1_500, details: "4.1 GB free" },
  },
  { lost: { step: "boot", reason: "unknown-state", after: 3_000 } },
  { boot: 5_200, lost: { step: "connect", reason: "too-few-gpus", after: 1_300 } },
  { boot: 5_900, lost: { step: "connect", reason: "foreign-architecture", after: 900 } },
  { boot: 6_600, lost: { step: "connect", reason: "host-key-changed", after: 1_100 } },
  { refused: 4 },
  { lost: { step: "boot", reason: "vanished", after: 7_700 } },
];

export const SCENARIOS = {
  /** The first wave has the winner, in 9.9 s. */
  "wave-1": {
    title: "MuseTalk 1.5",
    practice: false,
    policy: "strict",
    events: played => {
      const race = heat(
        fill(
          [
            { create: 900, boot: 12_000 },
            { create: 1_100, boot: 7_300, connect: 1_200 },
          ],
          { boot: 9_400 },
        ),
        played,
      );
      const win = won(race);
      return [...prelude(), ...race.events, ...restored({ from: win.at, machine: win.machine })];
    },
  },
  /** Lanes 1 to 15, losses of several kinds, lane 8 wins in wave 2. */
  "wave-2": {
    title: "MuseTalk 1.5",
    practice: false,
    policy: "strict",
    events: played => {
      const race = heat(wave2(), played);
      const win = won(race);
      return [
        ...prelude(),
        ...race.events,
        ...restored({ from: win.at, machine: win.machine, script: null }),
      ];
    },
  },
  /** Losses early in wave 1: their places are taken at once. */
  replaced: {
    title: "ComfyUI",
    practice: false,
    policy: "strict",
    events: played => {
      const race = heat(
        fill(
          [
            { lost: { step: "boot", reason: "exited", after: 1_900 } },
            { refused: 4 },
            { lost: { step: "boot", reason: "offline", after: 3_400 } },
            { boot: 14_000 },
            { create: 1_900, boot: 13_000 },
            { boot: 14_000 },
            {
              lost: {
                step: "boot",
                reason: "dead-message",
                after: 2_600,
                details: "CDI device not found",
              },
            },
            { boot: 8_900, connect: 4_000 },
            { boot: 9_300, connect: 2_100 },
          ],
          { boot: 9_700, connect: 3_000 },
        ),
        played,
      );
      const win = won(race);
      return [
        opening("ComfyUI", "strict", false),
        ranked({ usable: 33 }),
        planned(420, 22.6 * GB, 112_480),
        ...race.events,
        ...restored({
          script: "the shell answered: sh: /tmp/x: no space left on device",
          from: win.at,
          machine: win.machine,
          bytes: 22.6 * GB,
          files: 112_480,
          speed: 520e6,
        }),
      ];
    },
  },
  /** Vast says "too many requests" to two lanes. */
  throttled: {
    title: "MuseTalk 1.5",
    practice: false,
    policy: "strict",
    events: played => {
      const race = heat(
        fill(
          [
            { boot: 9_400, connect: 3_000 },
            { boot: 13_000 },
            { throttled: [3_000, 4_000], boot: 9_000 },
            { boot: 8_800, connect: 3_600 },
            { throttled: [3_000, 2_500, 3_500], boot: 9_000 },
          ],
          { boot: 9_600 },
        ),
        played,
      );
      const win = won(race);
      return [...prelude(), ...race.events, ...restored({ from: win.at, machine: win.machine })];
    },
  },
  /** Nobody in waves 1 and 2; a slow lane of wave 3 stands and wins. */
  slow: {
    title: "MuseTalk 1.5",
    practice: false,
    policy: "strict",
    events: played => {
      const race = heat(
        [
          ...Array.from({ length: 10 }, () => SLOW),
          { boot: 13_400, connect: 3_000 },
          { boot: 24_000 },
          { boot: 31_000 },
          { lost: { step: "boot", reason: "offline", after: 7_000 } },
          { boot: 12_200, connect: 8_000 },
        ],
        played,
      );
      const win = won(race);
      return [...prelude(), ...race.events, ...restored({ from: win.at, machine: win.machine })];
    },
  },
  /** Everything at once; nobody is dropped for being slow. */
  "all-at-once": {
    title: "LoRA training",
    practice: false,
    policy: "all-at-once",
    events: played => {
      const race = heat(fill([{ boot: 13_000 }], { boot: 12_000, connect: 2_400 }), played, {
        policy: "all-at-once",
      });
      const win = won(race);
      return [
        opening("LoRA training", "all-at-once", false),
        ranked({ usable: 24 }),
        planned(420, 18.4 * GB, 8_120),
        ...race.events,
        ...restored({
          from: win.at,
          machine: win.machine,
          bytes: 18.4 * GB,
          files: 8_120,
          speed: 610e6,
        }),
      ];
    },
  },
  /** The winner's tool does not stand in time: a second heat finds another. */
  "second-heat": {
    title: "MuseTalk 1.5",
    practice: false,
    policy: "strict",
    events: played => {
      const one = heat(
        fill([{ boot: 12_000 }, { boot: 6_200, connect: 1_500 }], { boot: 9_500 }),
        played,
      );
      const first = won(one);
      const failedAt = first.at + RULES.install_ms;
      const two = heat(
        fill([{ boot: 12_000 }, { boot: 9_000, connect: 2_600 }, { boot: 8_100, connect: 2_200 }], {
          boot: 9_600,
        }),
        {},
        { heat: 2, from: failedAt + 400 },
      );
      const second = won(two);
      return [
        opening("MuseTalk 1.5", "strict", false),
        ranked({ atMost: 150_000 }),
        planned(420),
        ...one.events,
        {
          at: failedAt,
          fact: "lane_lost",
          lane: first.lane,
          step: "install",
          reason: "install-too-slow",
          details: "",
          took_ms: RULES.install_ms,
          rented: "yes",
          machine: first.machine,
        },
        {
          at: failedAt + 3_200,
          fact: "machine_destroyed",
          lane: first.lane,
          cloud: briefFor(first.lane).cloud,
          machine: first.machine,
          confirmed: true,
          took_ms: 3_200,
          usd_micros: 2_600,
        },
        ranked({ at: failedAt + 320, heat: 2, atMost: 150_000 }),
        ...two.events,
        ...restored({ from: second.at, machine: second.machine }),
      ];
    },
  },
  /** The line is too slow for 120 s, and work can start already. */
  extended: {
    title: "MuseTalk 1.5",
    practice: false,
    policy: "strict",
    events: played => {
      const race = heat(wave2(), played);
      const win = won(race);
      return [
        ...prelude(),
        ...race.events,
        ...restored({
          from: win.at,
          machine: win.machine,
          speed: 52e6,
          fallback: "the image has no x86-64 Linux",
        }),
      ];
    },
  },
  /** A pack is damaged: the rest is there, the machine is kept. */
  incomplete: {
    title: "MuseTalk 1.5",
    practice: false,
    policy: "strict",
    events: played => {
      const race = heat(wave2(), played);
      const win = won(race);
      return [
        ...prelude(),
        ...race.events,
        ...restored({
          from: win.at,
          machine: win.machine,
          failed: [
            "/workspace/models/musetalkV15/unet.pth",
            "/workspace/models/dwpose/dw-ll_ucoco_384.pth",
          ],
        }),
      ];
    },
  },
  /** The credit does not cover the worst case: nothing is rented. */
  refused: {
    title: "MuseTalk 1.5",
    practice: false,
    policy: "strict",
    events: () => [
      opening("MuseTalk 1.5", "strict", false),
      {
        at: 740,
        fact: "run_failed",
        code: "credit-too-low",
        remedy: "add-credit",
        details: "credit $0.52, at most $0.75, and $1.00 must stay",
        rented: 0,
        leftovers: [],
      },
    ],
  },
  /** 15 lanes, no winner, all gone. */
  "no-machine": {
    title: "MuseTalk 1.5",
    practice: false,
    policy: "strict",
    events: played => {
      const race = heat(LOSSES, played);
      return [
        ...prelude(),
        ...race.events,
        {
          at: race.over + 4_100,
          fact: "run_failed",
          code: "no-machine-ready",
          remedy: "try-other-offers",
          details: "15 lanes, none answered a complete command in time",
          rented: 13,
          leftovers: [],
        },
      ];
    },
  },
  /** No winner, and two machines whose end nobody confirms. */
  leftovers: {
    title: "MuseTalk 1.5",
    practice: false,
    policy: "strict",
    events: played => {
      const lanes = LOSSES.map((lane, index) =>
        index === 6 || index === 12 ? { ...lane, gone: null } : lane,
      );
      const race = heat(lanes, played);
      return [
        ...prelude(),
        ...race.events,
        {
          at: race.over + 60_000,
          fact: "run_failed",
          code: "still-running",
          remedy: "sweep",
          details: "RunPod has not confirmed 2 machines",
          rented: 13,
          leftovers: [machineOf(7), machineOf(13)],
        },
      ];
    },
  },
  /** Today's limit is near at 6 s and reached at 14 s: everything is destroyed. */
  capped: {
    title: "MuseTalk 1.5",
    practice: false,
    policy: "strict",
    events: played => {
      const { events } = heat(wave2(), played);
      const before = [...prelude(), ...events];
      return cappedEvents(before, 6_000, 14_000);
    },
  },
  /** The user cancels at 14 s. */
  cancelled: {
    title: "MuseTalk 1.5",
    practice: false,
    policy: "strict",
    events: played => {
      const { events } = heat(wave2(), played);
      const before = [...prelude(), ...events];
      return cancelEvents(before, 14_000);
    },
  },
  /** A plain machine: nothing is restored. */
  plain: {
    title: "Plain machine",
    practice: false,
    policy: "keep-racing",
    events: played => {
      const race = heat(fill([{ boot: 7_300, connect: 1_200 }], { boot: 9_400 }), played, {
        policy: "keep-racing",
      });
      const win = won(race);
      return [
        opening("Plain machine", "keep-racing", false),
        ranked({}),
        ...race.events,
        {
          at: win.at + 40,
          fact: "run_ready",
          machine: win.machine,
          shell_ms: win.at,
          critical_ms: win.at,
          complete_ms: win.at,
        },
      ];
    },
  },
  /** Picked files of a snapshot, into a folder here: no machine, no money. */
  "restore-here": {
    title: "MuseTalk 1.5",
    practice: false,
    policy: "strict",
    events: () => [
      opening("MuseTalk 1.5", "strict", false, { kind: "local", folder: "/home/ana/restored" }),
      { ...planned(420, 1.12 * GB, 4), target: "/home/ana/restored" } as Event,
      ...restored({
        from: 440,
        machine: null,
        install: 60,
        bytes: 1.12 * GB,
        files: 4,
        critical: { bytes: 0, files: 0 },
        speed: 96e6,
      }),
    ],
  },
  /** The same, onto a machine that runs already. */
  "restore-onto": {
    title: "MuseTalk 1.5",
    practice: false,
    policy: "strict",
    events: () => [
      opening("MuseTalk 1.5", "strict", false, { kind: "machine", machine: machineOf(21) }),
      planned(420),
      ...restored({ from: 900, machine: machineOf(21), install: 1_400 }),
    ],
  },
  /** On this computer, free. */
  practice: {
    title: "Practice workspace",
    practice: true,
    policy: "strict",
    events: played => {
      const race = heat(
        fill([{ boot: 12_000 }, { boot: 4_100, connect: 700 }], { boot: 6_000 }).slice(0, 10),
        played,
      );
      const win = won(race);
      return [
        opening("Practice workspace", "strict", true),
        ranked({ at: 120, offers: 24, usable: 24, lanes: 10, atMost: 41_000 }),
        planned(200, 0.21 * GB, 640),
        ...race.events,
        ...restored({
          from: win.at,
          machine: win.machine,
          install: 600,
          bytes: 0.21 * GB,
          files: 640,
          critical: { bytes: 0.039 * GB, files: 397 },
          speed: 48e6,
        }),
      ];
    },
  },
} satisfies Record<string, Scenario>;

export type ScenarioName = keyof typeof SCENARIOS;

/** A scenario's facts, in order, with what every run counts beside them. */
export function factsOf(name: ScenarioName, played: Played = {}): Fact[] {
  return number(SCENARIOS[name].events(played), FAKE_RUN, FAKE_START);
}

/** Ends a race at a spending limit; its machines are charged for a while later. */
function cappedEvents(events: Event[], near: number, reached: number): Event[] {
  const limit = 20_000_000;
  const warn = (at: number, spent: number): Event => ({
    at,
    fact: "spend_warned",
    cap: "day",
    usd_micros: spent,
    cap_usd_micros: limit,
    reached: spent >= limit,
  });
  const ended = cancelEvents(events, reached).map((event): Event => {
    if (event.fact === "lane_lost" && event.reason === "cancelled") {
      return { ...event, reason: "cap-reached" };
    }
    if (event.fact !== "run_cancelled") return event;
    return {
      at: event.at,
      fact: "run_failed",
      code: "cap-reached",
      remedy: "raise-cap",
      details: "today’s limit of $20.00 is reached",
      rented: 9,
      leftovers: [],
    };
  });
  const charges = ended.flatMap((event): Event[] =>
    event.fact === "machine_destroyed" && event.machine !== null
      ? [
          {
            at: reached + 40_000,
            fact: "machine_charged",
            lane: event.lane,
            cloud: event.cloud,
            machine: event.machine,
            usd_micros: Math.ceil(event.usd_micros * 1.08),
          },
        ]
      : [],
  );
  return [...ended, warn(near, limit * 0.84), warn(reached, limit), ...charges];
}

/** What follows when the user cancels at `at`. */
export function cancelEvents(events: Event[], at: number): Event[] {
  const kept = events.filter(event => event.at <= at);
  const lanes = new Map<
    number,
    { alive: boolean; rented: boolean; requested: boolean; gone: boolean }
  >();
  for (const event of [...kept].sort((a, b) => a.at - b.at)) {
    if (event.fact === "lane_started") {
      lanes.set(event.lane, { alive: true, rented: false, requested: false, gone: false });
    }
    if (!("lane" in event) || typeof event.lane !== "number") continue;
    const lane = lanes.get(event.lane);
    if (!lane) continue;
    if (event.fact === "machine_requested") lane.requested = true;
    if (event.fact === "machine_rented") lane.rented = true;
    if (event.fact === "lane_lost") lane.alive = false;
    if (event.fact === "machine_destroyed") lane.gone = true;
  }
  const out: Event[] = [...kept];
  let over = at + 2_000;
  for (const [lane, state] of lanes) {
    const brief = briefFor(lane);
    if (state.alive) {
      out.push({
        at,
        fact: "lane_lost",
        lane,
        step: state.rented ? "boot" : "create",
        reason: "cancelled",
        details: "",
        took_ms: 0,
        rented: state.rented ? "yes" : state.requested ? "unknown" : "no",
        machine: state.rented ? machineOf(lane) : null,
      });
    }
    if ((state.alive ? state.requested : state.rented) && !state.gone) {
      const took = brief.cloud === "runpod" ? 6_200 : 2_100 + (lane % 4) * 700;
      over = Math.max(over, at + took + 50);
      out.push({
        at: at + took,
        fact: "machine_destroyed",
        lane,
        cloud: brief.cloud,
        machine: machineOf(lane),
        confirmed: true,
        took_ms: took,
        usd_micros: Math.ceil((brief.usd_micros_per_hour * 14_000) / 3_600_000),
      });
    }
  }
  out.push({ at: over, fact: "run_cancelled", confirmed: true, leftovers: [] });
  return out;
}
