// The last lines of a machine's log, as its cloud has them.

import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import { ErrorBanner } from "../../app/error-banner";
import { queries } from "../../app/queries";
import { useHost } from "../../app/session";
import type { MachineId } from "../../bindings";
import { CopyButton } from "../../design/copy-button";
import { DialogBox } from "../../design/dialog";
import { Loading } from "../../design/loading";

const LINES = 300;

interface LogsProps {
  machine: MachineId;
  title: string;
  onClose: () => void;
}

export function Logs({ machine, title, onClose }: LogsProps) {
  const { t } = useTranslation();
  const host = useHost();
  const logs = useQuery(queries.logs(host, machine, LINES));
  const box = useRef<HTMLPreElement>(null);
  const count = logs.data?.length ?? 0;
  // biome-ignore lint/correctness/useExhaustiveDependencies: the end is where new lines are
  useEffect(() => {
    if (box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [count]);
  return (
    <DialogBox open onClose={onClose} title={t("machines.logsOf", { title })} wide>
      <div className="mt-3">
        {logs.error ? (
          <ErrorBanner error={logs.error} actions={{ retry: () => logs.refetch() }} />
        ) : logs.data === undefined ? (
          <Loading>{t("machines.readingLogs")}</Loading>
        ) : count === 0 ? (
          <p className="text-ink-2">{t("machines.noLogs")}</p>
        ) : (
          // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys
          <pre ref={box} className="logs selectable" tabIndex={0}>
            {logs.data.join("\n")}
          </pre>
        )}
      </div>
      {count > 0 ? (
        <div className="dialog-actions">
          <CopyButton className="btn" text={() => (logs.data ?? []).join("\n")} />
        </div>
      ) : null}
    </DialogBox>
  );
}
