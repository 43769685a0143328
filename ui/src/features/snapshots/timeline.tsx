// Snapshots on one line of time: how high a bar is says how much was new.

import { useTranslation } from "react-i18next";
import { useFormats, useWhen } from "../../app/format";
import { useHost } from "../../app/session";
import type { SnapshotGroup } from "../../bindings";

interface TimelineProps {
  groups: SnapshotGroup[];
  chosen: string | null;
  onChoose: (id: string) => void;
}

const DAY = 86_400_000;
/** A bar is never thinner than a hit. */
const LEAST_HEIGHT = 16;
const LABELS = 8;

export function Timeline({ groups, chosen, onChoose }: TimelineProps) {
  const { t } = useTranslation();
  const f = useFormats();
  const when = useWhen();
  const now = useHost().clock.wall();
  const times = groups.map(group => Date.parse(group.newest.time));
  const from = new Date(Math.min(...times, now - DAY)).setHours(0, 0, 0, 0);
  const x = (at: number) => `${((at - from) / (now - from)) * 100}%`;
  const most = Math.max(...groups.map(group => group.newest.added_bytes ?? 0), 1);
  // Small changes would not be seen beside a first backup.
  const height = (bytes: number) => LEAST_HEIGHT + (100 - LEAST_HEIGHT) * Math.cbrt(bytes / most);
  const span = Math.max(Math.ceil((now - from) / DAY / LABELS), 1);
  const days = Array.from({ length: LABELS + 1 }, (_, index) => from + index * span * DAY).filter(
    day => day < now - (now - from) * 0.08,
  );
  const all = groups.reduce((sum, group) => sum + 1 + group.same.length, 0);
  return (
    <section className="timeline" aria-label={t("snapshots.timeline")}>
      <div className="caption flex flex-wrap justify-between gap-x-4">
        <span>{t("snapshots.barHeight")}</span>
        <span>{t("snapshots.contents", { count: all, contents: f.count(groups.length) })}</span>
      </div>
      <div className="bars">
        {groups.map(({ newest }) => (
          <button
            key={newest.id}
            type="button"
            tabIndex={-1}
            aria-hidden="true"
            data-chosen={newest.id === chosen ? "" : undefined}
            title={`${when(newest.time, now)}${
              newest.added_bytes === null ? "" : ` · +${f.bytes(newest.added_bytes)}`
            }`}
            style={{
              left: x(Date.parse(newest.time)),
              height: `${height(newest.added_bytes ?? 0)}%`,
            }}
            onClick={() => onChoose(newest.id)}
          />
        ))}
      </div>
      <div className="axis" aria-hidden="true">
        {days.map((day, index) => (
          <span key={day} className={index === 0 ? "begin" : undefined} style={{ left: x(day) }}>
            {f.date(new Date(day))}
          </span>
        ))}
        <span className="end" style={{ left: "100%" }}>
          {t("snapshots.now")}
        </span>
      </div>
    </section>
  );
}
