// The state of a run, folded from its facts: the same fold as `RunView::apply`
// in the model crate, fact for fact. The golden streams in tests/fixtures hold
// the two together. Pure and total: it does no IO, sees no clock, and changes
// nothing it is given, so a lane that did not change keeps its identity.

import type { Fact, LaneBrief, LaneNo, LaneView, RunId, RunView } from "../bindings";

/** How many past throughput readings are kept. */
const RATES_KEPT = 120;

/** A run of which nothing is known yet. */
export function emptyRun(run: RunId): RunView {
  return {
    run,
    seq: 0,
    elapsed_ms: 0,
    started: "1970-01-01T00:00:00.000Z",
    recipe: "",
    title: "",
    policy: "strict",
    practice: false,
    destination: null,
    phase: "preparing",
    heat: 0,
    heat_at_ms: null,
    waves_at_ms: [],
    planned: [],
    lanes: [],
    winner: null,
    marks: { shell_ms: null, critical_ms: null, complete_ms: null },
    restore: null,
    spent: 0,
    price: 0,
    at_most: 0,
    failure: null,
    remedy: null,
    details: "",
    leftovers: [],
    throttled: null,
    report: null,
    host_key: null,
    extended: false,
    kept: null,
    ready_script: null,
    caps: [],
  };
}

/** Folds a whole stream. */
export function replay(run: RunId, facts: Iterable<Fact>): RunView {
  let view = emptyRun(run);
  for (const fact of facts) view = applyFact(view, fact);
  return view;
}

