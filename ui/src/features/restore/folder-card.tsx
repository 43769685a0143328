// The folder of this computer that a restore goes into.

import { useTranslation } from "react-i18next";
import { useRun } from "../../app/run";
import { CopyButton } from "../../design/copy-button";
import { ToolRows } from "./tool-rows";

export function FolderCard() {
  const { t } = useTranslation();
  const { view } = useRun();
  const to = view.destination;
  if (to?.kind !== "local") return null;
  return (
    <section className="card">
      <div className="card-head">
        <h2>{t("restore.here")}</h2>
      </div>
      <div className="card-body">
        <p className="mono selectable break-all text-12">{to.folder}</p>
        <dl className="pairs mt-3">
          <ToolRows />
        </dl>
        <div className="mt-3">
          <CopyButton text={() => to.folder} />
        </div>
      </div>
    </section>
  );
}
