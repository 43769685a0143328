// A host without an engine: it plays made-up runs, for tests and for looking at
// the window in a browser. Its clock can stand still, run fast, or jump. It is
// never part of a production build.

import { emptyRun, replay } from "../app/run-view";
import type { Code, Estimate, Fact, Frame, LaunchRequest, MachineView, RunId } from "../bindings";
import { briefFor } from "./fake/market";
import { number } from "./fake/number";
import { estimate, history, RECIPES, snapshotGroups } from "./fake/records";
import {
  cancelEvents,
  FAKE_RUN,
  FAKE_START,
  type Played,
  SCENARIOS,
  type ScenarioName,
} from "./fake/scenarios";
import { type Host, HostError, hostError } from "./index";

export interface FakeOptions {
  /** The run that is going on; none opens the window at Launch. */
  scenario: ScenarioName | null;
  /** Seconds at which time stands still. */
  freeze?: number;
  /** How fast time runs. */
  speed?: number;
  /** `launch_estimate` is refused with this code. */
  error?: Code;
  /** Nothing is there yet: no recipe, snapshot, history. */
  empty?: boolean;
  /** No boot of our own is known. */
  fresh?: boolean;
  /** Everything on the practice cloud. */
  practice?: boolean;
  /** Answers never come. */
  pending?: boolean;
}

export interface FakeHost extends Host {
  /** What the window asked for, in order. */
  readonly calls: [string, unknown][];
  /** Moves the run's time. */
  seek(seconds: number): void;
  /** Lets it run; 0 stops it. */
  play(speed: number): void;
  /** A run begins from the tray. */
  beginElsewhere(): void;
}

export const isScenario = (name: string | null): name is ScenarioName =>
  name !== null && Object.hasOwn(SCENARIOS, name);

/** Reads `?fake=<scenario>&t=<seconds>&speed=…&error=…&empty&fresh&pending&practice`. */
export function fakeFromQuery(query: URLSearchParams): FakeHost {
  const scenario = query.get("fake");
  const seconds = query.get("t");
  return fakeHost({
    scenario: isScenario(scenario) ? scenario : null,
    ...(seconds === null ? {} : { freeze: Number(seconds) }),
    speed: Number(query.get("speed") ?? 1),
    ...(query.has("error") ? { error: query.get("error") as Code } : {}),
    empty: query.has("empty"),
    fresh: query.has("fresh"),
    practice: query.has("practice"),
    pending: query.has("pending"),
  });
}

