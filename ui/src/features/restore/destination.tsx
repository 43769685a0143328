// Where a restore without a race goes, beside the title.

import { useTranslation } from "react-i18next";
import { useRun } from "../../app/run";
import { useListedMachine } from "./machine-card";

export function Destination() {
  const { t } = useTranslation();
  const { view } = useRun();
  const machine = useListedMachine();
  const to = view.destination;
  if (!to) return null;
  const name =
    to.kind === "local"
      ? t("restore.here")
      : machine
        ? `${machine.gpu}, ${machine.location}`
        : to.machine;
  return <span className="tag">{name}</span>;
}
