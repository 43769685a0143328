import { describe, expect, it } from "vitest";
import type { GpuReading, MachineMetrics } from "../../bindings";
import { remember, sumOf } from "./readings";

const reading = (second: number): MachineMetrics => ({
  at: new Date(second * 1_000).toISOString(),
  gpus: [],
  memory_used_bytes: null,
  memory_bytes: null,
  cpu_percent: null,
  disk_used_bytes: null,
  disk_bytes: null,
  net_down_bytes: null,
  net_up_bytes: null,
});
const gpu = (part: Partial<GpuReading>): GpuReading => ({
  name: "RTX 4090",
  util_percent: null,
  memory_used_mb: null,
  memory_mb: null,
  temperature_c: null,
  fan_percent: null,
  power_w: null,
  power_limit_w: null,
  ...part,
});

describe("readings", () => {
  it("are taken up once, and only the last ones kept", () => {
    let kept: MachineMetrics[] = [];
    for (let second = 0; second < 100; second++) kept = remember(kept, reading(second));
    expect(kept).toHaveLength(60);
    expect(kept.at(-1)?.at).toBe(reading(99).at);
    expect(remember(kept, reading(99))).toHaveLength(60);
  });

  it("of several GPUs are one", () => {
    const sum = sumOf([
      gpu({ util_percent: 90, memory_used_mb: 10, memory_mb: 24, temperature_c: 61 }),
      gpu({ util_percent: 50, memory_used_mb: 4, memory_mb: 24, temperature_c: 70 }),
    ]);
    expect(sum).toMatchObject({ util: 70, usedMb: 14, totalMb: 48, temperature: 70, powerW: null });
    expect(sumOf([])).toMatchObject({ util: null, usedMb: null });
    expect(sumOf([gpu({ util_percent: 3 }), gpu({})]).util).toBeNull();
  });
});
