// Small parts that every screen uses.

import type { LucideIcon } from "lucide-react";
import { CircleAlert, OctagonAlert, TriangleAlert } from "lucide-react";
import type { ReactNode } from "react";
import type { CloudId } from "../bindings";
import { Icon } from "./icon";

export function Kbd({ children }: { children: ReactNode }) {
  return <kbd className="kbd">{children}</kbd>;
}

/** Clouds' own spelling of their names. */
export const CLOUD_NAMES: Record<CloudId, string> = { vast: "Vast.ai", runpod: "RunPod" };

/** Square V, round R. */
export function CloudBadge({ cloud }: { cloud: CloudId }) {
  const name = CLOUD_NAMES[cloud];
  return (
    <span className={cloud === "runpod" ? "cloud round" : "cloud"} title={name} aria-hidden="true">
      {name[0]}
    </span>
  );
}

interface BannerProps {
  tone: "danger" | "warn" | "accent";
  title: ReactNode;
  children?: ReactNode;
  /** One button. */
  action?: ReactNode;
}

const SIGNS: Record<BannerProps["tone"], LucideIcon> = {
  danger: OctagonAlert,
  warn: TriangleAlert,
  accent: CircleAlert,
};

/** What happened, what still works, one button. */
export function Banner({ tone, title, children, action }: BannerProps) {
  return (
    <div className={`banner ${tone}`} role={tone === "danger" ? "alert" : "status"}>
      <Icon of={SIGNS[tone]} size={20} />
      <div className="min-w-0 flex-1">
        <b className="font-semibold">{title}</b>
        {children ? <div className="caption">{children}</div> : null}
      </div>
      {action}
    </div>
  );
}

/** One fact and one action, where there is nothing to show. */
export function Empty({
  icon,
  title,
  children,
  action,
}: {
  icon: LucideIcon;
  title: ReactNode;
  children?: ReactNode;
  action?: ReactNode;
}) {
  return (
    <div className="empty">
      <Icon of={icon} size={32} />
      <b>{title}</b>
      {children ? <p>{children}</p> : null}
      {action ? <div className="mt-3">{action}</div> : null}
    </div>
  );
}

/** A line of a receipt. */
export function ReceiptLine({
  name,
  children,
  sum,
}: {
  name: string;
  children: ReactNode;
  sum?: boolean;
}) {
  return (
    <li className={sum ? "sum" : undefined}>
      <span>{name}</span>
      <i aria-hidden="true" />
      <b>{children}</b>
    </li>
  );
}
