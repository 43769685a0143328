// A host without an engine: it plays made-up runs, for tests and for looking at
// the window in a browser. Its clock can stand still, run fast, or jump. It is
// never part of a production build.

import { emptyRun, replay } from "../app/run-view";
import type {
  AppInfo,
  Code,
  Fact,
  Frame,
  HostStanding,
  MachineView,
  Recipe,
  RunId,
  Secret,
  SecretView,
  StorageForm,
} from "../bindings";
import { hostViews } from "./fake/hosts";
import {
  cloudReport,
  PREFERENCES,
  sameSecret,
  secretViews,
  settingsOf,
  storageReport,
} from "./fake/kept";
import { fleet, LOG, machineView, metricsOf, others } from "./fake/machines";
import { number } from "./fake/number";
import { offerRows } from "./fake/offers";
import { type FakeOptions, optionsFrom } from "./fake/options";
import { isRecorded, type Recorded, recordedFacts } from "./fake/recorded";
import { estimate, history, RECIPES, snapshotGroups, summaryOf } from "./fake/records";
import {
  cancelEvents,
  FAKE_RUN,
  FAKE_START,
  factsOf,
  type Played,
  type ScenarioName,
} from "./fake/scenarios";
import { countOf, treeOf } from "./fake/trees";
import { type Host, HostError, type HostEvents, hostError } from "./index";

export interface FakeHost extends Host {
  /** What the window asked for, in order. */
  readonly calls: [string, unknown][];
  /** Moves the run's time. */
  seek(seconds: number): void;
  /** Lets it run; 0 stops it. */
  play(speed: number): void;
  /** Something is heard from outside the page. */
  emit<K extends keyof HostEvents>(event: K, ...payload: Parameters<HostEvents[K]>): void;
  /** A run begins from the tray. */
  beginElsewhere(): void;
  /** Holds every answer back, until it is released. */
  hold(): void;
  release(): void;
  /** Somebody follows `dumont://launch/<recipe>`. */
  follow(recipe: string): void;
}

export const fakeFromQuery = (query: URLSearchParams) => fakeHost(optionsFrom(query));

