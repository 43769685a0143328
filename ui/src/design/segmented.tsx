// One of a few, side by side.

import { Radio } from "@base-ui/react/radio";
import { RadioGroup } from "@base-ui/react/radio-group";
import type { ReactNode } from "react";

interface SegmentedProps<T extends string> {
  label: string;
  value: T;
  choices: { value: T; label: ReactNode }[];
  onChange: (value: T) => void;
}

export function Segmented<T extends string>({
  label,
  value,
  choices,
  onChange,
}: SegmentedProps<T>) {
  return (
    <RadioGroup
      className="segmented"
      aria-label={label}
      value={value}
      onValueChange={next => onChange(next as T)}
    >
      {choices.map(choice => (
        <Radio.Root
          key={choice.value}
          value={choice.value}
          className="segment"
          nativeButton
          render={<button type="button" />}
        >
          {choice.label}
        </Radio.Root>
      ))}
    </RadioGroup>
  );
}
