// What the fake engine knows besides its one run: recipes, snapshots, history.

import { winnerOf, winnerSpans } from "../../app/spans";
import type {
  Code,
  Estimate,
  LaunchRequest,
  Recipe,
  RunSummary,
  RunView,
  SnapshotGroup,
  SnapshotView,
  Step,
  StepSpan,
} from "../../bindings";
import { machineOf } from "./heat";
import { briefFor, PRICES } from "./market";
import { FAKE_START } from "./scenarios";

const HOUR = 3_600_000;

export const RECIPES: Recipe[] = [
  recipe("musetalk", "MuseTalk 1.5", "RTX 4090", 600_000),
  recipe("comfyui", "ComfyUI", "RTX 3090", 450_000, "/comfy"),
  recipe("lora", "LoRA training", "A100 SXM4", 1_100_000, "/lora"),
];

function recipe(
  name: string,
  title: string,
  gpu: string,
  cap: number,
  path = "/workspace",
): Recipe {
  return {
    name,
    title,
    snapshot: "latest",
    paths: [path],
    target: "/",
    critical: [`${path}/app`, `${path}/venv`],
    filter: { gpu, num_gpus: 1, max_price: cap, verified_only: true, countries: [], clouds: [] },
    image: "vastai/base-image:@vastai-automatic-tag",
    policy: "strict",
    tool: "agent",
    hours_alone: 12,
    ports: name === "lora" ? [] : ["8888/tcp", "7860/tcp"],
  };
}

/** `id hours tag host path bytes files added same`. */
type Row = [string, number, string, string, string, number, number, number, number];

const SNAPSHOTS: Row[] = [
  ["b41f09c2", 0.35, "after face-parse fix", "gpu-24873", "/workspace", 7.12e9, 48_213, 38e6, 3],
  ["9c07ee51", 2.6, "", "gpu-24873", "/workspace", 7.11e9, 48_190, 4.1e6, 1],
  ["51d2a8f0", 26, "before driver change", "gpu-22018", "/workspace", 7.09e9, 47_902, 1.1e9, 0],
  ["e20b7734", 31, "flux workflows", "gpu-30977", "/comfy", 22.6e9, 112_480, 412e6, 0],
  ["c7719d02", 33, "", "gpu-30977", "/comfy", 22.2e9, 112_210, 6.4e9, 11],
  ["0fa1c6d9", 74, "epoch 12", "studio", "/lora", 18.4e9, 8_120, 2.3e9, 6],
  ["4be83a17", 97, "", "studio", "/lora", 16.1e9, 7_960, 310e6, 0],
  ["a910c3d4", 121, "first working", "gpu-22018", "/workspace", 6.31e9, 44_871, 910e6, 2],
  ["3f77e210", 146, "", "gpu-22018", "/workspace", 5.4e9, 43_020, 5.4e9, 0],
];

export function snapshotGroups(): SnapshotGroup[] {
  return SNAPSHOTS.map(row => ({
    newest: snapshot(row, row[0], row[1]),
    same: Array.from({ length: row[8] }, (_, index) =>
      snapshot(row, `77ab0${index.toString(16)}ce`, row[1] + (index + 1) * 0.5),
    ),
  }));
}

function snapshot(row: Row, short: string, hoursAgo: number): SnapshotView {
  const [first, , tag, hostname, path, bytes, files, added] = row;
  return {
    id: `${short}d7a8e6531b0c94f2a7d85e1360cb79f4428ae15d3f60b8c7219ea4d5`,
    time: new Date(FAKE_START - hoursAgo * HOUR).toISOString(),
    hostname,
    tags: tag ? [tag] : [],
    paths: [path],
    tree: first.repeat(8),
    files,
    bytes,
    added_bytes: added,
  };
}

const STEPS: (Step | null)[] = ["offers", null, "create", "boot", "connect", "install", "restore"];

type Past = [
  recipe: string,
  hours: number,
  /** Seconds of each step: offers, waiting, create, boot, connect, install, restore. */
  seconds: number[],
  critical: number,
  spent: number,
  lane: number,
  destroyed: number,
  /** Hours it lived; absent: it runs. */
  lived: number | null,
];

const HISTORY: Past[] = [
  ["musetalk", 2.5, [0.2, 0, 1.1, 6.9, 0.9, 2.3, 26.8], 6.1, 7_100, 21, 4, null],
  ["lora", 13.9, [0.3, 0, 3, 9.4, 2.1, 3.1, 53.7], 9.4, 21_000, 22, 9, null],
  ["comfyui", 17.4, [0.2, 10, 1.3, 7, 1.2, 2.3, 30.9], 7.9, 11_000, 24, 9, null],
  ["musetalk", 26, [], 0, 19_000, 0, 13, null],
  ["musetalk", 74, [0.3, 20, 1.4, 8.4, 1.4, 2.7, 31.8], 7.9, 17_000, 6, 13, 3.2],
  ["comfyui", 98, [0.2, 0, 1.6, 8.1, 1.3, 2.4, 44.8], 7.4, 9_000, 10, 4, 1.1],
  ["musetalk", 120, [0.2, 10, 1.2, 9.1, 1.7, 2.6, 24.8], 7.7, 12_000, 6, 9, 6.4],
  ["lora", 9, [0.2, 0, 1.4, 8.1, 1.2, 2.5, 60.2], 9.9, 840_000, 12, 4, 1.6],
];