/** Folds one fact in. A fact that was folded in before changes nothing. */
export function applyFact(before: RunView, fact: Fact): RunView {
  if (fact.seq <= before.seq) return before;
  const view: RunView = { ...before, seq: fact.seq, elapsed_ms: fact.elapsed_ms };
  const at = fact.elapsed_ms;
  switch (fact.fact) {
    case "run_started":
      return {
        ...view,
        started: fact.at,
        recipe: fact.recipe,
        title: fact.title,
        policy: fact.policy,
        practice: fact.practice,
        destination: fact.destination,
      };
    case "offers_ranked":
      return { ...view, planned: fact.planned, at_most: fact.at_most_usd_micros };
    case "heat_started":
      return {
        ...view,
        heat: fact.heat,
        heat_at_ms: null,
        waves_at_ms: [],
        winner: null,
        marks: { shell_ms: null, critical_ms: null, complete_ms: null },
        report: null,
        host_key: null,
        extended: false,
        phase: "racing",
        restore: view.restore && {
          ...view.restore,
          tool: null,
          installed_ms: null,
          files_done: 0,
          bytes_done: 0,
          bytes_per_s: 0,
          rates: [],
          eta_ms: null,
          failed: [],
          imperfect: [],
          fallback: null,
          access: null,
          installing: null,
          fetched_bytes: null,
          connections: null,
          groups_bytes: [],
          fronted: [],
        },
      };
    case "wave_started":
      return { ...view, waves_at_ms: [...view.waves_at_ms, at] };
    case "lane_started":
      return laneStarted(view, briefOf(fact), fact.replaces, at);
    case "machine_requested":
      return withLane(
        { ...view, heat_at_ms: view.heat_at_ms ?? at, throttled: null },
        fact.lane,
        lane => ({
          ...lane,
          brief: { ...lane.brief, offer: fact.offer },
          phase: "creating",
          requested_ms: at,
          throttled: false,
        }),
      );
    case "create_refused":
      return withLane(view, fact.lane, lane => ({
        ...lane,
        refusals: lane.refusals + 1,
        phase: "queued",
      }));
    case "cloud_throttled":
      return withLane({ ...view, throttled: fact.cloud }, fact.lane, lane => ({
        ...lane,
        phase: "queued",
        throttled: true,
      }));
    case "machine_rented":
      return withLane(view, fact.lane, lane => ({
        ...lane,
        machine: fact.machine,
        rented_ms: lane.rented_ms ?? at,
        rented: "yes",
        phase: lane.phase === "lost" ? "lost" : "booting",
      }));
    case "machine_booted":
      return withLane(view, fact.lane, lane => ({
        ...lane,
        booted_ms: at,
        booted_by: fact.by,
        slow: null,
        phase: "connecting",
      }));
    case "machine_slow":
      return withLane(view, fact.lane, lane => ({ ...lane, slow: fact.step }));
    case "deadman_armed":
      return withLane(view, fact.lane, lane => ({ ...lane, deadman: fact.armed }));
    case "machine_connected":
      return withLane(
        // The first to connect is the winner.
        { ...view, report: fact.report, host_key: fact.host_key },
        fact.lane,
        lane => ({ ...lane, connected_ms: at, route: fact.route, phase: "connected" }),
      );
    case "lane_lost":
      return withLane(
        {
          ...view,
          winner: view.winner === fact.lane ? null : view.winner,
          // A lane that found no offer never started and never will.
          planned: view.planned.filter(planned => planned.lane !== fact.lane),
        },
        fact.lane,
        lane => ({
          ...lane,
          lost_ms: at,
          lost_step: fact.step,
          reason: fact.reason,
          details: fact.details,
          rented: fact.rented,
          phase: "lost",
          throttled: false,
          machine: fact.machine ?? lane.machine,
        }),
      );
    case "winner_chosen":
      return withLane(
        {
          ...view,
          winner: fact.lane,
          marks: { shell_ms: at, critical_ms: null, complete_ms: null },
          phase: "installing",
          throttled: null,
        },
        fact.lane,
        lane => ({ ...lane, phase: "won" }),
      );
    case "machine_destroyed":
      return withLane(view, fact.lane, lane => ({
        ...lane,
        destroyed_ms: at,
        destroyed_confirmed: fact.confirmed,
        spent: fact.usd_micros,
        rented: fact.machine === null && fact.confirmed ? "no" : lane.rented,
      }));
    case "machine_charged": {
      const counted = view.lanes.find(lane => lane.brief.lane === fact.lane)?.spent;
      if (counted === undefined) return view;
      const charged = { spent: fact.usd_micros, charged: true };
      return {
        ...withLane(view, fact.lane, lane => ({ ...lane, ...charged })),
        spent: Math.max(0, view.spent + fact.usd_micros - counted),
      };
    }
    case "install_advanced":
      return {
        ...view,
        restore: view.restore && {
          ...view.restore,
          installing: { how: fact.how, bytes_done: fact.bytes_done, bytes: fact.bytes },
        },
      };
    case "tool_installed":
      return {
        ...view,
        phase: "restoring",
        restore: view.restore && {
          ...view.restore,
          tool: fact.tool,
          access: fact.access,
          installing: null,
          fallback: fact.fallback,
          installed_ms: at,
        },
      };
    case "restore_planned":
      return {
        ...view,
        restore: {
          snapshot: fact.snapshot,
          taken: fact.taken,
          target: fact.target,
          tool: null,
          planned_ms: at,
          installed_ms: null,
          files: fact.files,
          bytes: fact.bytes,
          critical_files: fact.critical_files,
          critical_bytes: fact.critical_bytes,
          files_done: 0,
          bytes_done: 0,
          bytes_per_s: 0,
          rates: [],
          eta_ms: null,
          verified: false,
          failed: [],
          imperfect: [],
          fallback: null,
          access: null,
          installing: null,
          fetched_of_bytes: fact.fetched_bytes,
          fetched_bytes: null,
          connections: null,
          groups: fact.groups,
          groups_bytes: [],
          fronted: [],
        },
      };
    case "restore_advanced":
      return {
        ...view,
        restore: view.restore && {
          ...view.restore,
          files_done: fact.files_done,
          bytes_done: fact.bytes_done,
          bytes_per_s: fact.bytes_per_s,
          eta_ms: fact.eta_ms,
          fetched_bytes: fact.fetched_bytes,
          connections: fact.connections,
          groups_bytes: fact.groups_bytes,
          rates: [
            ...view.restore.rates.slice(1 - RATES_KEPT),
            { at_ms: at, bytes_per_s: fact.bytes_per_s },
          ],
        },
      };
    case "critical_restored":
      return { ...view, marks: { ...view.marks, critical_ms: at } };
    case "restore_reordered":
      return {
        ...view,
        restore: view.restore && {
          ...view.restore,
          fronted: [fact.path, ...view.restore.fronted.filter(path => path !== fact.path)],
        },
      };
    case "restore_finished":
      return {
        ...view,
        restore: view.restore && {
          ...view.restore,
          files_done: fact.files,
          bytes_done: fact.bytes,
          verified: fact.verified,
          failed: fact.failed,
          imperfect: fact.imperfect,
          eta_ms: null,
        },
        marks: fact.verified ? { ...view.marks, complete_ms: at } : view.marks,
      };
    case "ready_script_started":
      return { ...view, ready_script: { log: fact.log, problem: fact.problem } };
    case "run_ready":
      return {
        ...view,
        phase: "ready",
        marks: {
          shell_ms: fact.shell_ms,
          critical_ms: fact.critical_ms,
          complete_ms: fact.complete_ms,
        },
      };
    case "run_failed":
      return {
        ...view,
        phase: "failed",
        failure: fact.code,
        remedy: fact.remedy,
        details: fact.details,
        leftovers: fact.leftovers,
      };
    case "run_cancelled":
      return { ...view, phase: "cancelled", leftovers: fact.leftovers };
    case "spend_counted":
      return { ...view, spent: fact.usd_micros, price: fact.usd_micros_per_hour };
    case "spend_warned": {
      const { cap, usd_micros: spent, cap_usd_micros: limit, reached } = fact;
      const others = view.caps.filter(known => known.cap !== cap);
      return { ...view, caps: [...others, { cap, spent, limit, reached }] };
    }
    case "restore_extended":
      return { ...view, extended: true };
    case "clock_jumped":
      return view;
    case "machine_kept":
      return { ...view, kept: fact.reason };
    default: {
      // A fact of a newer app: everything else stays readable.
      fact satisfies never;
      return view;
    }
  }
}

