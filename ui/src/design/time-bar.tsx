// The time bar: where seconds went, from left to right. One component for
// prediction, restore, receipt and history; a racing lane draws itself.

import { useRef } from "react";
import { useTranslation } from "react-i18next";
import { useFormats } from "../app/format";
import type { StepSpan } from "../bindings";
import { Mark, type MarkName } from "./mark";
import { percentOf, type Scale } from "./scale";
import { fits, useWidth } from "./use-width";

export interface Pin {
  mark: MarkName;
  at: number;
  /** Only expected. */
  ahead?: boolean;
}

interface TimeBarProps {
  spans: StepSpan[];
  scale: Scale;
  tone?: "past" | "live" | "won" | "out";
  pins?: Pin[];
  /** Name the steps that have room. */
  labels?: boolean;
  /** Marks stand above the bar. */
  above?: boolean;
  /** A dashed rest up to here. */
  runwayTo?: number | null;
}

export function TimeBar(props: TimeBarProps) {
  const { spans, scale, tone = "past", pins = [], labels, above, runwayTo } = props;
  const { t } = useTranslation();
  const f = useFormats();
  const bar = useRef<HTMLDivElement>(null);
  const width = useWidth(bar);
  const drawn = spans.filter(span => span.to_ms > span.from_ms);
  const first = drawn.find(span => span.step !== null);
  const last = drawn.at(-1);

  return (
    <div ref={bar} className={`timebar ${tone} ${above ? "above" : ""}`} aria-hidden="true">
      {drawn.map(span => {
        const length = span.to_ms - span.from_ms;
        const label = span.step && `${t(`app.steps.${span.step}`)} ${f.tenths(length)}`;
        const shown = labels && (span.step === "boot" || span.step === "restore") && label;
        const ends = [span === first && "first", span === last && "last"].filter(Boolean).join(" ");
        return (
          <div
            key={span.from_ms}
            className={`seg ${span.step ?? "wait"} ${ends}`}
            style={{
              left: percentOf(span.from_ms, scale),
              width: percentOf(length, scale),
            }}
          >
            {shown && fits(shown, (length / scale.end) * width) ? shown : null}
          </div>
        );
      })}
      {runwayTo && last && runwayTo > last.to_ms ? (
        <div
          className="runway"
          style={{
            left: percentOf(last.to_ms, scale),
            width: percentOf(runwayTo - last.to_ms, scale),
          }}
        />
      ) : null}
      {pins.map(pin => (
        <span key={pin.mark} className="pin" style={{ left: percentOf(pin.at, scale) }}>
          <Mark name={pin.mark} state={pin.ahead ? "now" : "reached"} />
        </span>
      ))}
    </div>
  );
}
