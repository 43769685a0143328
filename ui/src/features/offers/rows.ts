// Filtering and sorting what the clouds returned: pure, and fast enough to
// answer within a frame. The server filters too; this repeats it at once, and
// adds what no server knows.

import type { OfferFilter, OfferRow, OwnFilter } from "../../bindings";

export type Column =
  | "rank"
  | "gpu"
  | "count"
  | "vram"
  | "price"
  | "value"
  | "reliability"
  | "down"
  | "up"
  | "disk"
  | "cuda"
  | "place"
  | "ports"
  | "traffic"
  | "boots";

export interface Order {
  column: Column;
  descending: boolean;
}

/** Deep-learning performance per dollar and hour. */
export function worthOf({ offer }: OfferRow): number {
  return offer.price > 0 ? (offer.dlperf ?? 0) / (offer.price / 1e6) : 0;
}

export const isBlocked = (row: OfferRow) => row.history?.standing === "blocked";
export const isPreferred = (row: OfferRow) => row.history?.standing === "preferred";

type Maybe = number | null | undefined;

const least = (bound: Maybe, value: Maybe) => bound == null || (value ?? 0) >= bound;
const most = (bound: Maybe, value: Maybe) => bound == null || (value ?? Infinity) <= bound;

/** Whether an offer passes everything the filters ask for. */
export function passes(row: OfferRow, filter: OfferFilter, own: OwnFilter): boolean {
  const { offer, history } = row;
  return (
    (filter.gpu == null || offer.gpu === filter.gpu) &&
    (filter.num_gpus == null || offer.num_gpus === filter.num_gpus) &&
    least(filter.min_gpu_ram_mb, offer.gpu_ram_mb) &&
    most(filter.max_price, offer.price) &&
    most(filter.max_down_usd_micros_per_gb, offer.down_usd_micros_per_gb) &&
    least(filter.min_reliability, offer.reliability) &&
    least(filter.min_inet_down_mbps, offer.inet_down_mbps) &&
    least(filter.min_inet_up_mbps, offer.inet_up_mbps) &&
    least(filter.disk_gb, offer.disk_gb) &&
    least(filter.min_disk_bw_mb_s, offer.disk_bw_mb_s) &&
    least(filter.min_cpu_cores, offer.cpu_cores) &&
    least(filter.min_cpu_ram_mb, offer.cpu_ram_mb) &&
    least(filter.min_cuda, offer.cuda_max) &&
    least(filter.min_compute_cap, offer.compute_cap) &&
    least(filter.min_duration_s, offer.duration_s) &&
    (!filter.countries?.length ||
      (offer.country !== null && filter.countries.includes(offer.country))) &&
    (!filter.verified_only || offer.verification === "verified") &&
    (!filter.datacenter_only || offer.datacenter) &&
    (!filter.direct_only || offer.direct_ports > 0) &&
    (!filter.static_ip_only || offer.static_ip) &&
    (!filter.clouds?.length || filter.clouds.includes(offer.cloud)) &&
    most(own.max_ready_ms, history?.median_ready_ms) &&
    least(own.min_value, worthOf(row)) &&
    least(own.min_pcie_bw_gb_s, offer.pcie_bw_gb_s) &&
    least(own.min_direct_ports, offer.direct_ports)
  );
}

const UNKNOWN = Number.MAX_SAFE_INTEGER;

/** What a row is sorted by; of the rank the clouds' own order. */
function keyOf(row: OfferRow, column: Column, index: number): number | string {
  const { offer } = row;
  switch (column) {
    case "rank":
      return index;
    case "gpu":
      return offer.gpu;
    case "count":
      return offer.num_gpus;
    case "vram":
      return offer.gpu_ram_mb;
    case "price":
      return offer.price;
    case "value":
      return worthOf(row);
    case "reliability":
      return offer.reliability ?? UNKNOWN;
    case "down":
      return offer.inet_down_mbps ?? UNKNOWN;
    case "up":
      return offer.inet_up_mbps ?? UNKNOWN;
    case "disk":
      return offer.disk_bw_mb_s ?? UNKNOWN;
    case "cuda":
      return offer.cuda_max ?? UNKNOWN;
    case "place":
      return offer.location;
    case "ports":
      return offer.direct_ports;
    case "traffic":
      return offer.down_usd_micros_per_gb;
    case "boots":
      return row.history?.median_ready_ms ?? UNKNOWN;
  }
}

/** The rows that pass, in this order; blocked hosts last, what is equal in rank's order. */
export function arrange(
  rows: OfferRow[],
  filter: OfferFilter,
  own: OwnFilter,
  order: Order,
): OfferRow[] {
  const kept: { row: OfferRow; key: number | string; index: number; last: boolean }[] = [];
  for (const [index, row] of rows.entries()) {
    if (!passes(row, filter, own)) continue;
    kept.push({ row, key: keyOf(row, order.column, index), index, last: isBlocked(row) });
  }
  const sign = order.descending ? -1 : 1;
  kept.sort((a, b) => {
    if (a.last !== b.last) return a.last ? 1 : -1;
    if (a.key === b.key) return a.index - b.index;
    // What is not known is no extreme.
    if (a.key === UNKNOWN) return 1;
    if (b.key === UNKNOWN) return -1;
    return a.key < b.key ? -sign : sign;
  });
  return kept.map(({ row }) => row);
}

/** As many as a race has lanes, one for each physical machine, none blocked. */
export function bestOf(rows: OfferRow[], count: number): string[] {
  const hosts = new Set<string>();
  const best: string[] = [];
  for (const row of rows) {
    if (best.length === count) break;
    if (isBlocked(row)) continue;
    const host = row.offer.host;
    if (host !== null) {
      const name = `${row.offer.cloud} ${host}`;
      if (hosts.has(name)) continue;
      hosts.add(name);
    }
    best.push(row.offer.id);
  }
  return best;
}

/** How many of the filters say something. */
export function countSet(filter: OfferFilter, own: OwnFilter): number {
  const said = (value: unknown) =>
    Array.isArray(value)
      ? value.length > 0
      : value !== null && value !== undefined && value !== false;
  return [...Object.values(filter), ...Object.values(own)].filter(said).length;
}
