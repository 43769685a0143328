// The race clock and the figures beside it.

import { Check, Flag, RefreshCw, X } from "lucide-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useFormats } from "../../app/format";
import { LiveText } from "../../app/live";
import { useRun } from "../../app/run";
import { useSession } from "../../app/session";
import type { Spread } from "../../bindings";
import { Icon, RaceIcon, RingIcon } from "../../design/icon";
import { CLOUD_NAMES } from "../../design/parts";
import { bibOf } from "./lane";
import { raceEnd } from "./timeline";
import { totalsOf } from "./totals";
import { nextWave } from "./waves";

export function Hero() {
  const { view } = useRun();
  const prediction = useSession().prediction(view.run);
  return (
    <div className="hero">
      <Clock />
      {view.winner === null ? (
        <Racing prediction={prediction} />
      ) : (
        <Won lane={view.winner} prediction={prediction} />
      )}
      <Spent />
    </div>
  );
}

function Clock() {
  const { t } = useTranslation();
  const f = useFormats();
  const { view } = useRun();
  const end = raceEnd(view);
  const won = view.winner !== null;
  return (
    <div className={`clock ${won ? "text-accent" : ""}`} role="timer" aria-label={t("race.clock")}>
      <LiveText of={now => f.tenths(end ?? now)} />
      <small>s</small>
    </div>
  );
}

function Stat({
  icon,
  value,
  children,
  className = "",
}: {
  icon?: ReactNode;
  value: ReactNode;
  children: ReactNode;
  className?: string;
}) {
  return (
    <div className={`stat ${className}`}>
      <b>
        {icon}
        {value}
      </b>
      <span>{children}</span>
    </div>
  );
}

function Racing({ prediction }: { prediction: Spread | null }) {
  const { t } = useTranslation();
  const f = useFormats();
  const { view } = useRun();
  const sum = totalsOf(view);
  const next = nextWave(view);
  if (view.phase === "preparing") {
    return (
      <Stat value={t("race.preparing")} className="optional">
        {t("race.preparingWhat")}
      </Stat>
    );
  }
  const settled = sum.gone + sum.never;
  return (
    <>
      {prediction ? (
        <>
          <Stat value={f.roughly(prediction.median_ms)}>
            {t("race.predicted", {
              from: Math.round(prediction.p10_ms / 1_000),
              to: f.roughly(prediction.p90_ms),
            })}
          </Stat>
          <div className="rule-v" />
        </>
      ) : null}
      <Stat icon={<RaceIcon className="text-accent" />} value={f.count(sum.racing)}>
        {t("race.racing")}
      </Stat>
      <Stat icon={<Icon of={X} className="text-ink-3" />} value={f.count(sum.out)}>
        {sum.out === 0
          ? t("race.out")
          : settled === sum.out
            ? t("race.outAllGone")
            : t("race.outSomeGone", { count: settled })}
      </Stat>
      <Stat icon={<RingIcon className="text-ink-3" />} value={f.count(sum.standingBy)}>
        {t("race.standingBy")}
      </Stat>
      {next?.at ? (
        <>
          <div className="rule-v optional" />
          <Stat
            value={<LiveText of={now => f.seconds(Math.max((next.at ?? 0) - now, 0))} />}
            className="optional"
          >
            {t("race.untilWave", { wave: next.wave })}
          </Stat>
        </>
      ) : null}
    </>
  );
}

function Won({ lane: no, prediction }: { lane: number; prediction: Spread | null }) {
  const { t } = useTranslation();
  const f = useFormats();
  const { view } = useRun();
  const sum = totalsOf(view);
  const brief = view.lanes.find(lane => lane.brief.lane === no)?.brief;
  if (!brief) return null;
  const history = brief.history;
  const inTime = history?.recent.filter(Boolean).length ?? 0;
  const difference = (view.marks.shell_ms ?? 0) - (prediction?.median_ms ?? 0);
  return (
    <>
      <Stat value={`${bibOf(no)} ${brief.location}`}>
        {[
          brief.host
            ? t("race.host", { cloud: CLOUD_NAMES[brief.cloud], host: brief.host })
            : CLOUD_NAMES[brief.cloud],
          history?.recent.length
            ? t("race.inTime", { count: inTime, of: history.recent.length })
            : t("race.firstTime"),
        ].join(", ")}
      </Stat>
      <div className="rule-v" />
      <Stat icon={<Icon of={Flag} className="text-accent" />} value={f.count(1)}>
        {t("race.kept")}
      </Stat>
      <Stat
        icon={<Icon of={Check} className="text-ink-3" />}
        value={t("race.goneOf", { gone: sum.gone + sum.never, of: sum.out })}
      >
        {t("race.confirmedGone")}
      </Stat>
      <Stat icon={<Icon of={RefreshCw} className="text-ink-3" />} value={f.count(sum.leaving)}>
        {t("race.beingDestroyed")}
      </Stat>
      {prediction ? (
        <>
          <div className="rule-v optional" />
          <Stat value={f.seconds(Math.abs(difference))} className="optional">
            {difference > 0 ? t("race.slowerThanPredicted") : t("race.fasterThanPredicted")}
          </Stat>
        </>
      ) : null}
    </>
  );
}

function Spent() {
  const { t } = useTranslation();
  const f = useFormats();
  const { view } = useRun();
  return (
    <Stat className="last" value={f.money(view.spent)}>
      {view.practice
        ? t("race.practiceMoney")
        : view.at_most
          ? t("race.spentAtMost", { money: f.money(view.at_most) })
          : t("race.spent")}
    </Stat>
  );
}
