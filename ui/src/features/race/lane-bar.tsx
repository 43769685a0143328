// A lane's time bar. React draws the steps; the one under way, its nose and its
// runway are painted every frame through the CSSOM.

import { Ban, Flag, X } from "lucide-react";
import { useRef } from "react";
import { useTranslation } from "react-i18next";
import { useFormats } from "../../app/format";
import { useFrames } from "../../app/frames";
import { useRun } from "../../app/run";
import { Icon } from "../../design/icon";
import { percentOf, type Scale } from "../../design/scale";
import { fits } from "../../design/use-width";
import { currentStep, type Entry, fateOf, type LaneStep, stepsOf, toneOf } from "./lane";

interface LaneBarProps {
  entry: Entry;
  scale: Scale;
  /** Width of the track in pixels. */
  width: number;
  /** When a lane that stands by is due. */
  due: number | null;
}

export function LaneBar({ entry, scale, width, due }: LaneBarProps) {
  const { view } = useRun();
  const tone = toneOf(entry);
  if (entry.kind === "planned") {
    return due === null ? null : (
      <div className="timebar live">
        <div
          className="seg wait"
          style={{ left: percentOf(due, scale), width: percentOf(scale.end - due, scale) }}
        />
      </div>
    );
  }
  const { lane } = entry;
  const steps = stepsOf(lane, view);
  const open = currentStep(lane, view);
  const endsAt = steps.at(-1)?.to ?? lane.lost_ms;
  return (
    <div className={`timebar ${tone === "queued" || tone === "stand" ? "live" : tone}`}>
      {lane.phase === "queued" ? <QueueWait from={lane.started_ms} scale={scale} /> : null}
      {steps.map((step, index) =>
        step.to === null ? null : (
          <Segment
            key={step.step}
            step={step}
            to={step.to}
            scale={scale}
            width={width}
            first={index === 0}
            last={index === steps.length - 1}
          />
        ),
      )}
      {open ? (
        <OpenSegment
          step={open}
          limit={tone === "live" && !lane.slow ? open.limit : null}
          scale={scale}
          width={width}
          first={steps.length === 1}
          flag={tone === "won"}
        />
      ) : null}
      {tone === "out" && endsAt !== null ? (
        <span className="cross" style={{ left: percentOf(endsAt, scale) }}>
          <Icon of={fateOf(lane) === "none" ? Ban : X} size={14} />
        </span>
      ) : null}
      {tone === "won" && !open && endsAt !== null ? (
        <span className="flag" style={{ left: percentOf(endsAt, scale) }}>
          <Icon of={Flag} size={14} />
        </span>
      ) : null}
    </div>
  );
}

interface SegmentProps {
  step: LaneStep;
  to: number;
  scale: Scale;
  width: number;
  first: boolean;
  last: boolean;
}

function useLabel() {
  const { t } = useTranslation();
  const f = useFormats();
  return (step: LaneStep, length: number, scale: Scale, width: number): string => {
    if (step.step === "create" || step.step === "install") return "";
    const text = `${t(`app.steps.${step.step}`)} ${f.tenths(length)}`;
    return fits(text, (length / scale.end) * width) ? text : "";
  };
}

function Segment({ step, to, scale, width, first, last }: SegmentProps) {
  const label = useLabel()(step, to - step.from, scale, width);
  return (
    <div
      className={`seg ${step.step} ${first ? "first" : ""} ${last ? "last" : ""}`}
      style={{ left: percentOf(step.from, scale), width: percentOf(to - step.from, scale) }}
    >
      {label ? <em className="not-italic">{label}</em> : null}
    </div>
  );
}

interface OpenSegmentProps {
  step: LaneStep;
  /** The step's limit, while the lane can still keep it. */
  limit: number | null;
  scale: Scale;
  width: number;
  first: boolean;
  flag: boolean;
}

function OpenSegment({ step, limit, scale, width, first, flag }: OpenSegmentProps) {
  const { store } = useRun();
  const labelOf = useLabel();
  const segment = useRef<HTMLDivElement>(null);
  const label = useRef<HTMLElement>(null);
  const nose = useRef<HTMLSpanElement>(null);
  const runway = useRef<HTMLDivElement>(null);
  useFrames(() => {
    const now = Math.max(store.elapsed(), step.from);
    const length = now - step.from;
    if (segment.current) segment.current.style.width = percentOf(length, scale);
    const text = labelOf(step, length, scale, width);
    if (label.current && label.current.textContent !== text) label.current.textContent = text;
    if (nose.current) nose.current.style.left = percentOf(now, scale);
    if (runway.current && limit !== null) {
      const rest = Math.min(step.from + limit, scale.end) - now;
      runway.current.hidden = rest <= 0;
      runway.current.style.left = percentOf(now, scale);
      runway.current.style.width = percentOf(Math.max(rest, 0), scale);
    }
  });
  return (
    <>
      <div
        ref={segment}
        className={`seg ${step.step} ${first ? "first" : ""} ${flag ? "last" : ""}`}
        style={{ left: percentOf(step.from, scale) }}
      >
        <em ref={label} className="not-italic" />
      </div>
      {limit === null ? null : <div ref={runway} className="runway" />}
      {flag ? (
        <span ref={nose} className="flag">
          <Icon of={Flag} size={14} />
        </span>
      ) : (
        <span ref={nose} className="nose" />
      )}
    </>
  );
}

function QueueWait({ from, scale }: { from: number; scale: Scale }) {
  const { store } = useRun();
  const wait = useRef<HTMLDivElement>(null);
  useFrames(() => {
    if (wait.current) wait.current.style.width = percentOf(store.elapsed() - from, scale);
  });
  return <div ref={wait} className="seg wait" style={{ left: percentOf(from, scale) }} />;
}
