import { Switch } from "@base-ui/react/switch";

interface SwitchFieldProps {
  label: string;
  checked: boolean;
  onChange: (checked: boolean) => void;
}

/** On or off, at once. */
export function SwitchField({ label, checked, onChange }: SwitchFieldProps) {
  return (
    <Switch.Root
      className="switch"
      aria-label={label}
      checked={checked}
      onCheckedChange={next => onChange(next)}
      nativeButton
      render={<button type="button" />}
    >
      <Switch.Thumb className="thumb" />
    </Switch.Root>
  );
}
