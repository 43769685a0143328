// Ready: how long it took, where the seconds went, what it cost, what is kept.

import { Check } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useFormats } from "../../app/format";
import { useElapsed } from "../../app/live";
import { Page } from "../../app/page";
import { useRuns } from "../../app/queries";
import { useRun } from "../../app/run";
import { winnerOf, winnerSpans } from "../../app/spans";
import type { RunSummary } from "../../bindings";
import { Axis, Gridlines } from "../../design/axis";
import { Icon } from "../../design/icon";
import { Mark } from "../../design/mark";
import { scaleFor } from "../../design/scale";
import { TimeBar } from "../../design/time-bar";
import { Reasons } from "../ended/reasons";
import { Destination } from "../restore/destination";
import { FolderCard } from "../restore/folder-card";
import { MachineCard, useListedMachine } from "../restore/machine-card";
import { DestroyMachine } from "./destroy-machine";
import { GpuCard } from "./gpu-card";
import { OpenMachine } from "./open-machine";
import { isCharged, Receipt } from "./receipt";
import { ScriptCard } from "./script-card";
import { usualOf } from "./usual";
import "../ended/ended.css";
import "../restore/restore.css";
import "./ready.css";

export function ReadyScreen() {
  const { t } = useTranslation();
  const { view } = useRun();
  const lane = winnerOf(view);
  const gone = lane?.destroyed_confirmed === true;
  const raced = view.destination === null;
  return (
    <Page
      title={view.title}
      subject={
        <span className="flex min-w-0 flex-wrap items-center gap-x-2">
          <span className={gone ? "tag" : "tag accent"}>
            <Icon of={Check} size={12} />
            {gone ? t("ready.destroyed") : t("ready.tag")}
          </span>
          {view.restore ? (
            <span className="mono text-ink-2" title={view.restore.snapshot}>
              {view.restore.snapshot.slice(0, 8)}
            </span>
          ) : null}
          <Destination />
          {view.practice ? <span className="tag accent">{t("app.practice")}</span> : null}
        </span>
      }
    >
      <ReadyHero />
      {gone ? null : <OpenMachine />}
      <div className="ready-split">
        <div className="flex flex-col gap-3">
          {gone ? null : <GpuCard />}
          <WhereItWent />
          <div className="ready-pair">
            <CostCard />
            <RestoredCard />
          </div>
          <ScriptCard />
          <Reasons title={t("ready.others")} />
        </div>
        <aside className="flex flex-col gap-3" aria-label={t("ready.aside")}>
          {raced ? <Receipt kept={gone ? 0 : 1} /> : null}
          <FolderCard />
          <MachineCard />
          <DestroyMachine />
        </aside>
      </div>
    </Page>
  );
}

const MARKS = ["shell", "critical", "complete"] as const;

function ReadyHero() {
  const { t } = useTranslation();
  const f = useFormats();
  const { view } = useRun();
  const runs = useRuns();
  const raced = view.destination === null;
  const usual = raced ? usualOf(runs.data ?? [], view) : null;
  const { marks } = view;
  const total = marks.complete_ms ?? 0;
  const difference = usual ? total - usual.median_ms : 0;
  return (
    <div className="ready-hero">
      <div>
        <div className="text-ink-2">{t("ready.readyIn")}</div>
        <div className="clock">
          {f.tenths(total)}
          <small>s</small>
        </div>
      </div>
      {usual ? (
        <div className="pb-[6px]">
          <b className="font-semibold text-16">
            {difference > 0
              ? t("ready.slower", { time: f.seconds(difference) })
              : t("ready.faster", { time: f.seconds(-difference) })}
          </b>
          <div className="caption">
            {t("ready.best", { time: f.seconds(usual.best_ms), count: usual.runs })}
          </div>
        </div>
      ) : null}
      <ul className="ready-marks">
        {(raced ? MARKS : MARKS.slice(-1)).map(name => (
          <li key={name}>
            <Mark name={name} state="reached" />
            <b>{f.seconds(marks[`${name}_ms`] ?? 0)}</b>
            <span>{t(`app.marks.${name}`)}</span>
          </li>
        ))}
      </ul>
    </div>
  );
}

