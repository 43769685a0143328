import { MonitorX } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Empty } from "../design/parts";

/** The page was opened in a browser: it has no engine there. */
export function NoShell() {
  const { t } = useTranslation();
  return (
    <main className="flex h-full">
      <Empty icon={MonitorX} title={t("app.noShell")}>
        {t("app.noShellBody")}
      </Empty>
    </main>
  );
}
