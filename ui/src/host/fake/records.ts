// What the fake engine knows besides its one run: recipes, snapshots, history.

import type {
  Estimate,
  LaunchRequest,
  Recipe,
  RunSummary,
  SnapshotGroup,
  SnapshotView,
  Step,
  StepSpan,
} from "../../bindings";
import { PRICES } from "./market";
import { FAKE_START } from "./scenarios";

const HOUR = 3_600_000;

export const RECIPES: Recipe[] = [
  recipe("musetalk", "MuseTalk 1.5", "RTX 4090", 600_000),
  recipe("comfyui", "ComfyUI", "RTX 3090", 450_000),
  recipe("lora", "LoRA training", "A100 SXM4", 1_100_000),
];

function recipe(name: string, title: string, gpu: string, cap: number): Recipe {
  return {
    name,
    title,
    snapshot: "latest",
    paths: ["/workspace"],
    target: "/",
    critical: ["/workspace/app", "/workspace/venv"],
    filter: { gpu, num_gpus: 1, max_price: cap, verified_only: true, countries: [], clouds: [] },
    image: "vastai/base-image:@vastai-automatic-tag",
    policy: "strict",
    tool: "restic",
    hours_alone: 12,
  };
}

const SNAPSHOTS: [string, number, string, string, number, number][] = [
  ["b41f09c2", 0.35, "gpu-24873", "/workspace", 7.12e9, 48_213],
  ["9c07ee51", 2.6, "gpu-24873", "/workspace", 7.11e9, 48_190],
  ["51d2a8f0", 26, "gpu-22018", "/workspace", 7.09e9, 47_902],
  ["e20b7734", 31, "gpu-30977", "/comfy", 22.6e9, 112_480],
  ["0fa1c6d9", 74, "studio", "/lora", 18.4e9, 8_120],
];

export function snapshotGroups(): SnapshotGroup[] {
  return SNAPSHOTS.map(([id, hours, hostname, path, bytes, files], index) => {
    const newest = snapshot(id, hours, hostname, path, bytes, files);
    return {
      newest,
      same: index === 1 ? [snapshot("77ab01ce", hours + 1.5, hostname, path, bytes, files)] : [],
    };
  });
}

function snapshot(
  short: string,
  hoursAgo: number,
  hostname: string,
  path: string,
  bytes: number,
  files: number,
): SnapshotView {
  return {
    id: `${short}d7a8e6531b0c94f2a7d85e1360cb79f4428ae15d3f60b8c7219ea4d5`,
    time: new Date(FAKE_START - hoursAgo * HOUR).toISOString(),
    hostname,
    tags: [],
    paths: [path],
    tree: short.repeat(8),
    files,
    bytes,
    added_bytes: Math.round(bytes * 0.004),
  };
}

const STEPS: (Step | null)[] = ["offers", null, "create", "boot", "connect", "install", "restore"];

/** Seconds of each step: offers, waiting, create, boot, connect, install, restore. */
const HISTORY: [string, number, number[], number, number, string, number][] = [
  ["MuseTalk 1.5", 2.5, [0.2, 0, 1.1, 6.9, 0.9, 2.3, 26.8], 6.1, 7_100, "24873", 4],
  ["LoRA training", 13.9, [0.3, 0, 3, 9.4, 2.1, 3.1, 53.7], 9.4, 21_000, "US-KS-2", 9],
  ["ComfyUI", 17.4, [0.2, 10, 1.3, 7, 1.2, 2.3, 30.9], 7.9, 11_000, "30977", 9],
  ["MuseTalk 1.5", 26, [], 0, 19_000, "", 13],
  ["MuseTalk 1.5", 74, [0.3, 20, 1.4, 8.4, 1.4, 2.7, 31.8], 7.9, 17_000, "22018", 13],
  ["ComfyUI", 98, [0.2, 0, 1.6, 8.1, 1.3, 2.4, 44.8], 7.4, 9_000, "37754", 4],
  ["MuseTalk 1.5", 120, [0.2, 10, 1.2, 9.1, 1.7, 2.6, 24.8], 7.7, 12_000, "22018", 9],
];

export function history(): RunSummary[] {
  return HISTORY.map(([title, hours, seconds, critical, spent, host, destroyed], index) => {
    const steps = spansOf(seconds);
    const end = steps.at(-1)?.to_ms ?? null;
    const restore = steps.at(-1)?.from_ms ?? 0;
    const shell = steps.find(span => span.step === "install")?.from_ms ?? null;
    return {
      run: `past${index}`,
      title,
      started: new Date(FAKE_START - hours * HOUR).toISOString(),
      phase: end === null ? "failed" : "ready",
      marks: {
        shell_ms: shell,
        critical_ms: end === null ? null : restore + critical * 1_000,
        complete_ms: end,
      },
      steps,
      host: host || null,
      gpu: end === null ? "" : "RTX 4090",
      spent,
      destroyed,
      failure: end === null ? "no-machine-ready" : null,
    };
  });
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
export function estimate(request: LaunchRequest, practice: boolean, boots: number): Estimate {
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
    boots_known: known,
    shell: known ? { p10_ms: 16_200, median_ms: 21_400, p90_ms: 29_100 } : null,
    complete: known && !none ? { p10_ms: 37_900, median_ms: 44_300, p90_ms: 58_600 } : null,
    snapshot: none ? null : chosen,
    bytes: none ? null : (chosen?.bytes ?? null),
    files: none ? null : (chosen?.files ?? null),
  };
}
