// Whether it is known what runs on each cloud (rules.md M8): a list that was
// never read, or cannot be read now, may hide a machine that costs money.

import { useQuery } from "@tanstack/react-query";
import type { AppError, CloudId, Code } from "../bindings";
import { hostError } from "../host";
import { queries, useInfo } from "./queries";
import { useHost } from "./session";

/** With one of these nobody can be asked what runs. */
const BLIND: Code[] = [
  "keychain-locked",
  "keychain-absent",
  "cloud-key-refused",
  "ledger-unusable",
];

export interface Guard {
  cloud: CloudId;
  /** Without a key nothing of ours runs there. */
  set: boolean;
  /** When its list was last read against the ledger. */
  last: string | null;
  /** Why it is not known now. */
  problem: AppError | null;
}

/** Each cloud; nothing in practice, which costs nothing. */
export function useGuards(): Guard[] {
  const info = useInfo().data;
  const { view, error } = useGuard();
  if (info?.practice !== false || (!view && !error)) return [];
  return info.clouds.map(cloud => {
    const known = view?.clouds.find(guard => guard.cloud === cloud);
    return {
      cloud,
      set: known !== undefined || error !== null,
      last: known?.last ?? null,
      problem: known?.problem ?? (error ? hostError(error).app : null),
    };
  });
}

/** Winners that are being reached again after a start. */
export const useResuming = () => useGuard().view?.resuming ?? 0;

/**
 * Nobody can say what runs: of some cloud, or of all. The practice cloud that
 * stands in then knows nothing of real machines.
 */
export function useBlind(): boolean {
  const problems = useInfo().data?.problems ?? [];
  const guards = useGuards();
  return (
    problems.some(({ code }) => BLIND.includes(code)) ||
    guards.some(guard => guard.problem !== null)
  );
}

function useGuard() {
  const host = useHost();
  const real = useInfo().data?.practice === false;
  const { data, error } = useQuery({ ...queries.guard(host), enabled: real });
  return { view: data, error };
}
