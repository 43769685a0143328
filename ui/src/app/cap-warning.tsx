// A spending limit that this run brings near, or reached.

import { useTranslation } from "react-i18next";
import type { CapWarning } from "../bindings";
import { Banner } from "../design/parts";
import { useFormats } from "./format";
import { useWindowActions } from "./window-actions";

export function CapBanner({ caps }: { caps: CapWarning[] }) {
  const { t } = useTranslation();
  const f = useFormats();
  const limits = useWindowActions()["open-limits"];
  // The worst first, one at a time.
  const worst = [...caps].sort((a, b) => b.spent / b.limit - a.spent / a.limit)[0];
  if (!worst) return null;
  const { cap, spent, limit, reached } = worst;
  const share = f.percent(Math.min(spent / limit, 1));
  return (
    <Banner
      tone={reached ? "danger" : "warn"}
      title={reached ? t(`app.caps.reached.${cap}`) : t(`app.caps.near.${cap}`, { share })}
      action={
        <button type="button" className="btn small" onClick={limits}>
          {t("errors.actions.open-limits")}
        </button>
      }
    >
      {t("app.caps.spent", { spent: f.money(spent), cap: f.money(limit) })}{" "}
      {reached ? t("app.caps.reachedBody") : t("app.caps.nearBody")}
    </Banner>
  );
}
