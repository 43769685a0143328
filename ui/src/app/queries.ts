// Questions to the engine and how long their answers keep.

import { type QueryClient, queryOptions, useQuery } from "@tanstack/react-query";
import type { LaunchRequest } from "../bindings";
import type { Host } from "../host";
import { useHost } from "./session";

/** How many runs of history are asked for: enough to find a recipe's best. */
const HISTORY = 50;

export const queries = {
  info: (host: Host) =>
    queryOptions({ queryKey: ["info"], queryFn: () => host.appInfo(), staleTime: Infinity }),
  recipes: (host: Host) =>
    queryOptions({ queryKey: ["recipes"], queryFn: () => host.recipesList() }),
  snapshots: (host: Host) =>
    queryOptions({ queryKey: ["snapshots"], queryFn: () => host.snapshotsList() }),
  runs: (host: Host) => queryOptions({ queryKey: ["runs"], queryFn: () => host.runsList(HISTORY) }),
  machines: (host: Host) =>
    queryOptions({
      queryKey: ["machines"],
      queryFn: () => host.machinesList(),
      refetchInterval: 15_000,
    }),
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

/** After a run changed what there is. */
export function refreshRecords(client: QueryClient) {
  return Promise.all(
    [["runs"], ["machines"]].map(queryKey => client.invalidateQueries({ queryKey })),
  );
}
