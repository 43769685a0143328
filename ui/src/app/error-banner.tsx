// An error in place: what failed, the particular cause, one button.

import { useTranslation } from "react-i18next";
import { Banner } from "../design/parts";
import { hostError } from "../host";
import { ERRORS, type ErrorAction } from "./errors";

interface ErrorBannerProps {
  error: Error;
  /** What this screen can do about it. */
  actions?: Partial<Record<ErrorAction, () => void>>;
}

export function ErrorBanner({ error, actions = {} }: ErrorBannerProps) {
  const { t } = useTranslation();
  const { code, details, trace } = hostError(error).app;
  const view = ERRORS[code] ?? ERRORS.internal;
  const run = view.action ? actions[view.action] : undefined;
  return (
    <Banner
      tone={code === "still-running" || code === "internal" ? "danger" : "warn"}
      title={t(view.title)}
      action={
        view.action && run ? (
          <button type="button" className="btn small" onClick={run}>
            {t(`errors.actions.${view.action}`)}
          </button>
        ) : null
      }
    >
      {t(view.body)}
      {details || trace ? (
        <span className="selectable mt-1 block break-words text-ink-3">
          {[details, trace].filter(Boolean).join(" · ")}
        </span>
      ) : null}
    </Banner>
  );
}
