// A run that ended without "ready": what failed, what still works, one action.

import { useNavigate } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { ERRORS, type WindowAction } from "../../app/errors";
import { useFormats } from "../../app/format";
import { useShortcut } from "../../app/keys";
import { Page } from "../../app/page";
import { useRun } from "../../app/run";
import { RunSubject } from "../../app/run-subject";
import { winnerOf } from "../../app/spans";
import { useWindowActions } from "../../app/window-actions";
import { Banner, Kbd } from "../../design/parts";
import { totalsOf } from "../race/totals";
import { DestroyMachine } from "../ready/destroy-machine";
import { Receipt } from "../ready/receipt";
import { FolderCard } from "../restore/folder-card";
import { MachineCard } from "../restore/machine-card";
import { Reasons } from "./reasons";
import "../ready/ready.css";
import "./ended.css";

export function EndedScreen() {
  const { t } = useTranslation();
  const f = useFormats();
  const { view } = useRun();
  const navigate = useNavigate();
  const kept = winnerOf(view);
  const cancelled = view.phase === "cancelled";
  const code = view.failure ?? "internal";
  const words = ERRORS[code];
  const sum = totalsOf(view);
  // A restore of its own begins at its snapshot, and rents nothing.
  const raced = view.destination === null;
  const anywhere = useWindowActions();
  const remedy = words.actions.at(-1) as WindowAction;
  const restart = () =>
    raced
      ? navigate({ to: "/launch" })
      : navigate({
          to: "/snapshots",
          ...(view.restore ? { search: { snapshot: view.restore.snapshot } } : {}),
        });
  useShortcut("Enter", kept === null, restart);

  const open = sum.leaving + sum.unconfirmed;
  const fate =
    sum.asked === 0
      ? t("ended.nothingRented")
      : [
          kept ? t("ended.others", { count: sum.out }) : t("ended.machines", { count: sum.out }),
          open ? t("ended.someLeft", { count: open }) : t("ended.allGone"),
          open || sum.confirmedAt === null
            ? ""
            : t("ended.confirmedAt", {
                time: f.clock(new Date(Date.parse(view.started) + sum.confirmedAt)),
              }),
        ]
          .filter(Boolean)
          .join(", ");

  return (
    <Page title={cancelled ? t("ended.cancelled") : t("ended.failed")} subject={<RunSubject />}>
      {view.leftovers.length ? <Leftovers /> : null}
      <div className="ready-hero">
        <div className="min-w-0 max-w-[64ch]">
          <p className="font-semibold text-20">
            {cancelled
              ? t("ended.cancelledAfter", { time: f.seconds(endOf()) })
              : code === "no-machine-ready" && sum.asked
                ? t("ended.nobodyWon", { time: f.seconds(endOf()) })
                : t(words.title)}
          </p>
          {raced ? (
            <p className="text-ink-2">
              {`${fate}. ${t("ended.cost", { money: f.money(view.spent) })}`}
            </p>
          ) : null}
          {cancelled || view.leftovers.length ? null : (
            <p className="text-ink-2">{t(words.body)}</p>
          )}
          {view.details ? <p className="caption selectable mt-1">{view.details}</p> : null}
        </div>
      </div>
      <div className="ready-split">
        <div className="flex flex-col gap-3">
          {kept || !raced ? <Kept /> : null}
          <Reasons title={t("ended.reasons")} />
          <div className="flex flex-wrap gap-2">
            <button type="button" className={kept ? "btn" : "btn primary"} onClick={restart}>
              {raced ? t("ended.again") : t("ended.snapshot")}
              {kept ? null : <Kbd>Enter</Kbd>}
            </button>
            {!cancelled && remedy !== "open-launch" && anywhere[remedy] ? (
              <button type="button" className="btn" onClick={anywhere[remedy]}>
                {t(`errors.actions.${remedy}`)}
              </button>
            ) : null}
          </div>
        </div>
        <aside className="flex flex-col gap-3" aria-label={t("ready.aside")}>
          {sum.asked ? <Receipt kept={kept && !kept.destroyed_confirmed ? 1 : 0} /> : null}
          <FolderCard />
          {kept || !raced ? <MachineCard /> : null}
          {kept ? <DestroyMachine /> : null}
        </aside>
      </div>
    </Page>
  );

  /** When the last lane was lost. */
  function endOf(): number {
    const ends = view.lanes.flatMap(lane => lane.lost_ms ?? []);
    return ends.length ? Math.max(...ends) : view.elapsed_ms;
  }
}

/** Something may still be running: the one thing that is red. */
function Leftovers() {
  const { t } = useTranslation();
  const { view } = useRun();
  return (
    <div className="mb-4">
      <Banner tone="danger" title={t("ended.leftovers", { count: view.leftovers.length })}>
        {t("ended.leftoversBody")}
        <ul className="selectable mt-1 flex flex-wrap gap-x-3">
          {view.leftovers.map(name => (
            <li key={name} className="mono">
              {name}
            </li>
          ))}
        </ul>
      </Banner>
    </div>
  );
}

/** The machine stays: what is there and what is missing. */
function Kept() {
  const { t } = useTranslation();
  const f = useFormats();
  const { view } = useRun();
  const { restore } = view;
  if (!restore) return null;
  return (
    <section className="card">
      <div className="card-head">
        <h2>{view.destination ? t("ended.stays") : t("ended.kept")}</h2>
      </div>
      <div className="card-body">
        {view.kept || !view.destination ? (
          <p className="text-ink-2">
            {view.kept ? t(`ended.keptFor.${view.kept}`) : t("ended.keptBody")}
          </p>
        ) : null}
        <p className="mt-2">
          {t("ended.restored", {
            done: f.bytes(restore.bytes_done),
            all: f.bytes(restore.bytes),
            files: f.count(restore.files_done),
            total: f.count(restore.files),
          })}
        </p>
        {restore.failed.length ? (
          <>
            <h3 className="mt-4 font-semibold text-12">
              {t("ended.missing", { count: restore.failed.length })}
            </h3>
            <ul className="selectable mt-1">
              {restore.failed.map(path => (
                <li key={path} className="mono break-all text-12 text-ink-2">
                  {path}
                </li>
              ))}
            </ul>
          </>
        ) : null}
      </div>
    </section>
  );
}