export function fakeHost(options: FakeOptions): FakeHost {
  const calls: [string, unknown][] = [];
  const played: Played = {};
  let scenario = options.scenario;
  let extra: ((facts: Fact[]) => Fact[]) | null = null;
  let facts: Fact[] = scenario ? build(scenario) : [];

  let base = (options.freeze ?? 0) * 1_000;
  let since = performance.now();
  let speed = options.freeze === undefined ? (options.speed ?? 1) : 0;
  const now = () => base + (performance.now() - since) * speed;
  const rebase = (at: number, next: number) => {
    base = at;
    since = performance.now();
    speed = next;
  };

  function build(name: ScenarioName): Fact[] {
    const stream = number(SCENARIOS[name].events(played), FAKE_RUN, FAKE_START);
    return extra ? extra(stream) : stream;
  }

  const begins = new Set<(run: RunId) => void>();
  const watchers = new Set<{ seq: number; send(frame: Frame): void }>();
  const send = (watcher: { seq: number; send(frame: Frame): void }) => {
    for (const fact of facts) {
      if (fact.seq <= watcher.seq || fact.elapsed_ms > now()) continue;
      watcher.seq = fact.seq;
      watcher.send({ kind: "fact", fact });
    }
  };
  const restart = (watcher: { seq: number; send(frame: Frame): void }) => {
    const seen = facts.filter(fact => fact.elapsed_ms <= now());
    watcher.seq = seen.at(-1)?.seq ?? 0;
    watcher.send({ kind: "view", view: replay(FAKE_RUN, seen) });
  };
  setInterval(() => {
    for (const watcher of watchers) send(watcher);
  }, 16);

  const answer = async <T>(name: string, args: unknown, value: () => T): Promise<T> => {
    calls.push([name, args]);
    if (options.pending && name !== "appInfo") await new Promise(() => {});
    await Promise.resolve();
    return value();
  };
  const refuse = (code: Code, details: string): never => {
    throw new HostError({ code, remedy: "read-the-help", details, trace: "" });
  };
  const practice = () =>
    options.practice === true || (scenario !== null && SCENARIOS[scenario].practice);

  function machines(): MachineView[] {
    const view = replay(
      FAKE_RUN,
      facts.filter(fact => fact.elapsed_ms <= now()),
    );
    return view.lanes
      .filter(lane => lane.machine !== null && !lane.destroyed_confirmed)
      .map(lane =>
        machineView(lane.brief.lane, view.winner === lane.brief.lane, lane.lost_ms !== null),
      );
  }

  return {
    calls,
    clock: { now, wall: () => FAKE_START + now() },
    seek(seconds) {
      rebase(seconds * 1_000, speed);
      for (const watcher of watchers) restart(watcher);
    },
    beginElsewhere() {
      scenario = "wave-2";
      facts = build(scenario);
      rebase(0, options.speed || 1);
      for (const begin of begins) begin(FAKE_RUN);
    },
    play(next) {
      rebase(now(), next);
    },
    appInfo: () =>
      answer("appInfo", null, () => ({
        version: "0.1.0",
        practice: practice(),
        os: "linux",
        run: scenario ? FAKE_RUN : null,
      })),
    runLaunch: request =>
      answer("runLaunch", request, () => {
        scenario = practice() ? "practice" : "wave-2";
        facts = build(scenario);
        rebase(0, options.speed || 1);
        return FAKE_RUN;
      }),
    runCancel: run =>
      answer("runCancel", run, () => {
        const at = now();
        extra = stream => number(cancelEvents(eventsOf(stream), at), FAKE_RUN, FAKE_START);
        if (scenario) facts = build(scenario);
        return null;
      }),
    runNextWave: run =>
      answer("runNextWave", run, () => {
        const wave = facts.filter(
          fact => fact.fact === "wave_started" && fact.elapsed_ms <= now(),
        ).length;
        played.early = { ...played.early, [wave + 1]: now() + 20 };
        if (scenario) facts = build(scenario);
        return null;
      }),
    runsList: limit =>
      answer("runsList", limit, () => (options.empty ? [] : history().slice(0, limit))),
    launchEstimate: request => answer("launchEstimate", request, () => estimated(request)),
    recipesList: () => answer("recipesList", null, () => (options.empty ? [] : RECIPES)),
    offersSearch: (filter, order) =>
      answer("offersSearch", { filter, order }, () => ({
        rows: [],
        found: 0,
        truncated: false,
        at: new Date(FAKE_START + now()).toISOString(),
      })),
    snapshotsList: () =>
      answer("snapshotsList", null, () => (options.empty ? [] : snapshotGroups())),
    machinesList: () => answer("machinesList", null, machines),
    machineDestroy: machine =>
      answer("machineDestroy", machine, () => {
        const at = now() + 2_300;
        const lane = facts.find(fact => fact.fact === "machine_rented" && fact.machine === machine);
        if (lane?.fact !== "machine_rented") return refuse("machine-missing", machine);
        const before = extra;
        extra = stream =>
          number(
            [
              ...eventsOf(before ? before(stream) : stream),
              {
                at,
                fact: "machine_destroyed",
                lane: lane.lane,
                cloud: lane.cloud,
                machine,
                confirmed: true,
                took_ms: 2_300,
                usd_micros: 4_900,
              },
            ],
            FAKE_RUN,
            FAKE_START,
          );
        if (scenario) facts = build(scenario);
        return null;
      }),
    onRunBegan(listener) {
      begins.add(listener);
      return () => begins.delete(listener);
    },
    watch(run: RunId, onFrame, onError) {
      const watcher = { seq: 0, send: onFrame };
      let stopped = false;
      queueMicrotask(() => {
        if (stopped) return;
        if (run !== FAKE_RUN) return onError(hostError("no such run"));
        if (facts.length === 0) onFrame({ kind: "view", view: emptyRun(run) });
        restart(watcher);
        watchers.add(watcher);
      });
      return () => {
        stopped = true;
        watchers.delete(watcher);
      };
    },
  };

  function estimated(request: LaunchRequest): Estimate {
    if (options.error) return refuse(options.error, "RTX 4090 under $0.20");
    return estimate(request, practice(), options.fresh ? 0 : 214);
  }
}

/** Facts as events again, without what is counted beside them. */
function eventsOf(facts: Fact[]) {
  return facts
    .filter(fact => fact.fact !== "spend_counted")
    .map(({ run: _run, seq: _seq, at: _at, elapsed_ms, ...body }) => ({ at: elapsed_ms, ...body }));
}

function machineView(lane: number, kept: boolean, condemned: boolean): MachineView {
  const brief = briefFor(lane);
  return {
    cloud: brief.cloud,
    machine: `${7_835_600 + lane * 7}`,
    ownership: "ours",
    label: `dumont/k3j5w2ab-${FAKE_RUN}/${lane}`,
    status: { state: "running", message: "success, running", dead: false },
    kept,
    condemned,
    run: FAKE_RUN,
    lane,
    host: brief.host,
    owner: brief.owner,
    gpu: brief.gpu,
    num_gpus: brief.num_gpus,
    location: brief.location,
    price: brief.usd_micros_per_hour,
    since: new Date(FAKE_START + 10_300).toISOString(),
    spent: Math.ceil((brief.usd_micros_per_hour * 60_000) / 3_600_000),
    addresses: {
      direct: { host: "203.0.113.24", port: 22_022, user: "root" },
      proxy: { host: "ssh4.example.net", port: 13_402, user: "root" },
    },
  };
}