export function fakeHost(options: FakeOptions): FakeHost {
  const calls: [string, unknown][] = [];
  let held = Promise.resolve();
  let release = () => {};
  const { fail = {}, empty = false, newcomer = false } = options;

  // The run.
  let played: Played = {};
  let scenario = options.scenario;
  let extra: ((facts: Fact[]) => Fact[]) | null = null;
  let facts: Fact[] = scenario ? build(scenario) : [];

  let base = (options.freeze ?? 0) * 1_000;
  let since = performance.now();
  let speed = options.freeze === undefined ? (options.speed ?? 1) : 0;
  const now = () => base + (performance.now() - since) * speed;
  const wall = () => FAKE_START + now();
  const rebase = (at: number, next: number) => {
    base = at;
    since = performance.now();
    speed = next;
  };

  // What is kept.
  let preferences = { ...PREFERENCES, guided: !newcomer };
  let settings = settingsOf(newcomer);
  let secrets = secretViews(newcomer);
  let recipes = empty || newcomer ? [] : RECIPES;
  const standings = new Map<string, HostStanding>();
  let kept: MachineView[] = options.fleet ? [...fleet(), ...others()] : [];
  let left = options.left ? ["7835649", "dumont/k3j5w2ab-q7m2x4n6pa/13"] : [];
  let link: string | null = options.link ?? null;

  function build(name: ScenarioName | Recorded): Fact[] {
    const stream = isRecorded(name) ? recordedFacts(name) : factsOf(name, played);
    return extra ? extra(stream) : stream;
  }
  function begin(name: ScenarioName): RunId {
    scenario = name;
    played = {};
    extra = null;
    facts = build(name);
    rebase(0, options.speed || 1);
    return FAKE_RUN;
  }
  /** Adds what happens from now on to the facts there are. */
  function then(add: (facts: Fact[]) => Parameters<typeof number>[0]) {
    const before = extra;
    extra = stream => number(add(before ? before(stream) : stream), FAKE_RUN, FAKE_START);
    if (scenario) facts = build(scenario);
  }

  const listeners: { [K in keyof HostEvents]: Set<HostEvents[K]> } = {
    runBegan: new Set(),
    worldChanged: new Set(),
    recordsChanged: new Set(),
    linkCame: new Set(),
    quitAsked: new Set(),
    screenAsked: new Set(),
  };
  function emit<K extends keyof HostEvents>(event: K, ...payload: Parameters<HostEvents[K]>) {
    for (const listener of listeners[event]) {
      (listener as (...args: Parameters<HostEvents[K]>) => void)(...payload);
    }
  }

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

  const refuse = (code: Code, details: string): never => {
    throw new HostError({ code, remedy: "read-the-help", details, trace: "" });
  };
  const answer = async <T>(
    name: Exclude<keyof Host, "clock" | "on" | "watch">,
    args: unknown,
    value: () => T,
  ): Promise<T> => {
    calls.push([name, args]);
    if (options.pending && name !== "appInfo" && name !== "preferencesGet") {
      await new Promise(() => {});
    }
    await held;
    const code = fail[name];
    if (code) return refuse(code, "what the engine knows of it");
    return value();
  };

  const clouds = () =>
    secrets.flatMap(({ set, secret }) => (set && secret.kind === "cloud-key" ? secret.cloud : []));
  const practice = () =>
    options.practice === true ||
    (scenario === null
      ? clouds().length === 0
      : facts.some(fact => fact.fact === "run_started" && fact.practice));
  const info = (): AppInfo => ({
    version: "0.1.0",
    practice: practice(),
    practice_asked: options.practice === true,
    os: "linux",
    clouds: ["vast", "runpod"],
    run: scenario ? FAKE_RUN : null,
    problems: options.problem
      ? [{ code: options.problem, remedy: "read-the-help", details: "at the start", trace: "" }]
      : [],
  });

  const seenView = () =>
    replay(
      FAKE_RUN,
      facts.filter(fact => fact.elapsed_ms <= now()),
    );
  function machines(): MachineView[] {
    const view = seenView();
    const status = options.state
      ? { status: { state: options.state, message: "said by the cloud", dead: false } }
      : {};
    const ofRun = view.lanes
      .filter(lane => lane.machine !== null && !lane.destroyed_confirmed)
      .map(lane =>
        machineView(lane.brief.lane, {
          kept: view.winner === lane.brief.lane,
          condemned: lane.lost_ms !== null,
          ...status,
        }),
      );
    const leaving =
      left.length && !ofRun.some(view => view.machine === left[0])
        ? [machineView(7, { condemned: true, kept: false, run: "past4" })]
        : [];
    return [...ofRun, ...kept, ...leaving];
  }
  const changeKept = (machine: string, part: Partial<MachineView>) => {
    if (!machines().some(view => view.machine === machine)) refuse("machine-missing", machine);
    kept = kept.map(view => (view.machine === machine ? { ...view, ...part } : view));
    emit("recordsChanged");
    return null;
  };
  const setSecret = (secret: Secret, value: string | null) => {
    const view: SecretView = {
      secret,
      set: value !== null,
      since: value === null ? null : new Date(wall()).toISOString(),
      last4: value === null || secret.kind === "repository-password" ? null : value.slice(-4),
    };
    const known = secrets.some(view => sameSecret(view.secret, secret));
    secrets = known
      ? secrets.map(old => (sameSecret(old.secret, secret) ? view : old))
      : [...secrets, view];
    if (value === null && secret.kind === "registry-login") {
      secrets = secrets.filter(view => view.set || view.secret.kind !== "registry-login");
    }
    return null;
  };
  const setStorage = (form: StorageForm) => {
    settings = { ...settings, storage: form.storage };
    if (form.password) setSecret({ kind: "repository-password" }, form.password);
    if (form.key_id) setSecret({ kind: "storage-key-id" }, form.key_id);
    if (form.key_secret) setSecret({ kind: "storage-key-secret" }, form.key_secret);
    emit("worldChanged");
    return null;
  };

  return {
    calls,
    clock: { now, wall },
    seek(seconds) {
      rebase(seconds * 1_000, speed);
      for (const watcher of watchers) restart(watcher);
    },
    play(next) {
      rebase(now(), next);
    },
    emit,
    hold() {
      held = new Promise(resolve => {
        release = resolve;
      });
    },
    release: () => release(),
    beginElsewhere() {
      emit("runBegan", begin("wave-2"));
    },
    follow(recipe) {
      link = recipe;
      emit("linkCame");
    },

    appInfo: () => answer("appInfo", null, info),
    appQuit: () => answer("appQuit", null, () => null),
    appStay: () => answer("appStay", null, () => null),
    engineRestart: () => answer("engineRestart", null, () => null),
    folderChoose: () => answer("folderChoose", null, () => "/home/ana/restored"),
    helpOpen: page => answer("helpOpen", page, () => null),
    linkTake: () =>
      answer("linkTake", null, () => {
        const taken = link;
        link = null;
        return taken;
      }),
    preferencesGet: () => answer("preferencesGet", null, () => preferences),
    preferencesSet: next =>
      answer("preferencesSet", next, () => {
        preferences = { ...preferences, ...next };
        return null;
      }),
    settingsGet: () => answer("settingsGet", null, () => settings),
    settingsSet: next =>
      answer("settingsSet", next, () => {
        settings = next;
        return null;
      }),
    secretsList: () => answer("secretsList", null, () => secrets),
    // What was typed is no business of a log.
    secretSet: (secret, value) =>
      answer("secretSet", secret, () => {
        setSecret(secret, value);
        emit("worldChanged");
        return null;
      }),
    secretForget: secret =>
      answer("secretForget", secret, () => {
        setSecret(secret, null);
        emit("worldChanged");
        return null;
      }),
    cloudTest: (cloud, key) =>
      answer("cloudTest", cloud, () =>
        key === "wrong" ? refuse("cloud-key-refused", "HTTP 401") : cloudReport(cloud),
      ),
    storageTest: form => answer("storageTest", form.storage, () => storageReport(form)),
    storageSet: form => answer("storageSet", form.storage, () => setStorage(form)),
    storageForget: () =>
      answer("storageForget", null, () => {
        settings = { ...settings, storage: null };
        emit("worldChanged");
        return null;
      }),
    repositoryCreate: form => answer("repositoryCreate", form.storage, () => setStorage(form)),

    runLaunch: request =>
      answer("runLaunch", request, () => begin(practice() ? "practice" : "wave-2")),
    runCancel: run =>
      answer("runCancel", run, () => {
        const at = now();
        then(stream => cancelEvents(eventsOf(stream), at));
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
      answer("runsList", limit, () => {
        const current = scenario ? [summaryOf(seenView(), now())] : [];
        const past = empty || newcomer ? [] : history();
        return [...current, ...past].slice(0, limit);
      }),
    launchEstimate: request =>
      answer("launchEstimate", request, () =>
        estimate(request, practice(), options.fresh ? 0 : 214, options.refuse ?? null),
      ),
    recipesList: () => answer("recipesList", null, () => recipes),
    recipeSave: (recipe, replaces) =>
      answer("recipeSave", { recipe, replaces }, () => {
        const place = recipes.findIndex(old => old.name === replaces);
        recipes = place < 0 ? [...recipes, recipe] : recipes.with(place, recipe as Recipe);
        return null;
      }),
    recipeDelete: name =>
      answer("recipeDelete", name, () => {
        recipes = recipes.filter(recipe => recipe.name !== name);
        return null;
      }),
    offersSearch: (filter, order) =>
      answer("offersSearch", { filter, order }, () => {
        const rows = empty
          ? []
          : offerRows(options.offers ?? 64).map(row => {
              const standing = standings.get(`${row.offer.cloud} ${row.offer.host}`);
              return standing && row.history
                ? { ...row, history: { ...row.history, standing } }
                : row;
            });
        return {
          rows,
          found: rows.length,
          truncated: rows.length > 60,
          at: new Date(wall()).toISOString(),
        };
      }),
    hostsList: () =>
      answer("hostsList", null, () =>
        empty || newcomer
          ? []
          : hostViews().map(view => ({
              ...view,
              standing: standings.get(`${view.cloud} ${view.host}`) ?? view.standing,
            })),
      ),
    hostSetStanding: (cloud, host, standing) =>
      answer("hostSetStanding", { cloud, host, standing }, () => {
        standings.set(`${cloud} ${host}`, standing);
        return null;
      }),
    snapshotsList: () =>
      answer("snapshotsList", null, () => (empty || newcomer ? [] : snapshotGroups())),
    pruneHint: () =>
      answer("pruneHint", null, () =>
        empty || newcomer ? null : { small_packs: 212, bytes: 31_400_000 },
      ),
    snapshotTree: (snapshot, folder) =>
      answer("snapshotTree", { snapshot, folder }, () => treeOf(folder)),
    snapshotCount: (snapshot, paths) =>
      answer("snapshotCount", { snapshot, paths }, () => countOf(paths)),
    snapshotCountEach: (snapshot, paths) =>
      answer("snapshotCountEach", { snapshot, paths }, () => paths.map(path => countOf([path]))),
    restoreStart: request =>
      answer("restoreStart", request, () =>
        begin(request.destination.kind === "local" ? "restore-here" : "restore-onto"),
      ),
    restoreMoveToFront: (run, path) =>
      answer("restoreMoveToFront", { run, path }, () => {
        const at = now() + 30;
        then(stream => [
          ...eventsOf(stream),
          { at, fact: "restore_reordered", path, pending: true },
        ]);
        return null;
      }),
    machinesList: () => answer("machinesList", null, machines),
    machineDestroy: machine =>
      answer("machineDestroy", machine, () => {
        if (kept.some(view => view.machine === machine)) {
          kept = kept.filter(view => view.machine !== machine);
          emit("recordsChanged");
          return null;
        }
        const at = now() + 2_300;
        const rented = facts.find(
          fact => fact.fact === "machine_rented" && fact.machine === machine,
        );
        if (rented?.fact !== "machine_rented") return refuse("machine-missing", machine);
        const { lane, cloud } = rented;
        then(stream => [
          ...eventsOf(stream),
          {
            at,
            fact: "machine_destroyed",
            lane,
            cloud,
            machine,
            confirmed: true,
            took_ms: 2_300,
            usd_micros: 4_900,
          },
        ]);
        return null;
      }),
    machineStop: machine =>
      answer("machineStop", machine, () =>
        changeKept(machine, { status: { state: "stopped", message: "", dead: false } }),
      ),
    machineStart: machine =>
      answer("machineStart", machine, () =>
        changeKept(machine, { status: { state: "running", message: "", dead: false } }),
      ),
    machineLabel: (machine, label) =>
      answer("machineLabel", { machine, label }, () => changeKept(machine, { label })),
    machineLogs: (machine, lines) =>
      answer("machineLogs", { machine, lines }, () => (empty ? [] : LOG)),
    machineMetrics: machine =>
      answer("machineMetrics", machine, () => {
        const view = machines().find(view => view.machine === machine);
        return metricsOf(machine, view?.num_gpus ?? 1, now());
      }),
    machineOpen: (machine, program) => answer("machineOpen", { machine, program }, () => null),
    machineSsh: machine => answer("machineSsh", machine, () => "ssh -F ~/.dumont/ssh dumont"),
    spend: () =>
      answer("spend", null, () => {
        const ours = machines().filter(machine => machine.ownership === "ours");
        return {
          per_hour: ours.reduce((sum, machine) => sum + machine.price, 0),
          running: ours.length,
          today: 1_240_000,
          month: 37_900_000,
          caps: { run: null, day: null, month: null, ...settings.caps },
          credit: practice() ? null : 23_480_000,
          estimated: 0,
        };
      }),
    sweep: () =>
      answer("sweep", null, () => {
        const destroyed = left;
        left = [];
        emit("recordsChanged");
        return { destroyed, kept: [], unconfirmed: [], others: [] };
      }),
    leftovers: () => answer("leftovers", null, () => left),
    guard: () =>
      answer("guard", null, () => ({
        clouds: clouds().map(cloud => ({
          cloud,
          last: new Date(wall() - (options.stale ? 260_000 : 2_000)).toISOString(),
          problem: options.stale
            ? { code: options.stale, remedy: "check-network", details: "", trace: "" }
            : null,
        })),
        open: left,
        resuming: options.resuming ?? 0,
      })),

    on(event, listener) {
      listeners[event].add(listener);
      return () => listeners[event].delete(listener);
    },
    watch(run: RunId, onFrame, onError) {
      const watcher = { seq: 0, send: onFrame };
      let stopped = false;
      queueMicrotask(() => {
        if (stopped) return;
        const past = history().some(one => one.run === run);
        if (past)
          return onFrame({ kind: "view", view: { ...replay(run, factsOf("wave-1")), run } });
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
}

/** Facts as events again, without what is counted beside them. */
function eventsOf(facts: Fact[]) {
  return facts
    .filter(fact => fact.fact !== "spend_counted")
    .map(({ run: _run, seq: _seq, at: _at, elapsed_ms, ...body }) => ({ at: elapsed_ms, ...body }));
}
