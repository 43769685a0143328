// The right-hand column of a lane: what it does now, and what became of it.

import { Ban, Check, CircleCheck, Clock, Flag, OctagonAlert, X } from "lucide-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useFormats } from "../../app/format";
import { LiveText } from "../../app/live";
import { useRun } from "../../app/run";
import type { LaneView } from "../../bindings";
import { Icon, RingIcon } from "../../design/icon";
import { CLOUD_NAMES } from "../../design/parts";
import { Dial } from "./dial";
import { currentStep, type Entry, fateOf } from "./lane";
import { useLaneWords } from "./lane-words";
import { isSettled } from "./waves";

export function LaneState({ entry, due }: { entry: Entry; due: number | null }) {
  const { t } = useTranslation();
  const f = useFormats();
  const { view } = useRun();
  if (entry.kind === "planned") {
    return (
      <State icon={<RingIcon className="text-ink-3" />}>
        {isSettled(view)
          ? t("race.notNeeded")
          : due === null
            ? t("race.standingBy")
            : t("race.startsAt", { time: f.seconds(due) })}
      </State>
    );
  }
  const { lane } = entry;
  switch (lane.phase) {
    case "queued":
      return (
        <State icon={<Icon of={Clock} className="text-ink-3" />}>
          {lane.throttled
            ? t("race.waitingFor", { cloud: CLOUD_NAMES[lane.brief.cloud] })
            : t("race.queued")}
        </State>
      );
    case "connected":
      return (
        <State icon={<Icon of={CircleCheck} className="text-accent" />}>
          {t("race.connected")}
        </State>
      );
    case "won":
      return <Won />;
    case "lost":
      return <Lost lane={lane} />;
    default:
      return <Running lane={lane} />;
  }
}

function Won() {
  const { t } = useTranslation();
  const f = useFormats();
  const { view } = useRun();
  const installed = view.restore?.installed_ms ?? null;
  const shell = view.marks.shell_ms ?? 0;
  return (
    <State
      icon={<Icon of={Flag} className="text-accent" />}
      end={
        view.restore ? (
          <span className="end font-medium text-ink-2">
            <LiveText
              of={now => t("race.install", { time: f.seconds((installed ?? now) - shell) })}
            />
          </span>
        ) : null
      }
    >
      {t("race.sshReady", { time: f.seconds(shell) })}
    </State>
  );
}

function State({ icon, children, end }: { icon: ReactNode; children: ReactNode; end?: ReactNode }) {
  return (
    <div className="state">
      {icon}
      <span className="words">{children}</span>
      {end}
    </div>
  );
}

function Running({ lane }: { lane: LaneView }) {
  const { t } = useTranslation();
  const f = useFormats();
  const { view } = useRun();
  const step = currentStep(lane, view);
  if (!step) return null;
  return (
    <State
      icon={<Dial from={step.from} limit={step.limit} />}
      end={
        <span className={lane.slow ? "end warn" : "end"}>
          <LiveText
            of={now => {
              const left = step.limit - (now - step.from);
              return left >= 0 && !lane.slow
                ? t("race.left", { time: f.seconds(left) })
                : t("race.over", { time: f.seconds(-left) });
            }}
          />
        </span>
      }
    >
      <b className="font-medium">{t(`app.stepNow.${step.step}`)}</b>{" "}
      <LiveText of={now => f.seconds(now - step.from)} />
    </State>
  );
}

function Lost({ lane }: { lane: LaneView }) {
  const { view } = useRun();
  const words = useLaneWords();
  const reason = words.reason(lane, view);
  return (
    <div className="state" title={lane.details ? `${reason}: ${lane.details}` : reason}>
      <Icon of={fateOf(lane) === "none" ? Ban : X} />
      <span className="words">{reason}</span>
      <FateNote lane={lane} />
    </div>
  );
}

function FateNote({ lane }: { lane: LaneView }) {
  const { t } = useTranslation();
  const fate = fateOf(lane);
  const word = t(`race.fate.${fate}`);
  switch (fate) {
    case "destroying":
    case "looking":
      return (
        <span className="end">
          <span className="spinner" />
          {word}
        </span>
      );
    case "unconfirmed":
      return (
        <span className="end danger">
          <Icon of={OctagonAlert} size={12} />
          {word}
        </span>
      );
    default:
      return (
        <span className="end">
          <Icon of={Check} size={12} />
          {word}
        </span>
      );
  }
}
