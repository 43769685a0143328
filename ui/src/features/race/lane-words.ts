// A lane in words: its reason, its state, and the sentence a screen reader says.

import { useTranslation } from "react-i18next";
import { type Formats, useFormats } from "../../app/format";
import type { LaneView, RunView } from "../../bindings";
import { CLOUD_NAMES } from "../../design/parts";
import { currentStep, type Entry, fateOf, lostAfter } from "./lane";
import { isSettled } from "./waves";

export interface LaneWords {
  /** `Too slow in boot, 10.0 s`. */
  reason(lane: LaneView, view: RunView): string;
  /** Everything about a lane, in one sentence or three. */
  sentence(entry: Entry, view: RunView, now: number, due: number | null): string;
}

export function useLaneWords(): LaneWords {
  const { t } = useTranslation();
  const f = useFormats();

  const reason: LaneWords["reason"] = (lane, view) =>
    lane.reason
      ? t(`race.lost.${lane.reason}`, {
          step: t(`app.stepIn.${lane.lost_step ?? "create"}`),
          time: f.seconds(lostAfter(lane, view)),
        })
      : "";

  return {
    reason,
    sentence(entry, view, now, due) {
      const { brief } = entry;
      const who = t("race.sr.who", {
        lane: brief.lane,
        cloud: CLOUD_NAMES[brief.cloud],
        gpu: brief.num_gpus > 1 ? `${brief.num_gpus} × ${brief.gpu}` : brief.gpu,
        place: brief.location,
        price: f.price(brief.usd_micros_per_hour),
      });
      return `${who} ${stateSentence(entry, view, now, due)}`;
    },
  };

  function stateSentence(entry: Entry, view: RunView, now: number, due: number | null): string {
    if (entry.kind === "planned") {
      if (isSettled(view)) return t("race.sr.notNeeded");
      return due === null ? t("race.sr.stands") : t("race.sr.startsAt", { time: f.seconds(due) });
    }
    const { lane } = entry;
    switch (lane.phase) {
      case "queued":
        return lane.throttled
          ? t("race.sr.throttled", { cloud: CLOUD_NAMES[lane.brief.cloud] })
          : t("race.sr.queued");
      case "won":
        return t("race.sr.won", { time: f.seconds(view.marks.shell_ms ?? 0) });
      case "connected":
        return t("race.sr.connected");
      case "lost":
        return t("race.sr.out", {
          reason: reason(lane, view),
          fate: t(`race.sr.fate.${fateOf(lane)}`),
        });
      default:
        return running(lane, view, now, f);
    }
  }

  function running(lane: LaneView, view: RunView, now: number, f: Formats): string {
    const step = currentStep(lane, view);
    if (!step) return "";
    const values = {
      step: t(`app.stepNow.${step.step}`),
      time: f.tenths(Math.max(now - step.from, 0)),
      limit: f.roughly(step.limit),
    };
    return lane.slow ? t("race.sr.slow", values) : t("race.sr.running", values);
  }
}