function briefOf(fact: LaneBrief): LaneBrief {
  return {
    lane: fact.lane,
    cloud: fact.cloud,
    offer: fact.offer,
    host: fact.host,
    owner: fact.owner,
    gpu: fact.gpu,
    num_gpus: fact.num_gpus,
    location: fact.location,
    usd_micros_per_hour: fact.usd_micros_per_hour,
    inet_down_mbps: fact.inet_down_mbps,
    history: fact.history,
  };
}

function withLane(view: RunView, no: LaneNo | null, change: (lane: LaneView) => LaneView): RunView {
  const index = view.lanes.findIndex(lane => lane.brief.lane === no);
  const lane = view.lanes[index];
  return lane ? { ...view, lanes: view.lanes.with(index, change(lane)) } : view;
}

function laneStarted(
  before: RunView,
  brief: LaneBrief,
  replaces: LaneNo | null,
  at: number,
): RunView {
  const view: RunView = {
    ...before,
    planned: before.planned.filter(
      planned => planned.lane !== brief.lane && planned.offer !== brief.offer,
    ),
  };
  if (view.lanes.some(lane => lane.brief.lane === brief.lane)) {
    // The lane's earlier offer was refused; it goes on with this one.
    return withLane(view, brief.lane, lane => ({ ...lane, brief, phase: "queued" }));
  }
  const lane: LaneView = {
    brief,
    heat: view.heat,
    replaces,
    machine: null,
    phase: "queued",
    started_ms: at,
    requested_ms: null,
    rented_ms: null,
    booted_ms: null,
    booted_by: null,
    connected_ms: null,
    route: null,
    deadman: null,
    lost_ms: null,
    lost_step: null,
    reason: null,
    details: "",
    refusals: 0,
    slow: null,
    throttled: false,
    rented: null,
    destroyed_ms: null,
    destroyed_confirmed: false,
    spent: 0,
    charged: false,
  };
  return {
    ...view,
    lanes: [...view.lanes, lane].sort((a, b) => a.brief.lane - b.brief.lane),
  };
}
