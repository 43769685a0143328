// The live sentence: seen by everybody, said to screen readers. At most one new
// sentence every two seconds; the win comes at once.

import { Flag, Zap } from "lucide-react";
import { useRef } from "react";
import { useTranslation } from "react-i18next";
import { useFormats } from "../../app/format";
import { useElapsed } from "../../app/live";
import { useRun } from "../../app/run";
import { Icon, RaceIcon } from "../../design/icon";
import { CLOUD_NAMES, Kbd } from "../../design/parts";
import { type Headline, headlineOf } from "./headline";
import { bibOf, placeOf } from "./lane";
import { useLaneWords } from "./lane-words";
import { nextWave } from "./waves";

const HOLD_MS = 2_000;

interface HeadlineBarProps {
  onNextWave: () => void;
  asking: boolean;
}

export function HeadlineBar({ onNextWave, asking }: HeadlineBarProps) {
  const { t } = useTranslation();
  const f = useFormats();
  const { view } = useRun();
  const now = useElapsed(250);
  const held = useRef<{ at: number; headline: Headline } | null>(null);
  const fresh = headlineOf(view, now);
  const urgent = fresh.say === "won" || fresh.say === "cancelling";
  if (!held.current || urgent || now - held.current.at >= HOLD_MS || now < held.current.at) {
    held.current = { at: now, headline: fresh };
  }
  const { at, headline } = held.current;
  const text = useHeadlineText(headline);
  const next = nextWave(view);
  const won = headline.say === "won";
  return (
    <div className="headline" data-won={won ? "" : undefined}>
      {won ? <Icon of={Flag} className="text-accent" /> : <RaceIcon className="text-accent" />}
      <span className="mono whitespace-nowrap text-ink-3" aria-hidden="true">
        {f.seconds("at" in headline ? headline.at : at)}
      </span>
      <span className="sentence" title={text} role="status" aria-live="polite">
        {won ? null : text}
      </span>
      {won ? (
        <span className="sentence won" title={text} role="alert">
          <b className="font-semibold">{text}</b>
          <WonDetail />
        </span>
      ) : null}
      {next ? (
        <button type="button" className="btn small" onClick={onNextWave} disabled={asking}>
          <Icon of={Zap} />
          {t("race.startWave", { wave: next.wave })}
          <Kbd>W</Kbd>
        </button>
      ) : null}
    </div>
  );
}

/** What the winner's first report says, while this window saw it come. */
function WonDetail() {
  const { t } = useTranslation();
  const f = useFormats();
  const { view } = useRun();
  const parts: string[] = [];
  if (view.report) {
    parts.push(
      t("race.report", {
        count: view.report.gpus?.length ?? 0,
        disk: f.bytes(view.report.disk_free_bytes ?? 0),
      }),
    );
  }
  if (view.phase === "installing" && view.restore) parts.push(t("race.installing"));
  return parts.length ? ` ${parts.join(" ")}` : null;
}

function useHeadlineText(headline: Headline): string {
  const { t } = useTranslation();
  const f = useFormats();
  const { view } = useRun();
  const words = useLaneWords();
  const name = (lane: { brief: { lane: number; location: string } }) =>
    `${bibOf(lane.brief.lane)} ${placeOf(lane.brief as never)}`;
  switch (headline.say) {
    case "asking":
      return t("race.say.asking");
    case "waiting":
      return t("race.say.waiting");
    case "first-wave":
      return t("race.say.firstWave", { count: headline.count });
    case "wave":
      return t("race.say.wave", { wave: headline.wave, count: headline.count });
    case "second-heat":
      return t("race.say.secondHeat");
    case "out": {
      const out = t("race.say.out", {
        lane: name(headline.lane),
        reason: words.reason(headline.lane, view),
      });
      return headline.replacedBy
        ? `${out} ${t("race.say.replaced", { lane: name(headline.replacedBy) })}`
        : out;
    }
    case "booted":
      return t("race.say.booted", { lane: name(headline.lane) });
    case "slow":
      return t("race.say.slow", {
        lane: name(headline.lane),
        step: t(`app.stepIn.${headline.step}`),
      });
    case "throttled":
      return t("race.say.throttled", { cloud: CLOUD_NAMES[headline.cloud], count: headline.count });
    case "side-by-side":
      return t("race.say.sideBySide", {
        first: name(headline.first),
        second: name(headline.second),
        step: t(`app.stepIn.${headline.step}`),
      });
    case "tight":
      return t("race.say.tight", { lane: name(headline.lane), time: f.seconds(headline.left) });
    case "racing":
      return t("race.say.racing", {
        count: headline.count,
        step: t(`app.stepIn.${headline.step}`),
      });
    case "won":
      return t("race.say.won", { lane: name(headline.lane) });
    case "cancelling":
      return headline.count
        ? t("race.say.cancelling", { count: headline.count })
        : t("race.say.cancelled");
  }
}
