import { Check, Copy } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Icon } from "./icon";

interface CopyButtonProps {
  /** What is copied; a promise where it has to be asked for first. */
  text: () => string | Promise<string>;
  label?: string;
  className?: string;
  onError?: (error: Error) => void;
}

export function CopyButton({ text, label, className = "btn small", onError }: CopyButtonProps) {
  const { t } = useTranslation();
  const [state, setState] = useState<"rest" | "done" | "failed">("rest");
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(await text());
      setState("done");
    } catch (cause) {
      setState("failed");
      onError?.(cause as Error);
    }
  };
  return (
    <button type="button" className={className} onClick={copy}>
      <Icon of={state === "done" ? Check : Copy} />
      <span role="status">{state === "rest" && label ? label : t(`app.copy.${state}`)}</span>
    </button>
  );
}
