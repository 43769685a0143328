// What restores, how it gets onto the machine, and what it is given to read the
// repository with.

import type { ParseKeys } from "i18next";
import { useTranslation } from "react-i18next";
import { useFormats } from "../../app/format";
import { useRun } from "../../app/run";
import type { InstallRoute, StoreAccess } from "../../bindings";

const HOW: Record<InstallRoute, ParseKeys> = {
  present: "machine.how.present",
  fetched: "machine.how.fetched",
  pushed: "machine.how.pushed",
  package: "machine.how.package",
  "built-in": "machine.how.built-in",
};

export const ACCESS: Record<StoreAccess, ParseKeys> = {
  own: "machine.access.own",
  ticket: "machine.access.ticket",
  temporary: "machine.access.temporary",
  lasting: "machine.access.lasting",
};

export function ToolRows() {
  const { t } = useTranslation();
  const f = useFormats();
  const { restore } = useRun().view;
  if (!restore) return null;
  const { tool, access, installing } = restore;
  const sent = installing?.bytes
    ? t("restore.someOf", {
        some: f.bytesLike(installing.bytes_done, installing.bytes)[0],
        all: f.bytes(installing.bytes),
      })
    : "";
  const tells = tool
    ? `${tool.tool} ${tool.version}`
    : installing
      ? [t(HOW[installing.how]), sent].filter(Boolean).join(", ")
      : null;
  return (
    <>
      {tells === null ? null : (
        <div className="contents">
          <dt>{t("machine.tool")}</dt>
          <dd>{tells}</dd>
        </div>
      )}
      {access ? (
        <div className="contents">
          <dt>{t("machine.reads")}</dt>
          {/* Keys that outlive the run are worth a look. */}
          <dd className={access === "lasting" ? "text-warn" : undefined}>{t(ACCESS[access])}</dd>
        </div>
      ) : null}
    </>
  );
}
