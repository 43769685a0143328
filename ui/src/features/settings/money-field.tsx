// An amount of money, or none.

import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { useFormats } from "../../app/format";
import type { Money } from "../../bindings";
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
  const [text, setText] = useState(written);
  const [bad, setBad] = useState(false);
  useEffect(() => {
    setText(written);
    setBad(false);
  }, [written]);
  const commit = () => {
    const parsed = parsePrice(text);
    setBad(parsed === undefined);
    if (parsed === undefined) return;
    setText(parsed === null ? "" : f.typed(parsed / 1e6, digits));
    if (parsed !== value) onChange(parsed);
  };
  return (
    <span className="field w-[112px]" data-bad={bad ? "" : undefined}>
      <span className="text-ink-2">{t("launch.currency")}</span>
      <input
        type="text"
        inputMode="decimal"
        autoComplete="off"
        aria-label={label}
        aria-invalid={bad || undefined}
        placeholder={none}
        value={text}
        onChange={event => setText(event.target.value)}
        onBlur={commit}
        onKeyDown={event => {
          if (event.key === "Enter") commit();
        }}
      />
    </span>
  );
}
