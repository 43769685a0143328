// An amount of money, or none.

import { useTranslation } from "react-i18next";
import { useFormats } from "../../app/format";
import type { Money } from "../../bindings";
import { useTyped } from "../../design/use-typed";
import { parsePrice } from "../launch/prices";

interface MoneyFieldProps {
  label: string;
  value: Money | null;
  /** What no amount means. */
  none: string;
  digits?: number;
  onChange: (value: Money | null) => void;
}

export function MoneyField({ label, value, none, digits = 2, onChange }: MoneyFieldProps) {
  const { t } = useTranslation();
  const f = useFormats();
  const written = value === null ? "" : f.typed(value / 1e6, digits);
  const { bad, input } = useTyped(written, text => {
    const parsed = parsePrice(text);
    if (parsed === undefined) return undefined;
    if (parsed !== value) onChange(parsed);
    return parsed === null ? "" : f.typed(parsed / 1e6, digits);
  });
  return (
    <span className="field w-[112px]" data-bad={bad ? "" : undefined}>
      <span className="text-ink-2">{t("launch.currency")}</span>
      <input
        type="text"
        inputMode="decimal"
        autoComplete="off"
        aria-label={label}
        placeholder={none}
        {...input}
      />
    </span>
  );
}
