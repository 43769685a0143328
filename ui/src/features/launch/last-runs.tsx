// The last runs as time bars on one scale.

import { Link } from "@tanstack/react-router";
import { Check, TriangleAlert, X } from "lucide-react";
import { useTranslation } from "react-i18next";
import { ERRORS } from "../../app/errors";
import { useFormats, useWhen } from "../../app/format";
import { useHost } from "../../app/session";
import type { RunSummary, Step } from "../../bindings";
import { Axis, Gridlines } from "../../design/axis";
import { Icon } from "../../design/icon";
import { LegendStep } from "../../design/legend";
import { Mark } from "../../design/mark";
import { type Scale, scaleFor } from "../../design/scale";
import { type Pin, TimeBar } from "../../design/time-bar";

const SHOWN = 6;
const STEPS: Step[] = ["create", "boot", "connect", "install", "restore"];

/** `all`: the screen of all runs rather than the last few. */
export function LastRuns({ runs, all = false }: { runs: RunSummary[]; all?: boolean }) {
  const { t } = useTranslation();
  const shown = all ? runs : runs.slice(0, SHOWN);
  if (shown.length === 0) return null;
  const longest = Math.max(...shown.flatMap(run => run.steps.at(-1)?.to_ms ?? 0), 30_000);
  const scale = scaleFor(longest, 8);
  return (
    <section className={all ? "card last-runs pb-2" : "card last-runs mt-4 pb-2"}>
      <div className="flex flex-wrap items-center gap-x-4 px-4 pt-3 pb-1">
        <h2>{all ? t("runs.count", { count: runs.length }) : t("launch.lastRuns")}</h2>
        <span className="legends flex flex-wrap gap-x-3">
          {STEPS.map(step => (
            <LegendStep key={step} step={step} />
          ))}
        </span>
        {all ? null : (
          <>
            <span className="flex-1" />
            <Link to="/runs" className="btn ghost small">
              {t("launch.allRuns")}
            </Link>
          </>
        )}
      </div>
      <div className="run-row headings" aria-hidden="true">
        <span>{t("launch.recipe")}</span>
        <span>{t("launch.when")}</span>
        <Axis scale={scale} />
        <span className="mark-word">
          <Mark name="shell" state="reached" />
          {t("app.marks.shell")}
        </span>
        <span className="mark-word">
          <Mark name="complete" state="reached" />
          {t("app.marks.complete")}
        </span>
        <span className="n optional">{t("launch.raceCost")}</span>
        <span className="n optional">{t("launch.host")}</span>
      </div>
      <ul>
        {shown.map(run => (
          <Row key={run.run} run={run} scale={scale} />
        ))}
      </ul>
    </section>
  );
}

function Row({ run, scale }: { run: RunSummary; scale: Scale }) {
  const { t } = useTranslation();
  const f = useFormats();
  const when = useWhen();
  const now = useHost().clock.wall();
  const { marks } = run;
  const pins: Pin[] = (["shell", "critical", "complete"] as const).flatMap(mark => {
    const at = marks[`${mark}_ms`];
    return at === null ? [] : [{ mark, at }];
  });
  const outcome =
    run.failure === null
      ? t(`launch.phase.${run.phase}`)
      : [
          t(ERRORS[run.failure].title),
          run.destroyed ? t("launch.destroyed", { count: run.destroyed }) : "",
        ]
          .filter(Boolean)
          .join(" · ");
  return (
    <li className="run-row">
      <Link
        to="/run/$run"
        params={{ run: run.run }}
        className="truncate font-medium hover:underline"
        title={run.fell_back ? `${run.title}: ${t("launch.fellBack")}` : run.title}
      >
        {run.fell_back ? (
          <Icon of={TriangleAlert} size={12} className="mr-1 inline text-warn" />
        ) : null}
        {run.title}
      </Link>
      <span className="when text-ink-2">{when(run.started, now)}</span>
      <div className="bar relative">
        <Gridlines scale={scale} />
        {run.steps.length ? (
          <TimeBar spans={run.steps} scale={scale} pins={pins} />
        ) : (
          <div className="flex items-center gap-1">
            <span className="failed-bar" title={outcome}>
              {outcome}
            </span>
            {run.failure ? <Icon of={X} size={14} className="text-ink-2" /> : null}
          </div>
        )}
      </div>
      <span className="n font-medium">
        <span className="sr">{t("app.marks.shell")} </span>
        {marks.shell_ms === null ? "–" : f.seconds(marks.shell_ms)}
      </span>
      <span className="n font-medium">
        <span className="sr">{t("app.marks.complete")} </span>
        {marks.complete_ms === null ? "–" : f.seconds(marks.complete_ms)}
      </span>
      <span
        className="n optional text-ink-2"
        title={run.charged ? t("ready.charged") : t("ready.estimate")}
      >
        {run.charged ? <Icon of={Check} size={12} className="mr-1 inline" /> : null}
        {f.money(run.spent)}
      </span>
      <span className="n optional mono text-ink-2">{run.host ?? "–"}</span>
    </li>
  );
}
