// What machines measured of themselves lately, for the small charts. Kept while
// the window is open, whatever screen is shown.

import { useQuery } from "@tanstack/react-query";
import { queries } from "../../app/queries";
import { useHost } from "../../app/session";
import type { GpuReading, MachineId, MachineMetrics } from "../../bindings";

/** Two minutes of readings. */
const KEPT = 60;

const past = new Map<MachineId, MachineMetrics[]>();

/** Takes a reading up, once. */
export function remember(
  readings: readonly MachineMetrics[],
  reading: MachineMetrics,
): MachineMetrics[] {
  if (readings.at(-1)?.at === reading.at) return [...readings];
  return [...readings.slice(1 - KEPT), reading];
}

export function useReadings(machine: MachineId, enabled: boolean) {
  const host = useHost();
  const query = useQuery({ ...queries.metrics(host, machine), enabled });
  if (query.data) past.set(machine, remember(past.get(machine) ?? [], query.data));
  return { readings: past.get(machine) ?? [], error: query.error, refetch: query.refetch };
}

export interface GpuSum {
  util: number | null;
  usedMb: number | null;
  totalMb: number | null;
  powerW: number | null;
  limitW: number | null;
  temperature: number | null;
}

/** Several GPUs as one: shares on average, amounts in sum, the hottest. */
export function sumOf(gpus: GpuReading[]): GpuSum {
  const told = (pick: (gpu: GpuReading) => number | null) => {
    const all = gpus.map(pick).filter((value): value is number => value !== null);
    return all.length === gpus.length && all.length ? all : null;
  };
  const sum = (all: number[] | null) => all?.reduce((total, value) => total + value, 0) ?? null;
  const utils = told(gpu => gpu.util_percent);
  const heat = told(gpu => gpu.temperature_c);
  return {
    util: utils && (sum(utils) ?? 0) / utils.length,
    usedMb: sum(told(gpu => gpu.memory_used_mb)),
    totalMb: sum(told(gpu => gpu.memory_mb)),
    powerW: sum(told(gpu => gpu.power_w)),
    limitW: sum(told(gpu => gpu.power_limit_w)),
    temperature: heat && Math.max(...heat),
  };
}
