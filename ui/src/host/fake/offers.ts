// The made-up market as a list of offers: the same machines that race, and any
// number of others, dealt without chance.

import type { Offer, OfferRow } from "../../bindings";
import { briefFor, LANES } from "./market";

const GPUS: [string, number, number, number][] = [
  // Name, memory in MB, benchmark figure, price factor.
  ["RTX 4090", 24_564, 108, 1],
  ["RTX 5090", 32_607, 190, 1.42],
  ["RTX 3090", 24_576, 62, 0.56],
  ["A100 SXM4", 81_920, 178, 2.6],
  ["H100 SXM", 81_559, 340, 5.2],
];
/** The market's own blocked host. */
const BLOCKED = 19;

/** A figure between 0 and 1 that belongs to two numbers. */
function dice(one: number, other: number): number {
  const x = Math.sin(one * 127.1 + other * 311.7) * 43_758.5453;
  return x - Math.floor(x);
}

/** The offer number `index`, best first. */
function row(index: number): OfferRow {
  const lane = (index % LANES) + 1;
  const round = Math.floor(index / LANES);
  const brief = briefFor(lane);
  const [gpu, memory, perf, factor] = GPUS[round === 0 ? 0 : (index * 7) % GPUS.length] ??
    GPUS[0] ?? ["", 0, 0, 1];
  const price = Math.round(brief.usd_micros_per_hour * factor * (1 + round * 0.013));
  const known = round === 0;
  const offer: Offer = {
    cloud: brief.cloud,
    id: known ? brief.offer : `${15_000_000 + index}`,
    host: known ? brief.host : `${90_000 + index}`,
    owner: known ? brief.owner : `${7_000 + (index % 900)}`,
    gpu,
    num_gpus: round > 1 && index % 9 === 0 ? 2 : 1,
    gpu_ram_mb: memory,
    gpu_mem_bw_gb_s: 900,
    compute_cap: 890,
    cuda_max: [12.4, 12.6, 12.8, 12.9][Math.floor(dice(index, 1) * 4)] ?? 12.8,
    driver: "570.124.06",
    dlperf: perf * (0.9 + dice(index, 2) * 0.2),
    tflops: 82,
    score: 100 - index,
    price,
    gpu_price: price,
    disk_usd_micros_per_gb_month: 150_000,
    down_usd_micros_per_gb: Math.round(dice(index, 3) * 18) * 1_000,
    up_usd_micros_per_gb: 2_000,
    inet_down_mbps: Math.round(600 + dice(index, 4) * 4_400),
    inet_up_mbps: Math.round(300 + dice(index, 5) * 3_900),
    disk_gb: Math.round(60 + dice(index, 6) * 900),
    disk_bw_mb_s: Math.round(1_200 + dice(index, 7) * 5_000),
    cpu: "EPYC 7543",
    cpu_cores: 8 * (1 + Math.floor(dice(index, 8) * 6)),
    cpu_ghz: 2.8,
    cpu_arch: "amd64",
    cpu_ram_mb: 16_384 * (1 + Math.floor(dice(index, 9) * 8)),
    pcie_bw_gb_s: 10 + dice(index, 10) * 16,
    // RunPod does not tell.
    reliability: brief.cloud === "runpod" ? null : 0.98 + dice(index, 11) * 0.0199,
    verification: dice(index, 12) > 0.16 ? "verified" : "unverified",
    datacenter: brief.cloud === "runpod" || dice(index, 13) > 0.66,
    location: brief.location,
    country: brief.location.split(", ")[1] ?? null,
    direct_ports: Math.round(4 + dice(index, 14) * 60),
    static_ip: dice(index, 15) > 0.5,
    duration_s: Math.round(86_400 * (1 + dice(index, 16) * 40)),
  };
  const blocked = index === BLOCKED;
  const history = known
    ? brief.history && {
        ...brief.history,
        standing: blocked ? ("blocked" as const) : brief.history.standing,
      }
    : null;
  return { offer, history, too_slow: (offer.inet_down_mbps ?? 0) < 640 };
}

export function offerRows(count: number): OfferRow[] {
  return Array.from({ length: count }, (_, index) => row(index));
}
