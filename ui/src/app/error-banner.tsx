// An error in place: what failed, the particular cause, one button.

import { useTranslation } from "react-i18next";
import { Banner } from "../design/parts";
import { hostError } from "../host";
import { ERRORS, isRed, type ScreenAction, type WindowAction } from "./errors";
import { useWindowActions } from "./window-actions";

interface ErrorBannerProps {
  error: Error;
  /** What this screen can do about it. */
  actions?: Partial<Record<ScreenAction, () => void>>;
}

export function ErrorBanner({ error, actions = {} }: ErrorBannerProps) {
  const { t } = useTranslation();
  const anywhere = useWindowActions();
  const { code, details, trace } = hostError(error).app;
  const view = ERRORS[code] ?? ERRORS.internal;
  const all: Partial<Record<ScreenAction | WindowAction, () => void>> = { ...anywhere, ...actions };
  const action = view.actions.find(action => all[action]);
  return (
    <Banner
      tone={isRed(code) ? "danger" : "warn"}
      title={t(view.title)}
      action={
        action ? (
          <button type="button" className="btn small" onClick={all[action]}>
            {t(`errors.actions.${action}`)}
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
