// Why the lanes were lost, reason by reason, each with the bar of one of them.

import { useTranslation } from "react-i18next";
import { useFormats } from "../../app/format";
import { LanesLink } from "../../app/lanes-link";
import { useRun } from "../../app/run";
import type { LaneView, LostReason, StepSpan } from "../../bindings";
import { RaceIcon } from "../../design/icon";
import { type Scale, scaleFor } from "../../design/scale";
import { TimeBar } from "../../design/time-bar";
import { lostAfter, stepsOf } from "../race/lane";

export function Reasons({ title }: { title: string }) {
  const { t } = useTranslation();
  const f = useFormats();
  const { view } = useRun();
  const lost = view.lanes.filter(lane => lane.reason !== null && lane.reason !== "beaten");
  if (lost.length === 0) return null;
  const groups = new Map<LostReason, LaneView[]>();
  for (const lane of lost) {
    if (!lane.reason) continue;
    groups.set(lane.reason, [...(groups.get(lane.reason) ?? []), lane]);
  }
  const longest = Math.max(...lost.map(lane => (lane.lost_ms ?? 0) - lane.started_ms));
  const scale: Scale = scaleFor(Math.max(longest, 10_000), 6);
  const rows = [...groups].sort(([, a], [, b]) => b.length - a.length);
  return (
    <section className="card">
      <div className="card-head">
        <h2>{title}</h2>
        <span className="flex-1" />
        <LanesLink className="btn ghost small">
          <RaceIcon />
          {t("receipt.lanes", { count: view.lanes.length })}
        </LanesLink>
      </div>
      <ul className="card-body">
        {rows.map(([reason, lanes]) => {
          const first = lanes[0];
          return (
            <li key={reason} className="reason">
              <span className="count">{f.count(lanes.length)}</span>
              <span>
                {t(`race.lost.${reason}`, {
                  step: t(`app.stepIn.${first?.lost_step ?? "create"}`),
                  time: f.seconds(first ? lostAfter(first, view) : 0),
                })}
              </span>
              <div className="relative">
                {first ? <TimeBar spans={spansOf(first)} scale={scale} tone="out" labels /> : null}
              </div>
            </li>
          );
        })}
      </ul>
    </section>
  );

  function spansOf(lane: LaneView): StepSpan[] {
    const steps = stepsOf(lane, view);
    return steps.map(step => ({
      step: step.step,
      from_ms: step.from - lane.started_ms,
      to_ms: (step.to ?? lane.lost_ms ?? step.from) - lane.started_ms,
    }));
  }
}
