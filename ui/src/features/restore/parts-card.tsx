// The restore part by part: what is there, what comes, and what should come
// first.

import { useMutation } from "@tanstack/react-query";
import { ArrowUpToLine, Check } from "lucide-react";
import { useTranslation } from "react-i18next";
import { ErrorBanner } from "../../app/error-banner";
import { useFormats } from "../../app/format";
import { useRun } from "../../app/run";
import { useHost } from "../../app/session";
import { Icon } from "../../design/icon";
import { Mark } from "../../design/mark";
import { type Part, partsOf } from "./parts";

export function Parts() {
  const { t } = useTranslation();
  const f = useFormats();
  const host = useHost();
  const { view } = useRun();
  const move = useMutation({
    mutationFn: (path: string) => host.restoreMoveToFront(view.run, path),
  });
  const { restore, marks } = view;
  if (!restore) return null;
  const parts = partsOf(restore);
  if (parts.length === 0) return null;
  const critical = marks.critical_ms;
  return (
    <section className="card">
      <div className="card-head">
        <h2>{t("restore.parts")}</h2>
        <span className="caption">{t("restore.partsBody")}</span>
      </div>
      {move.error ? (
        <div className="px-4 pb-3">
          <ErrorBanner error={move.error} actions={{ retry: move.reset }} />
        </div>
      ) : null}
      <ul className="parts">
        {restore.critical_files > 0 ? (
          <li>
            <Mark name="critical" state={critical === null ? "now" : "reached"} />
            <span className="truncate font-medium">{t("app.marks.critical")}</span>
            <Gauge
              share={
                critical !== null
                  ? 1
                  : restore.critical_bytes
                    ? Math.min(restore.bytes_done / restore.critical_bytes, 1)
                    : 0
              }
            />
            <span className="n">{f.bytes(restore.critical_bytes)}</span>
            <span className="n text-ink-2">
              {critical === null ? "" : t("restore.readyAt", { time: f.seconds(critical) })}
            </span>
          </li>
        ) : null}
        {parts.map(part => (
          <Row
            key={part.path}
            part={part}
            busy={move.isPending}
            onMove={() => move.mutate(part.path)}
          />
        ))}
      </ul>
    </section>
  );
}

function Row({ part, busy, onMove }: { part: Part; busy: boolean; onMove: () => void }) {
  const { t } = useTranslation();
  const f = useFormats();
  const done = part.done >= part.bytes;
  const [some, unit] = f.bytesLike(part.done, part.bytes);
  const [all] = f.bytesLike(part.bytes, part.bytes);
  const name = part.path || t("restore.rest");
  return (
    <li>
      <span className="part-sign" data-state={done ? "done" : part.done > 0 ? "now" : undefined}>
        {done ? <Icon of={Check} size={12} /> : null}
      </span>
      <span className={part.path ? "mono truncate" : "truncate"} title={name}>
        {name}
      </span>
      <Gauge share={part.bytes > 0 ? part.done / part.bytes : 1} />
      <span className="n">
        {done || part.done === 0
          ? `${all} ${unit}`
          : t("restore.someOf", { some, all: `${all} ${unit}` })}
      </span>
      {done ? (
        <span className="n text-ink-2">{t("restore.there")}</span>
      ) : part.first ? (
        <span className="n text-ink-2" role="status">
          {t("restore.first")}
        </span>
      ) : part.path ? (
        <button type="button" className="btn ghost small" disabled={busy} onClick={onMove}>
          <Icon of={ArrowUpToLine} size={14} />
          {t("restore.moveToFront")}
          <span className="sr"> {part.path}</span>
        </button>
      ) : (
        <span className="n text-ink-2">{part.done > 0 ? "" : t("restore.waiting")}</span>
      )}
    </li>
  );
}

function Gauge({ share }: { share: number }) {
  const f = useFormats();
  return (
    <span className="part-gauge">
      <span className="gauge" aria-hidden="true">
        <i style={{ width: `${share * 100}%` }} />
      </span>
      <span className="n">{f.percent(share)}</span>
    </span>
  );
}
