// Machines of the made-up market: those of a run, those kept from earlier ones,
// and those of others on the same account.

import type { MachineMetrics, MachineView } from "../../bindings";
import { machineOf } from "./heat";
import { briefFor } from "./market";
import { FAKE_RUN, FAKE_START } from "./scenarios";

const HOUR = 3_600_000;
const GB = 1e9;

export function machineView(lane: number, part: Partial<MachineView> = {}): MachineView {
  const brief = briefFor(lane);
  const since = part.since ?? new Date(FAKE_START + 10_300).toISOString();
  return {
    cloud: brief.cloud,
    machine: machineOf(lane),
    ownership: "ours",
    label: `dumont/k3j5w2ab-${FAKE_RUN}/${lane}`,
    status: { state: "running", message: "success, running", dead: false },
    kept: false,
    condemned: false,
    run: FAKE_RUN,
    lane,
    host: brief.host,
    owner: brief.owner,
    gpu: brief.gpu,
    num_gpus: brief.num_gpus,
    location: brief.location,
    price: brief.usd_micros_per_hour,
    since,
    spent: Math.ceil(
      (brief.usd_micros_per_hour * Math.max(FAKE_START + 60_000 - Date.parse(since), 60_000)) /
        HOUR,
    ),
    alone_until: null,
    addresses: {
      direct: { host: "203.0.113.24", port: 22_022, user: "root" },
      proxy: { host: "ssh4.example.net", port: 13_402, user: "root" },
    },
    ...part,
  };
}

const ago = (hours: number) => new Date(FAKE_START - hours * HOUR).toISOString();

/** Kept from earlier runs: one that works, one that was halted, one that is lost. */
export function fleet(): MachineView[] {
  return [
    machineView(21, {
      kept: true,
      run: "past0",
      since: ago(2.5),
      alone_until: new Date(FAKE_START + 9.5 * HOUR).toISOString(),
    }),
    machineView(22, {
      kept: true,
      run: "past1",
      gpu: "A100 SXM4",
      num_gpus: 2,
      since: ago(13.9),
      status: { state: "stopped", message: "", dead: false },
    }),
    machineView(24, {
      kept: true,
      run: "past2",
      gpu: "RTX 3090",
      since: ago(17.4),
      status: { state: "offline", message: "host is offline since 11:48", dead: false },
    }),
  ];
}

/** Of another computer of the same owner, and of nobody this app knows. */
export function others(): MachineView[] {
  return [
    machineView(26, {
      ownership: "other-install",
      label: "dumont/p9d2k7qa-b4n8s1x7cz/3",
      run: null,
      lane: null,
      since: ago(1.2),
    }),
    machineView(27, {
      ownership: "foreign",
      label: "training-box",
      run: null,
      lane: null,
      since: ago(40),
    }),
    machineView(28, { ownership: "foreign", label: "", run: null, lane: null, since: ago(3) }),
  ];
}

/** What a machine measures: it breathes with time, and never jumps. */
export function metricsOf(machine: string, gpus: number, now: number): MachineMetrics {
  const seconds = now / 1_000;
  const phase = Number(machine) % 7;
  const wave = (period: number, shift: number) =>
    Math.sin((seconds + phase * 3) / period + shift) * 0.5 + 0.5;
  return {
    at: new Date(FAKE_START + now).toISOString(),
    gpus: Array.from({ length: gpus }, (_, index) => ({
      name: "RTX 4090",
      util_percent: Math.round(62 + 34 * wave(4, index)),
      memory_used_mb: Math.round(17_600 + 1_800 * wave(11, index)),
      memory_mb: 24_564,
      temperature_c: Math.round(58 + 9 * wave(9, index)),
      fan_percent: 48,
      power_w: Math.round(281 + 90 * wave(5, index)),
      power_limit_w: 450,
    })),
    memory_used_bytes: 31.2 * GB,
    memory_bytes: 96 * GB,
    cpu_percent: 38,
    disk_used_bytes: Math.round(18.2 * GB),
    disk_bytes: 40 * GB,
    net_down_bytes: Math.round(7.2 * GB + seconds * 2.1e6),
    net_up_bytes: Math.round(0.4 * GB + seconds * 0.3e6),
  };
}

export const LOG = [
  "pulling vastai/base-image:cuda-12.4.1-auto",
  "status: image is up to date",
  "starting sshd on port 22",
  "dumont: proof is written",
  "dumont: guard started, 300 s without a word end this machine",
  "sshd: accepted key SHA256:q4XnY0w3m1 for root",
];
