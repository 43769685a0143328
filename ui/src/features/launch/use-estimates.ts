// What the engine says about the form as it stands now. An answer belongs to
// the question it was given for: as soon as the form differs, its figures are
// gone, and only what does not depend on the change stays in sight.

import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { queries } from "../../app/queries";
import { useHost } from "../../app/session";
import type { Estimate, RacePolicy, Rate, SnapshotView } from "../../bindings";
import { type Draft, requestOf } from "./draft";
import { useSettled } from "./use-settled";

/** How long a change must rest before the engine is asked again. */
const SETTLE_MS = 250;

export interface Estimates {
  /** The chosen policy's; absent while another question is open. */
  estimate: Estimate | undefined;
  /** Each policy's, as far as they have come. */
  estimates: Record<RacePolicy, Estimate | undefined>;
  /** The snapshot the form's selector means. */
  snapshot: SnapshotView | null;
  /** What the market asked for last, and whether it was the form's market. */
  prices: Rate[];
  otherMarket: boolean;
  /** There were boots of our own to predict from, the last time. */
  history: boolean;
  error: Error | null;
  retry: () => void;
}

/** The chosen policy's estimate first; the other two once it has come. */
export function useEstimates(draft: Draft): Estimates {
  const host = useHost();
  const settled = useSettled(draft, SETTLE_MS);
  const current = settled === draft;
  const main = useQuery(queries.estimate(host, requestOf(settled)));
  const ready = current && main.isSuccess;
  const estimate = ready ? main.data : undefined;
  const others: Record<RacePolicy, Estimate | undefined> = {
    strict: useOther(settled, "strict", ready),
    "keep-racing": useOther(settled, "keep-racing", ready),
    "all-at-once": useOther(settled, "all-at-once", ready),
  };

  const last = useRef<{ draft: Draft; estimate: Estimate } | null>(null);
  useEffect(() => {
    if (estimate) last.current = { draft, estimate };
  }, [draft, estimate]);
  const before = estimate ? { draft, estimate } : last.current;
  const sameSnapshot = before && snapshotKey(before.draft) === snapshotKey(draft);
  return {
    estimate,
    estimates: ready ? { ...others, [draft.policy ?? "strict"]: estimate } : NONE,
    snapshot: sameSnapshot ? before.estimate.snapshot : null,
    prices: before?.estimate.prices ?? [],
    otherMarket: before !== null && marketKey(before.draft) !== marketKey(draft),
    history: before?.estimate.shell != null,
    error: current ? main.error : null,
    retry: () => main.refetch(),
  };
}

const NONE: Estimates["estimates"] = {
  strict: undefined,
  "keep-racing": undefined,
  "all-at-once": undefined,
};

function useOther(draft: Draft, policy: RacePolicy, ready: boolean): Estimate | undefined {
  const host = useHost();
  return useQuery({
    ...queries.estimate(host, requestOf({ ...draft, policy })),
    enabled: ready && policy !== (draft.policy ?? "strict"),
  }).data;
}

/** What decides which snapshot a selector means. */
const snapshotKey = ({ name, snapshot, paths }: Draft) => JSON.stringify([name, snapshot, paths]);

/** What decides which prices there are: the cap only cuts them. */
const marketKey = ({ filter, disk_gb }: Draft) =>
  JSON.stringify([{ ...filter, max_price: null }, disk_gb]);
