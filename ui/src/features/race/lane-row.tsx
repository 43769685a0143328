// One lane: a sentence for screen readers, a row for everybody else.

import { memo } from "react";
import { useTranslation } from "react-i18next";
import { useFormats } from "../../app/format";
import { useElapsed } from "../../app/live";
import { useRun } from "../../app/run";
import type { HostRecord } from "../../bindings";
import { CloudBadge } from "../../design/parts";
import type { Scale } from "../../design/scale";
import { bibOf, type Entry, toneOf } from "./lane";
import { LaneBar } from "./lane-bar";
import { LaneState } from "./lane-state";
import { useLaneWords } from "./lane-words";

interface LaneRowProps {
  entry: Entry;
  due: number | null;
  scale: Scale;
  width: number;
}

export const LaneRow = memo(function LaneRow({ entry, due, scale, width }: LaneRowProps) {
  const f = useFormats();
  const { brief } = entry;
  const gpu = brief.num_gpus > 1 ? `${brief.num_gpus} × ${brief.gpu}` : brief.gpu;
  return (
    <li className={`lane ${toneOf(entry)}`} data-lane={brief.lane}>
      <Spoken entry={entry} due={due} />
      <span className="bib" aria-hidden="true">
        {bibOf(brief.lane)}
      </span>
      <span className="machine" aria-hidden="true" title={`${gpu}, ${brief.location}`}>
        <CloudBadge cloud={brief.cloud} />
        <span className="name whitespace-nowrap">{gpu}</span>
        <span className="truncate">{brief.location}</span>
      </span>
      <span className="price" aria-hidden="true">
        {f.cell(brief.usd_micros_per_hour)}
      </span>
      <History record={brief.history} />
      <div className="track" aria-hidden="true">
        <LaneBar entry={entry} scale={scale} width={width} due={due} />
      </div>
      <div className="min-w-0" aria-hidden="true">
        <LaneState entry={entry} due={due} />
      </div>
    </li>
  );
}, same);

/** Planned entries are made anew on each render; their brief is not. */
function same(a: LaneRowProps, b: LaneRowProps): boolean {
  return (
    a.due === b.due &&
    a.scale.end === b.scale.end &&
    a.width === b.width &&
    a.entry.kind === b.entry.kind &&
    a.entry.brief === b.entry.brief &&
    (a.entry.kind !== "lane" || b.entry.kind !== "lane" || a.entry.lane === b.entry.lane)
  );
}

/** Said once a second at most, so that nobody is talked over. */
function Spoken({ entry, due }: { entry: Entry; due: number | null }) {
  const { view } = useRun();
  const words = useLaneWords();
  const now = useElapsed(1_000);
  return <span className="sr">{words.sentence(entry, view, now, due)}</span>;
}

function History({ record }: { record: HostRecord | null }) {
  const { t } = useTranslation();
  const f = useFormats();
  if (!record || record.median_ready_ms === null) {
    return (
      <span className="history text-ink-3" aria-hidden="true">
        <span className="median">{t("race.newHost")}</span>
      </span>
    );
  }
  const recent = record.recent.slice(-8);
  return (
    <span className="history" aria-hidden="true">
      <span className="median">{f.seconds(record.median_ready_ms)}</span>
      <span className="dots">
        {recent.map((inTime, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: dots have no identity
          <i key={index} className="dot" data-full={inTime || undefined} />
        ))}
      </span>
    </span>
  );
}
