// What runs, what an hour of it costs, and the month so far.

import { useSyncExternalStore } from "react";
import { useTranslation } from "react-i18next";
import { useFormats } from "./format";
import { useBlind } from "./guard";
import { useInfo, useMachines, useSpend } from "./queries";
import { isOver } from "./run-store";
import { useCurrentRun, useHost, useSession } from "./session";

export function CostCard({ rail }: { rail: boolean }) {
  const { t } = useTranslation();
  const f = useFormats();
  const now = useHost().clock.wall();
  const practice = useInfo().data?.practice ?? false;
  const list = useMachines();
  const machines = (list.data ?? []).filter(machine => machine.ownership === "ours");
  const spend = useSpend().data;
  const live = useLiveCost();
  const price = live?.price ?? machines.reduce((sum, machine) => sum + machine.price, 0);
  const count = live?.machines ?? machines.length;
  // A cloud that does not answer may bill all the same.
  const blind = useBlind() || list.error !== null;
  const known = live !== null || (list.data !== undefined && !blind);
  const hourly = known ? f.money(price) : "–";
  if (rail) {
    return (
      <div className="burn" title={blind && !known ? t("app.runningUnknown") : undefined}>
        <b className="font-semibold text-12">{hourly}</b>
        <br />
        <span className="text-ink-3">{t("app.perHour")}</span>
      </div>
    );
  }
  const cap = spend?.caps.month ?? null;
  return (
    <div className="burn">
      <div className="flex flex-wrap items-baseline gap-x-2">
        <b className="font-semibold text-14">{hourly}</b>
        <span className="text-12 text-ink-3">/h</span>
        <span className="flex-1" />
        <span className="text-12 text-ink-3">
          {known ? t("app.running", { count }) : blind ? t("app.runningUnknown") : ""}
        </span>
      </div>
      {spend && !practice ? (
        <>
          {cap ? (
            <div
              className={spend.month >= cap * 0.8 ? "gauge warn mt-2" : "gauge grey mt-2"}
              aria-hidden="true"
            >
              <i style={{ width: `${Math.min(spend.month / cap, 1) * 100}%` }} />
            </div>
          ) : null}
          <div className="mt-[6px] flex flex-wrap gap-x-2 text-11 text-ink-3">
            <span>{f.month(new Date(now))}</span>
            <span className="flex-1" />
            <span>
              {cap
                ? t("app.spentOf", { spent: f.money(spend.month), cap: f.dollars(cap) })
                : f.money(spend.month)}
            </span>
          </div>
        </>
      ) : null}
    </div>
  );
}

/** During a run its facts are newer than the list of machines. */
function useLiveCost(): { price: number; machines: number } | null {
  const session = useSession();
  const run = useCurrentRun();
  const store = run ? session.run(run) : null;
  const view = useSyncExternalStore(
    listener => store?.subscribe(listener) ?? (() => {}),
    () => store?.getSnapshot().view ?? null,
  );
  if (!view || isOver(view)) return null;
  const machines = view.lanes.filter(
    lane => lane.rented === "yes" && !lane.destroyed_confirmed,
  ).length;
  return { price: view.price, machines };
}
