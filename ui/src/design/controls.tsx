// Controls on Base UI: it brings behaviour, names and keys; we bring the looks.

import { AlertDialog } from "@base-ui/react/alert-dialog";
import { Checkbox } from "@base-ui/react/checkbox";
import { Select } from "@base-ui/react/select";
import { Check, ChevronDown, Minus } from "lucide-react";
import { type ReactNode, type RefObject, useId } from "react";
import { Icon } from "./icon";

interface CheckFieldProps {
  checked: boolean;
  /** Some of what is below it. */
  mixed?: boolean;
  onChange: (checked: boolean) => void;
  children: ReactNode;
}

export function CheckField({ checked, mixed, onChange, children }: CheckFieldProps) {
  const id = useId();
  return (
    <span className="check">
      <Checkbox.Root
        id={id}
        className="check-box"
        checked={checked}
        indeterminate={mixed ?? false}
        onCheckedChange={next => onChange(next)}
        nativeButton
        render={<button type="button" />}
      >
        <Checkbox.Indicator className="contents">
          <Icon of={mixed ? Minus : Check} />
        </Checkbox.Indicator>
      </Checkbox.Root>
      <label htmlFor={id}>{children}</label>
    </span>
  );
}

export interface Choice<T> {
  value: T;
  label: ReactNode;
  /** Begins a group of this name. */
  group?: string;
}

interface SelectFieldProps<T> {
  label: string;
  value: T;
  choices: Choice<T>[];
  onChange: (value: T) => void;
  /** What the closed field shows. */
  children: ReactNode;
  className?: string;
  triggerRef?: RefObject<HTMLButtonElement | null>;
}

export function SelectField<T extends string | number | null>(props: SelectFieldProps<T>) {
  const { label, value, choices, onChange, children, className = "", triggerRef } = props;
  return (
    <Select.Root value={value} onValueChange={next => onChange(next as T)}>
      <Select.Trigger ref={triggerRef} className={`field ${className}`} aria-label={label}>
        {children}
        <Icon of={ChevronDown} size={14} className="chevron" />
      </Select.Trigger>
      <Select.Portal>
        <Select.Positioner sideOffset={4} alignItemWithTrigger={false} className="z-10">
          <Select.Popup className="menu" aria-label={label}>
            {choices.map(choice => (
              <div key={String(choice.value)} className="contents">
                {choice.group ? <div className="menu-label">{choice.group}</div> : null}
                <Select.Item value={choice.value} className="menu-item">
                  <span className="picked">
                    <Select.ItemIndicator className="contents">
                      <Icon of={Check} size={14} />
                    </Select.ItemIndicator>
                  </span>
                  <Select.ItemText render={<span className="flex min-w-0 items-center gap-2" />}>
                    {choice.label}
                  </Select.ItemText>
                </Select.Item>
              </div>
            ))}
          </Select.Popup>
        </Select.Positioner>
      </Select.Portal>
    </Select.Root>
  );
}

interface ConfirmProps {
  open: boolean;
  /** `byEscape`: the Escape key asks for the change. */
  onOpenChange: (open: boolean, byEscape: boolean) => void;
  title: string;
  children: ReactNode;
  /** The way back; it has the focus. */
  keep: string;
  /** Absent where there is only the way back. */
  confirm: ReactNode;
  /** What is asked for costs money rather than losing something. */
  primary?: boolean;
  disabled?: boolean;
  /** Why it is off. */
  why?: string | undefined;
  onConfirm: () => void;
  keepRef: RefObject<HTMLButtonElement | null>;
}

/** Asks before something that cannot be taken back. */
export function Confirm(props: ConfirmProps) {
  return (
    <AlertDialog.Root
      open={props.open}
      onOpenChange={(open, details) => props.onOpenChange(open, details.reason === "escape-key")}
    >
      <AlertDialog.Portal>
        <AlertDialog.Backdrop className="scrim" />
        <AlertDialog.Popup className="dialog" initialFocus={props.keepRef}>
          <AlertDialog.Title>{props.title}</AlertDialog.Title>
          <AlertDialog.Description render={<div />} className="mt-2 text-ink-2">
            {props.children}
          </AlertDialog.Description>
          <div className="dialog-actions">
            <AlertDialog.Close ref={props.keepRef} className="btn">
              {props.keep}
            </AlertDialog.Close>
            {props.confirm ? (
              <button
                type="button"
                className={props.primary ? "btn primary" : "btn danger"}
                disabled={props.disabled}
                title={props.why}
                onClick={props.onConfirm}
              >
                {props.confirm}
              </button>
            ) : null}
          </div>
        </AlertDialog.Popup>
      </AlertDialog.Portal>
    </AlertDialog.Root>
  );
}
