// A dialog that asks for something, or shows it. What cannot be taken back is
// asked for by `Confirm`.

import { Dialog } from "@base-ui/react/dialog";
import { X } from "lucide-react";
import type { ReactNode, RefObject } from "react";
import { useTranslation } from "react-i18next";
import { Icon } from "./icon";

interface MainAction {
  label: ReactNode;
  run: () => void;
  /** Something is missing. */
  off?: boolean;
  busy?: boolean;
}

interface DialogBoxProps {
  open: boolean;
  onClose: () => void;
  title: ReactNode;
  children: ReactNode;
  /** What it is for; absent where it only shows something. */
  main?: MainAction;
  wide?: boolean;
  initialFocus?: RefObject<HTMLElement | null>;
}

export function DialogBox(props: DialogBoxProps) {
  const { t } = useTranslation();
  const { main } = props;
  return (
    <Dialog.Root open={props.open} onOpenChange={open => !open && props.onClose()}>
      <Dialog.Portal>
        <Dialog.Backdrop className="scrim" />
        <Dialog.Popup
          className={props.wide ? "dialog wide" : "dialog"}
          initialFocus={props.initialFocus}
        >
          <div className="flex items-start gap-3">
            <Dialog.Title className="flex-1">{props.title}</Dialog.Title>
            <Dialog.Close className="btn ghost small icon-only" aria-label={t("app.close")}>
              <Icon of={X} />
            </Dialog.Close>
          </div>
          {props.children}
          {main ? (
            <div className="dialog-actions">
              <button type="button" className="btn" onClick={props.onClose}>
                {t("app.cancel")}
              </button>
              <button
                type="button"
                className="btn primary"
                disabled={main.off || main.busy}
                title={main.off ? t("app.missing") : undefined}
                onClick={() => main.run()}
              >
                {main.busy ? <span className="spinner" /> : null}
                {main.label}
              </button>
            </div>
          ) : null}
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