function WhereItWent() {
  const { t } = useTranslation();
  const f = useFormats();
  const { view } = useRun();
  const runs = useRuns();
  const raced = view.destination === null;
  const best = raced ? bestOther(runs.data ?? [], view.run, view.title) : null;
  const total = view.marks.complete_ms ?? 0;
  const spans = winnerSpans(view, total);
  const scale = scaleFor(Math.max(total, best?.marks.complete_ms ?? 0) * 1.02, 12);
  const marks = view.marks;
  return (
    <section className="card">
      <div className="card-head">
        <h2>{t("ready.where", { time: f.seconds(total) })}</h2>
        <span className="flex-1" />
        {best?.marks.complete_ms ? (
          <span className="caption">
            {t("ready.below", { time: f.seconds(best.marks.complete_ms) })}
          </span>
        ) : null}
      </div>
      <div className="card-body">
        <div className="relative">
          <Gridlines scale={scale} strongEvery={10_000} />
          <TimeBar
            spans={spans}
            scale={scale}
            tone="won"
            labels
            above
            pins={(raced ? MARKS : MARKS.slice(-1)).map(mark => ({
              mark,
              at: marks[`${mark}_ms`] ?? 0,
            }))}
          />
        </div>
        {best ? (
          <div className="relative mt-[6px]">
            <Gridlines scale={scale} strongEvery={10_000} />
            <TimeBar spans={best.steps} scale={scale} labels />
          </div>
        ) : null}
        <Axis scale={scale} />
        <dl className="step-list mt-4">
          {spans.map(span => (
            <div key={span.from_ms} className="stat">
              <dt className="caption">
                {span.step ? t(`app.steps.${span.step}`) : t("app.steps.wait")}
              </dt>
              <dd className="font-medium">{f.seconds(span.to_ms - span.from_ms)}</dd>
            </div>
          ))}
        </dl>
      </div>
    </section>
  );
}

/** The fastest earlier run of the same recipe. */
function bestOther(runs: RunSummary[], run: string, title: string): RunSummary | null {
  return runs
    .filter(other => other.run !== run && other.title === title && other.marks.complete_ms !== null)
    .reduce<RunSummary | null>(
      (best, other) =>
        (other.marks.complete_ms ?? 0) < (best?.marks.complete_ms ?? Number.POSITIVE_INFINITY)
          ? other
          : best,
      null,
    );
}

function CostCard() {
  const { t } = useTranslation();
  const f = useFormats();
  const { view } = useRun();
  const machine = useListedMachine();
  const seconds = useElapsed(1_000);
  const lane = winnerOf(view);
  if (!lane) return null;
  const rate = machine?.price ?? lane.brief.usd_micros_per_hour;
  const over = lane.destroyed_ms !== null;
  // Facts count the money up to the last one; the rest runs at the known rate.
  const since = over ? 0 : Math.max(seconds - view.elapsed_ms, 0);
  const spent = view.spent + Math.ceil((rate * since) / 3_600_000);
  return (
    <section className="card">
      <div className="card-head">
        <h2>{t("ready.cost")}</h2>
        <span className="flex-1" />
        <span className="caption">{over ? t("ready.over") : f.perHour(rate)}</span>
      </div>
      <div className="card-body">
        <div>
          <span className="figure">{f.money(spent)}</span>{" "}
          <span className="caption">{t("ready.soFar")}</span>
        </div>
        <p className="caption mt-1">
          {view.practice
            ? t("app.practiceFree")
            : isCharged(view)
              ? t("ready.charged")
              : t("ready.estimate")}
        </p>
      </div>
    </section>
  );
}

function RestoredCard() {
  const { t } = useTranslation();
  const f = useFormats();
  const { view } = useRun();
  const { restore } = view;
  return (
    <section className="card">
      <div className="card-head">
        <h2>{t("ready.restored")}</h2>
        <span className="flex-1" />
        {restore?.verified ? (
          <span className="tag accent">
            <Icon of={Check} size={12} />
            {t("restore.verified")}
          </span>
        ) : null}
      </div>
      <div className="card-body">
        {restore ? (
          <>
            <div>
              <span className="figure">{f.bytes(restore.bytes_done)}</span>{" "}
              <span className="caption">
                {t("ready.files", {
                  count: restore.files_done,
                  files: f.count(restore.files_done),
                })}
              </span>
            </div>
            <p className="caption mt-1">{t("ready.into", { target: restore.target })}</p>
            {restore.imperfect.length ? (
              <details className="mt-2 text-12 text-ink-2">
                <summary>{t("ready.imperfect", { count: restore.imperfect.length })}</summary>
                <ul className="selectable mt-1">
                  {restore.imperfect.map(path => (
                    <li key={path} className="mono break-all">
                      {path}
                    </li>
                  ))}
                </ul>
              </details>
            ) : null}
          </>
        ) : (
          <p className="text-ink-2">{t("ready.plain")}</p>
        )}
      </div>
    </section>
  );
}
