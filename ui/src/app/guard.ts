// Whether it is known what runs on each cloud (rules.md M8): a list that was
// never read, or is not read now, may hide a machine that costs money.

import { useQuery } from "@tanstack/react-query";
import type { AppError, CloudId, Code } from "../bindings";
import { hostError } from "../host";
import { queries, useInfo, useMachines } from "./queries";
import { useHost } from "./session";

/** With one of these nobody can be asked what runs. */
const BLIND: Code[] = [
  "keychain-locked",
  "keychain-absent",
  "cloud-key-refused",
  "ledger-unusable",
];

/** The practice cloud that stands in then knows nothing of real machines. */
export function useBlind(): boolean {
  return useInfo().data?.problems.some(({ code }) => BLIND.includes(code)) ?? false;
}

export interface CloudGuard {
  cloud: CloudId;
  /** A key of it is kept; without one nothing of ours runs there. */
  set: boolean;
  /** When its list was last read. */
  last: number | null;
  /** Why it is not known now. */
  problem: AppError | null;
}

export function useGuards(): CloudGuard[] {
  const host = useHost();
  const info = useInfo().data;
  const machines = useMachines();
  const real = info?.practice === false;
  // The query's own clock is the system's; ours may be another in tests.
  const { wall } = host.clock;
  const secrets = useQuery({ ...queries.secrets(host), enabled: real });
  if (!real || !secrets.data) return [];
  const problem = machines.error ? hostError(machines.error).app : null;
  return info.clouds.map(cloud => {
    const set = secrets.data.some(
      ({ set, secret }) => set && secret.kind === "cloud-key" && secret.cloud === cloud,
    );
    return {
      cloud,
      set,
      last: set && machines.dataUpdatedAt ? wall() - (Date.now() - machines.dataUpdatedAt) : null,
      problem: set ? problem : null,
    };
  });
}