export function history(): RunSummary[] {
  return HISTORY.map(([recipe, hours, seconds, critical, spent, lane, destroyed, lived], index) => {
    const steps = spansOf(seconds);
    const end = steps.at(-1)?.to_ms ?? null;
    const restore = steps.at(-1)?.from_ms ?? 0;
    const shell = steps.find(span => span.step === "install")?.from_ms ?? null;
    const won = end !== null;
    const brief = briefFor(lane);
    return {
      run: `past${index}`,
      recipe,
      title: RECIPES.find(known => known.name === recipe)?.title ?? recipe,
      policy: "strict" as const,
      started: new Date(FAKE_START - hours * HOUR).toISOString(),
      phase: won ? ("ready" as const) : ("failed" as const),
      marks: {
        shell_ms: shell,
        critical_ms: won ? restore + critical * 1_000 : null,
        complete_ms: end,
      },
      steps,
      cloud: won ? brief.cloud : null,
      machine: won ? machineOf(lane) : null,
      host: won ? brief.host : null,
      gpu: won ? (recipe === "lora" ? "A100 SXM4" : "RTX 4090") : "",
      location: won ? brief.location : "",
      gone_ms: lived === null ? null : lived * HOUR,
      spent,
      charged: hours > 1,
      fell_back: false,
      destroyed,
      failure: won ? null : ("no-machine-ready" as const),
    };
  }).sort((a, b) => b.started.localeCompare(a.started));
}

/** The run that goes on, as history shows it. */
export function summaryOf(view: RunView, now: number): RunSummary {
  const winner = winnerOf(view);
  return {
    run: view.run,
    recipe: view.recipe,
    title: view.title,
    policy: view.policy,
    started: view.started,
    phase: view.phase,
    marks: view.marks,
    steps: winnerSpans(view, now),
    cloud: winner?.brief.cloud ?? null,
    machine: winner?.machine ?? null,
    host: winner?.brief.host ?? null,
    gpu: winner?.brief.gpu ?? "",
    location: winner?.brief.location ?? "",
    gone_ms: winner?.destroyed_ms ?? null,
    spent: view.spent,
    charged: view.lanes.every(lane => lane.machine === null || lane.charged),
    fell_back: view.restore?.fallback != null,
    destroyed: view.lanes.filter(lane => lane.destroyed_confirmed).length,
    failure: view.failure,
  };
}

function spansOf(seconds: number[]): StepSpan[] {
  let from = 0;
  return seconds.flatMap((length, index) => {
    if (length === 0) return [];
    const span = { step: STEPS[index] ?? null, from_ms: from, to_ms: from + length * 1_000 };
    from = span.to_ms;
    return [span];
  });
}

/** What pressing launch would mean, in the made-up market. */
export function estimate(
  request: LaunchRequest,
  practice: boolean,
  boots: number,
  refusal: Code | null,
): Estimate {
  const filter = request.recipe?.filter ?? {};
  const scale = (filter.num_gpus ?? 1) * (filter.gpu?.startsWith("A100") ? 2.2 : 1);
  const prices = PRICES.map(price => Math.round(price * scale));
  const cap = filter.max_price ?? Number.POSITIVE_INFINITY;
  const under = prices.filter(price => price <= cap);
  const usable = filter.datacenter_only ? Math.ceil(under.length / 5) : under.length;
  const price = under[Math.min(4, under.length - 1)] ?? null;
  const none = request.recipe?.snapshot === "none";
  const groups = snapshotGroups();
  const wanted = request.recipe?.snapshot ?? "latest";
  const chosen =
    groups.find(group => group.newest.id.startsWith(wanted))?.newest ?? groups[0]?.newest ?? null;
  const known = practice ? 0 : boots;
  const lanes = { strict: 75, "keep-racing": 275, "all-at-once": 290 }[
    request.recipe?.policy ?? "strict"
  ];
  return {
    usable,
    found: 64,
    truncated: true,
    prices,
    price,
    at_most: Math.round(lanes * 1_000 * scale) + (price ?? 0),
    credit: practice ? null : 23_480_000,
    access: none ? null : request.recipe?.tool === "restic" ? "temporary" : "ticket",
    refused: refusal && {
      code: refusal,
      remedy: "raise-cap",
      details: "spent $19.98 today, this launch can cost $0.40, the limit is $20.00",
      trace: "",
    },
    boots_known: known,
    shell: known ? { p10_ms: 16_200, median_ms: 21_400, p90_ms: 29_100 } : null,
    complete: known && !none ? { p10_ms: 37_900, median_ms: 44_300, p90_ms: 58_600 } : null,
    snapshot: none ? null : chosen,
    bytes: none ? null : (chosen?.bytes ?? null),
    files: none ? null : (chosen?.files ?? null),
  };
}
