// A dialog that asks for something, or shows it. What cannot be taken back is
// asked for by `Confirm`.

import { Dialog } from "@base-ui/react/dialog";
import { X } from "lucide-react";
import type { ReactNode, RefObject } from "react";
import { useTranslation } from "react-i18next";
import { Icon } from "./icon";

interface DialogBoxProps {
  open: boolean;
  onClose: () => void;
  title: ReactNode;
  children: ReactNode;
  /** At its foot, the main one last. */
  actions?: ReactNode;
  wide?: boolean;
  initialFocus?: RefObject<HTMLElement | null>;
}

export function DialogBox(props: DialogBoxProps) {
  const { t } = useTranslation();
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
          {props.actions ? <div className="dialog-actions">{props.actions}</div> : null}
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
