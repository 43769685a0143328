// One filter: its name, and a bound that may be empty.

import { useId } from "react";
import { useTranslation } from "react-i18next";
import { useFormats } from "../../app/format";
import { CheckField } from "../../design/controls";
import { useTyped } from "../../design/use-typed";

interface BoundFieldProps {
  label: string;
  /** `≤` or `≥`; nothing where the figure itself is meant. */
  sign?: "≤" | "≥";
  /** In the unit that is shown. */
  value: number | null | undefined;
  digits?: number;
  onChange: (value: number | null) => void;
}

/** A figure as people type it: `null` for nothing, `undefined` for nonsense. */
export function parseBound(text: string): number | null | undefined {
  const plain = text
    .trim()
    .replace(",", ".")
    .replace(/^[≤≥<>=\s]+/, "");
  if (plain === "") return null;
  if (!/^\d{1,7}(\.\d{0,4})?$/.test(plain)) return undefined;
  return Number(plain);
}

export function BoundField({ label, sign, value, digits = 0, onChange }: BoundFieldProps) {
  const { t } = useTranslation();
  const f = useFormats();
  const id = useId();
  const written = value == null ? "" : f.typed(value, digits);
  const { text, bad, input } = useTyped(written, text => {
    const parsed = parseBound(text);
    if (parsed === undefined) return undefined;
    if (parsed !== (value ?? null)) onChange(parsed);
    return parsed === null ? "" : f.typed(parsed, digits);
  });
  return (
    <div className="bound" data-on={value == null ? undefined : ""}>
      <label htmlFor={id} title={label}>
        {label}
      </label>
      <span className="field" data-bad={bad ? "" : undefined}>
        {sign && text ? <span aria-hidden="true">{sign}</span> : null}
        <input
          id={id}
          type="text"
          inputMode="decimal"
          autoComplete="off"
          placeholder={t("offers.any")}
          {...input}
        />
      </span>
    </div>
  );
}

/** Countries, two letters each. */
export function CountriesField({
  label,
  value,
  onChange,
}: {
  label: string;
  value: string[];
  onChange: (value: string[]) => void;
}) {
  const { t } = useTranslation();
  const id = useId();
  const written = value.join(", ");
  const { input } = useTyped(written, text => {
    const codes = text.toUpperCase().match(/[A-Z]{2}/g) ?? [];
    const unique = [...new Set(codes)];
    if (unique.join() !== value.join()) onChange(unique);
    return unique.join(", ");
  });
  return (
    <div className="bound" data-on={value.length ? "" : undefined}>
      <label htmlFor={id} title={label}>
        {label}
      </label>
      <span className="field">
        <input id={id} type="text" autoComplete="off" placeholder={t("offers.any")} {...input} />
      </span>
    </div>
  );
}

export function SwitchBound({
  label,
  checked,
  onChange,
}: {
  label: string;
  checked: boolean;
  onChange: (checked: boolean) => void;
}) {
  return (
    <div className="bound" data-on={checked ? "" : undefined}>
      <CheckField checked={checked} onChange={onChange}>
        {label}
      </CheckField>
    </div>
  );
}
