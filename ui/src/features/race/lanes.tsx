// The table of lanes: waves in their places, one second scale, one playhead.

import { useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { useFormats } from "../../app/format";
import { useFrames } from "../../app/frames";
import { LiveText, useElapsed } from "../../app/live";
import { useRun } from "../../app/run";
import { percentOf, type Scale, ticksOf } from "../../design/scale";
import { useWidth } from "../../design/use-width";
import { LaneRow } from "./lane-row";
import { raceEnd, raceScale, raceUntil } from "./timeline";
import { isSettled, type Wave, wavesOf } from "./waves";

export function Lanes() {
  const { t } = useTranslation();
  const { view } = useRun();
  const plane = useRef<HTMLDivElement>(null);
  const width = useWidth(plane);
  const seconds = useElapsed(1_000);
  const end = raceEnd(view);
  const scale = raceScale(raceUntil(view, seconds));
  const waves = wavesOf(view);
  const past = waves.filter(wave => wave.heat < view.heat);
  const present = waves.filter(wave => wave.heat >= view.heat);

  return (
    <section
      className="card lanes"
      aria-label={t("race.lanes")}
      data-over={end === null ? undefined : ""}
    >
      <div className="lanes-head" aria-hidden="true">
        <span />
        <span>{t("race.head.machine")}</span>
        <span className="text-right">{t("race.head.price")}</span>
        <span className="history" title={t("race.head.host")}>
          {t("race.head.host")}
        </span>
        <span className="track relative h-full">
          <RaceAxis scale={scale} end={end} width={width} />
        </span>
        <span>{t("race.head.now")}</span>
      </div>
      <div className="lanes-grid" aria-hidden="true">
        <div ref={plane} className="plane">
          <div className="gridlines">
            {ticksOf(scale)
              .slice(1, -1)
              .map(tick => (
                <i
                  key={tick}
                  className={tick % 10_000 === 0 ? "strong" : undefined}
                  style={{ left: percentOf(tick, scale) }}
                />
              ))}
          </div>
          {view.phase === "preparing" ? null : <Playhead scale={scale} end={end} />}
        </div>
      </div>
      {past.length ? <PastHeat waves={past} scale={scale} width={width} /> : null}
      <ol>
        {present.map(wave => (
          <WaveRows key={`${wave.heat}-${wave.wave}`} wave={wave} scale={scale} width={width} />
        ))}
      </ol>
    </section>
  );
}

/** Ticks nearer than this would touch the bubble. */
const BUBBLE_PX = 46;

/** The ticks, less those the playhead's bubble would cover. */
function RaceAxis({ scale, end, width }: { scale: Scale; end: number | null; width: number }) {
  const f = useFormats();
  const { store } = useRun();
  const axis = useRef<HTMLDivElement>(null);
  useFrames(() => {
    const now = Math.min(store.elapsed(), end ?? Number.POSITIVE_INFINITY);
    for (const label of axis.current?.children ?? []) {
      if (!(label instanceof HTMLElement)) continue;
      const distance = (Math.abs(Number(label.dataset.at) - now) / scale.end) * width;
      label.hidden = distance < BUBBLE_PX;
    }
  });
  const ticks = ticksOf(scale);
  return (
    <div ref={axis} className="axis">
      {ticks.map((tick, index) => (
        <span
          key={tick}
          data-at={tick}
          className={index === 0 ? "begin" : index === ticks.length - 1 ? "end" : undefined}
          style={{ left: percentOf(tick, scale) }}
        >
          {f.roughly(tick)}
        </span>
      ))}
    </div>
  );
}

function Playhead({ scale, end }: { scale: Scale; end: number | null }) {
  const f = useFormats();
  const { store } = useRun();
  const head = useRef<HTMLDivElement>(null);
  useFrames(() => {
    const now = Math.min(store.elapsed(), end ?? Number.POSITIVE_INFINITY);
    if (head.current) head.current.style.transform = `translateX(${percentOf(now, scale)})`;
  });
  return (
    <div ref={head} className="playhead">
      <span className="bubble">
        <LiveText of={now => f.seconds(end ?? now)} />
      </span>
    </div>
  );
}

function WaveRows({ wave, scale, width }: { wave: Wave; scale: Scale; width: number }) {
  const { t } = useTranslation();
  const f = useFormats();
  const { view } = useRun();
  return (
    <li>
      <div className="wave">
        <span className="title">
          <b>{t("race.wave", { wave: wave.wave })}</b>
          {"\u00a0 "}
          {wave.at === null ? "" : `${f.seconds(wave.at)}, `}
          {t("race.machines", { count: wave.entries.length })}
        </span>
        <span className="sum">
          <WaveSum wave={wave} />
        </span>
      </div>
      <ol>
        {wave.entries.map(entry => (
          <LaneRow
            key={entry.brief.lane}
            entry={entry}
            due={entry.kind === "planned" && !isSettled(view) ? wave.at : null}
            scale={scale}
            width={width}
          />
        ))}
      </ol>
    </li>
  );
}

function WaveSum({ wave }: { wave: Wave }) {
  const { t } = useTranslation();
  const f = useFormats();
  const { view } = useRun();
  const phases = wave.entries.flatMap(entry => (entry.kind === "lane" ? [entry.lane.phase] : []));
  if (phases.length === 0) {
    if (isSettled(view)) return t("race.notNeeded");
    const at = wave.at;
    return at === null ? (
      t("race.standingBy")
    ) : (
      <LiveText of={now => t("race.startsIn", { time: f.seconds(Math.max(at - now, 0)) })} />
    );
  }
  const won = phases.filter(phase => phase === "won").length;
  const out = phases.filter(phase => phase === "lost").length;
  const racing = phases.length - won - out;
  const at = phases.length < wave.entries.length && !isSettled(view) ? wave.at : null;
  const sums = [
    won ? t("race.sum.won", { count: won }) : "",
    racing ? t("race.sum.racing", { count: racing }) : "",
    out ? t("race.sum.out", { count: out }) : "",
  ]
    .filter(Boolean)
    .join(", ");
  if (at === null || wave.started) return sums;
  return (
    <>
      {sums}
      {", "}
      <LiveText of={now => t("race.startsIn", { time: f.seconds(Math.max(at - now, 0)) })} />
    </>
  );
}

/** An earlier heat, folded into one line until somebody asks. */
function PastHeat({ waves, scale, width }: { waves: Wave[]; scale: Scale; width: number }) {
  const { t } = useTranslation();
  const [open, setOpen] = useState(false);
  const lanes = waves.reduce((sum, wave) => sum + wave.entries.length, 0);
  return (
    <>
      <div className="wave">
        <span className="title">
          <b>{t("race.firstHeat")}</b> {t("race.machines", { count: lanes })}
        </span>
        <span className="sum relative z-2">
          <button
            type="button"
            className="btn ghost small"
            aria-expanded={open}
            onClick={() => setOpen(!open)}
          >
            {open ? t("race.hideHeat") : t("race.showHeat")}
          </button>
        </span>
      </div>
      {open ? (
        <ol>
          {waves.map(wave => (
            <WaveRows key={wave.wave} wave={wave} scale={scale} width={width} />
          ))}
        </ol>
      ) : null}
    </>
  );
}
