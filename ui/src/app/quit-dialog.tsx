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
      title={stake?.run ? t("quit.titleRun") : t("quit.title", { count: stake?.machines ?? 0 })}
      keep={t("quit.stay")}
      confirm={stake?.run ? t("quit.cancelAndQuit") : t("quit.quit")}
      onConfirm={() => {
        setStake(null);
        host.appQuit();
      }}
    >
      {stake?.run ? <p>{t("quit.run")}</p> : null}
      {stake?.machines ? (
        <p className={stake.run ? "mt-2" : undefined}>
          {t("quit.machines", { count: stake.machines, price: f.perHour(stake.per_hour) })}
        </p>
      ) : null}
      <p className="mt-2">{t("quit.tray")}</p>
    </Confirm>
  );
}
