// Quitting asks while a machine runs: what would go on costing, what would be
// cut off.

import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import type { QuitAsked } from "../bindings";
import { Confirm } from "../design/controls";
import { useFormats } from "./format";
import { useHost } from "./session";

export function QuitDialog() {
  const { t } = useTranslation();
  const f = useFormats();
  const host = useHost();
  const keep = useRef<HTMLButtonElement>(null);
  const [stake, setStake] = useState<QuitAsked | null>(null);
  useEffect(() => host.on("quitAsked", setStake), [host]);
  const title = () => {
    if (stake?.run) return t("quit.titleRun");
    if (stake?.machines) return t("quit.title", { count: stake.machines });
    return t("quit.titleUnsettled");
  };
  const stay = () => {
    setStake(null);
    host.appStay();
  };
  return (
    <Confirm
      open={stake !== null}
      onOpenChange={open => {
        if (!open) stay();
      }}
      keepRef={keep}
      title={title()}
      keep={t("quit.stay")}
      confirm={stake?.run ? t("quit.cancelAndQuit") : t("quit.quit")}
      onConfirm={() => {
        setStake(null);
        host.appQuit();
      }}
    >
      <div className="flex flex-col gap-2">
        {stake?.run ? <p>{t("quit.run")}</p> : null}
        {stake?.machines ? (
          <p>{t("quit.machines", { count: stake.machines, price: f.perHour(stake.per_hour) })}</p>
        ) : null}
        {stake?.unsettled ? <p>{t("quit.unsettled", { count: stake.unsettled })}</p> : null}
        <p>{t("quit.tray")}</p>
      </div>
    </Confirm>
  );
}
