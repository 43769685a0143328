// The made-up market the fake host rents from.

import type { CloudId, HostRecord, LaneBrief } from "../../bindings";

/** `cloud gpu-host place price median recent` of one machine, in lane order. */
type Row = [CloudId, string, string, number, number | null, string];

const ROWS: Row[] = [
  ["vast", "18211", "Montréal, CA", 392, 14_200, "00010000"],
  ["vast", "30977", "Oslo, NO", 415, 9_100, "11011101"],
  ["vast", "9043", "Dallas, US", 368, 12_000, "0010010"],
  ["runpod", "EU-RO-1", "EU-RO-1", 440, 13_900, "00100"],
  ["vast", "41120", "Seoul, KR", 355, null, ""],
  ["vast", "22018", "Kraków, PL", 407, 12_800, "010110"],
  ["runpod", "US-KS-2", "US-KS-2", 440, 14_800, "00100100"],
  ["vast", "24873", "Wilmington, US", 412, 9_700, "11111011"],
  ["vast", "51177", "Sofia, BG", 338, 11_600, "01"],
  ["vast", "37754", "Phoenix, US", 399, 11_200, "10010110"],
  ["vast", "28840", "Helsinki, FI", 421, 10_200, "1011011"],
  ["vast", "6120", "Tokyo, JP", 449, 13_300, "01010"],
  ["runpod", "CA-MTL-3", "CA-MTL-3", 440, 15_100, "000"],
  ["vast", "60442", "Lyon, FR", 401, null, ""],
  ["vast", "33081", "Austin, US", 389, 11_700, "00101001"],
  ["vast", "12006", "Denver, US", 402, 10_900, "110101"],
  ["vast", "70315", "Porto, PT", 377, 12_200, "0110"],
  ["runpod", "EU-SE-1", "EU-SE-1", 440, 13_200, "0101"],
  ["vast", "45900", "Osaka, JP", 431, null, ""],
  ["vast", "19238", "Leeds, GB", 396, 11_000, "1101"],
  ["vast", "55121", "Quito, EC", 349, 14_900, "0001"],
  ["vast", "27740", "Turin, IT", 384, 12_500, "01101"],
  ["vast", "81003", "Boise, US", 408, 9_900, "111011"],
  ["vast", "39417", "Gent, BE", 412, 10_400, "1011"],
  ["runpod", "US-GA-1", "US-GA-1", 440, 14_100, "0010"],
  ["vast", "64208", "Brno, CZ", 391, null, ""],
  ["vast", "50083", "Tampa, US", 379, 12_700, "0101"],
  ["vast", "23311", "Lima, PE", 344, 15_300, "00"],
  ["vast", "71590", "Riga, LV", 387, 11_900, "101"],
  ["vast", "36672", "Omaha, US", 404, 10_700, "1101"],
];

/** Machines in the market. */
export const LANES = ROWS.length;

/** The machine that stands in a lane; the market is a ring. */
export function briefFor(lane: number, gpu = "RTX 4090"): LaneBrief {
  const index = (lane - 1) % ROWS.length;
  const row = ROWS[index] ?? ROWS[0];
  if (!row) throw new Error("the market is empty");
  const [cloud, host, location, mills, median, recent] = row;
  return {
    lane,
    cloud,
    offer: `${14_402_000 + lane * 71}`,
    host: cloud === "vast" ? host : null,
    owner: cloud === "vast" ? `${5_000 + index * 13}` : null,
    gpu,
    num_gpus: 1,
    location,
    usd_micros_per_hour: mills * 1_000,
    inet_down_mbps: 3_100 - index * 60,
    history: recordOf(median, recent),
  };
}

function recordOf(median: number | null, recent: string): HostRecord | null {
  if (median === null) return null;
  const inTime = [...recent].map(seen => seen === "1");
  return {
    lanes: recent.length,
    wins: inTime.filter(Boolean).length,
    failures: 0,
    median_ready_ms: median,
    p90_ready_ms: median + 5_000,
    recent: inTime,
    rests_until: null,
    standing: median < 10_000 ? "preferred" : "none",
  };
}

/** Prices of the market per hour, cheapest first, in micro-dollars. */
export const PRICES: number[] = [
  294, 301, 309, 317, 322, 325, 331, 334, 338, 341, 344, 347, 349, 352, 355, 357, 360, 363, 366,
  368, 372, 375, 377, 379, 381, 384, 387, 389, 391, 392, 394, 396, 399, 401, 402, 404, 407, 408,
  410, 412, 412, 415, 417, 421, 425, 429, 431, 440, 440, 440, 445, 449, 455, 462, 470, 481, 494,
  510, 528, 551, 580, 610, 625, 640, 655, 690, 710, 735, 760, 800, 840, 890, 930, 980, 1_040, 1_120,
  1_190,
].map(mills => mills * 1_000);
