// Questions to the engine and how long their answers keep.

import { type QueryClient, queryOptions, useQuery } from "@tanstack/react-query";
import type { LaunchRequest, MachineId, OfferFilter, SnapshotId } from "../bindings";
import type { Host } from "../host";
import { useHost } from "./session";

/** How many runs of history are asked for: enough to find a recipe's best. */
const HISTORY = 50;
/** A machine that is looked at is measured this often. */
const MEASURE_MS = 2_000;

export const queries = {
  info: (host: Host) =>
    queryOptions({ queryKey: ["info"], queryFn: () => host.appInfo(), staleTime: Infinity }),
  recipes: (host: Host) =>
    queryOptions({ queryKey: ["recipes"], queryFn: () => host.recipesList() }),
  snapshots: (host: Host) =>
    queryOptions({ queryKey: ["snapshots"], queryFn: () => host.snapshotsList() }),
  pruneHint: (host: Host) =>
    queryOptions({ queryKey: ["snapshots", "prune"], queryFn: () => host.pruneHint() }),
  tree: (host: Host, snapshot: SnapshotId, folder: string) =>
    queryOptions({
      queryKey: ["tree", snapshot, folder],
      queryFn: () => host.snapshotTree(snapshot, folder),
      // A snapshot never changes.
      staleTime: Infinity,
    }),
  count: (host: Host, snapshot: SnapshotId, paths: string[]) =>
    queryOptions({
      queryKey: ["count", snapshot, paths],
      queryFn: () => host.snapshotCount(snapshot, paths),
      staleTime: Infinity,
    }),
  countEach: (host: Host, snapshot: SnapshotId, paths: string[]) =>
    queryOptions({
      queryKey: ["count-each", snapshot, paths],
      queryFn: () => host.snapshotCountEach(snapshot, paths),
      staleTime: Infinity,
    }),
  runs: (host: Host) => queryOptions({ queryKey: ["runs"], queryFn: () => host.runsList(HISTORY) }),
  machines: (host: Host) =>
    queryOptions({
      queryKey: ["machines"],
      queryFn: () => host.machinesList(),
      refetchInterval: 15_000,
    }),
  metrics: (host: Host, machine: MachineId) =>
    queryOptions({
      queryKey: ["metrics", machine],
      queryFn: () => host.machineMetrics(machine),
      refetchInterval: MEASURE_MS,
    }),
  logs: (host: Host, machine: MachineId, lines: number) =>
    queryOptions({
      queryKey: ["logs", machine],
      queryFn: () => host.machineLogs(machine, lines),
      refetchInterval: 5_000,
    }),
  leftovers: (host: Host) =>
    queryOptions({
      queryKey: ["leftovers"],
      queryFn: () => host.leftovers(),
      refetchInterval: 30_000,
    }),
  guard: (host: Host) =>
    queryOptions({ queryKey: ["guard"], queryFn: () => host.guard(), refetchInterval: 15_000 }),
  spend: (host: Host) =>
    queryOptions({ queryKey: ["spend"], queryFn: () => host.spend(), refetchInterval: 30_000 }),
  hosts: (host: Host) => queryOptions({ queryKey: ["hosts"], queryFn: () => host.hostsList() }),
  offers: (host: Host, filter: OfferFilter) =>
    queryOptions({
      queryKey: ["offers", filter],
      queryFn: () => host.offersSearch(filter, "rank"),
      staleTime: 50_000,
    }),
  settings: (host: Host) =>
    queryOptions({ queryKey: ["settings"], queryFn: () => host.settingsGet() }),
  secrets: (host: Host) =>
    queryOptions({ queryKey: ["secrets"], queryFn: () => host.secretsList() }),
  estimate: (host: Host, request: LaunchRequest) =>
    queryOptions({
      queryKey: ["estimate", request],
      queryFn: () => host.launchEstimate(request),
      // Offers count as fresh for a minute (rules R3).
      staleTime: 50_000,
      refetchInterval: 60_000,
    }),
};

export const useInfo = () => useQuery(queries.info(useHost()));
export const useRuns = () => useQuery(queries.runs(useHost()));
export const useMachines = () => useQuery(queries.machines(useHost()));
export const useRecipes = () => useQuery(queries.recipes(useHost()));
export const useSpend = () => useQuery(queries.spend(useHost()));
export const useSnapshots = () => useQuery(queries.snapshots(useHost()));

/** After a run changed what there is. */
export function refreshRecords(client: QueryClient) {
  return Promise.all(
    [["runs"], ["machines"], ["spend"], ["leftovers"], ["guard"], ["hosts"]].map(queryKey =>
      client.invalidateQueries({ queryKey }),
    ),
  );
}
