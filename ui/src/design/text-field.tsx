// A line of text with its name above it, its unit behind it, and below it what
// is wrong with it.

import { TriangleAlert } from "lucide-react";
import { type ReactNode, type Ref, useId } from "react";
import { Icon } from "./icon";

interface TextFieldProps {
  label: ReactNode;
  value: string;
  onChange: (value: string) => void;
  /** Help below the field. */
  help?: ReactNode;
  /** What is wrong; takes the place of the help. */
  problem?: ReactNode;
  placeholder?: string;
  /** Before and behind the text. */
  before?: ReactNode;
  after?: ReactNode;
  type?: "text" | "password";
  inputMode?: "decimal" | "numeric";
  mono?: boolean;
  good?: boolean;
  disabled?: boolean;
  /** More than one line. */
  rows?: number;
  className?: string;
  inputRef?: Ref<HTMLInputElement>;
  onCommit?: () => void;
  /** Enter inside the line. */
  onEnter?: () => void;
}

export function TextField(props: TextFieldProps) {
  const id = useId();
  const note = useId();
  const { label, value, onChange, help, problem, rows, mono, className = "" } = props;
  const shared = {
    id,
    value,
    placeholder: props.placeholder,
    disabled: props.disabled,
    spellCheck: false,
    autoComplete: "off",
    autoCapitalize: "off",
    autoCorrect: "off",
    className: mono ? "mono" : undefined,
    "aria-invalid": problem ? true : undefined,
    "aria-describedby": problem || help ? note : undefined,
    onBlur: props.onCommit,
  };
  return (
    <div className={`text-field ${className}`}>
      <label htmlFor={id}>{label}</label>
      <span
        className={rows ? "field area" : "field"}
        data-bad={problem ? "" : undefined}
        data-good={props.good ? "" : undefined}
      >
        {props.before}
        {rows ? (
          <textarea {...shared} rows={rows} onChange={event => onChange(event.target.value)} />
        ) : (
          <input
            {...shared}
            ref={props.inputRef}
            type={props.type ?? "text"}
            inputMode={props.inputMode}
            onChange={event => onChange(event.target.value)}
            onKeyDown={event => {
              if (event.key !== "Enter") return;
              props.onCommit?.();
              props.onEnter?.();
            }}
          />
        )}
        {props.after}
      </span>
      {problem ? (
        <p id={note} className="problem">
          <Icon of={TriangleAlert} size={14} />
          {problem}
        </p>
      ) : help ? (
        <p id={note} className="caption">
          {help}
        </p>
      ) : null}
    </div>
  );
}
