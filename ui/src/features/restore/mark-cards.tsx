// The three marks, each with its time or what is left to it.

import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useFormats } from "../../app/format";
import { LiveText } from "../../app/live";
import { useRun } from "../../app/run";
import { Mark, type MarkName } from "../../design/mark";

export function MarkCards() {
  const { t } = useTranslation();
  const f = useFormats();
  const { view } = useRun();
  const { marks, restore } = view;
  const done = restore && restore.bytes > 0 ? restore.bytes_done / restore.bytes : 0;
  const eta = restore?.eta_ms ?? null;
  const at = restore?.rates.at(-1)?.at_ms ?? view.elapsed_ms;
  const critical = restore
    ? t("restore.files", {
        bytes: f.bytes(restore.critical_bytes),
        files: f.count(restore.critical_files),
        count: restore.critical_files,
      })
    : "";
  const complete =
    marks.complete_ms !== null
      ? t("restore.verified")
      : eta === null
        ? f.percent(done)
        : t("restore.readyAbout", { share: f.percent(done), time: f.seconds(at + eta) });

  // A restore without a race has no shell to wait for, and often no critical files.
  const raced = view.destination === null;
  const some = raced || (restore?.critical_files ?? 0) > 0;
  return (
    <ul className={raced ? "marks" : some ? "marks two" : "marks one"}>
      {raced ? (
        <Card name="shell" title={t("app.marks.shell")} time={marks.shell_ms}>
          {t("restore.sshOpen")}
        </Card>
      ) : null}
      {some ? (
        <Card
          name="critical"
          title={t("app.marks.critical")}
          time={marks.critical_ms}
          share={
            restore?.critical_bytes ? Math.min(restore.bytes_done / restore.critical_bytes, 1) : 0
          }
        >
          {critical}
        </Card>
      ) : null}
      <Card
        name="complete"
        title={t("app.marks.complete")}
        time={marks.complete_ms}
        share={done}
        left={
          eta === null ? null : (
            <>
              <LiveText of={now => f.tenths(Math.max(at + eta - now, 0))} />
              <small>{t("restore.sLeft")}</small>
            </>
          )
        }
      >
        {complete}
      </Card>
    </ul>
  );
}

interface CardProps {
  name: MarkName;
  title: string;
  /** When it was reached, since `run_started`. */
  time: number | null;
  /** How far it is, 0…1. */
  share?: number;
  left?: ReactNode;
  children: ReactNode;
}

function Card({ name, title, time, share = 0, left, children }: CardProps) {
  const f = useFormats();
  const state = time === null ? "now" : "reached";
  return (
    <li className={`mark-card ${state}`} data-mark={name}>
      <Mark name={name} state={state} />
      <div className="min-w-0">
        <b>{title}</b>
        <div className="text-12 text-ink-2">{children}</div>
      </div>
      <div className={`time ${time === null ? "text-accent" : ""}`}>
        {time === null ? (
          left
        ) : (
          <>
            {f.tenths(time)}
            <small>s</small>
          </>
        )}
      </div>
      {time === null ? <span className="progress" style={{ width: `${share * 100}%` }} /> : null}
    </li>
  );
}
